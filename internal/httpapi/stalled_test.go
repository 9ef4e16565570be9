package httpapi

import (
	"bufio"
	"context"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// endless is a Chat whose answers have no end. It counts their bytes.
type endless struct {
	fakeChat
	piece  []chat.Event // is repeated
	pulled atomic.Int64 // bytes of text
	left   atomic.Bool  // the reader wants no more
}

func (*endless) MarkClientLeft() {}

func (e *endless) Chat(context.Context, *chat.Request) (Answer, error) { return e, nil }
func (e *endless) Session() int64                                      { return 4711 }
func (e *endless) Placement() chat.Placement                           { return chat.PlacementNew }

func (e *endless) Events() iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		for {
			for _, ev := range e.piece {
				e.pulled.Add(int64(len(ev.Text)))
				if !yield(ev, nil) {
					e.left.Store(true)
					return
				}
			}
		}
	}
}

// For a reader that stalls, the server pulls no more from the platform than a buffer of
// bounded size. When it drops the reader, it pulls nothing any more.
func TestStalledReaderHoldsLittle(t *testing.T) {
	const maxPulled = 2 * flushSize
	piece := textStep(strings.Repeat("x", 1<<10)).event
	for name, events := range map[string][]chat.Event{
		"each piece flushed":    {piece, pauseStep().event},
		"pieces without pauses": {piece},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := &endless{piece: events}
				s, _, _ := newTestServer(nil, func(o *Options) { o.Chat = e })
				conn := listenTo(t, s).dial(t)
				send(t, conn, questionWith(`"stream":true`), streamTarget)
				r := bufio.NewReaderSize(conn, 16)
				readUntil(t, r, func(line string) bool { return strings.HasPrefix(line, "data: ") })
				time.Sleep(29 * time.Second)
				synctest.Wait()
				if n := e.pulled.Load(); n == 0 || n > maxPulled {
					t.Errorf("bytes pulled for a reader that stalls = %d, want 1 to %d", n, maxPulled)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if gone := metricSum(t, s, "achuan_clients_gone_total"); !e.left.Load() || gone != 1 {
					t.Errorf("after 31 s: left = %t with %v clients gone, want true with 1", e.left.Load(), gone)
				}
			})
		})
	}
}
