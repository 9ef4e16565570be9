package conversation_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// chatter is a client that continues one chat, whatever happens to its requests.
type chatter struct {
	*site
	request  func(transcript []chat.Message) *chat.Request
	spoken   []chat.Message
	answered []string // marks that later answers must have seen, in this order
	next     int
}

// turn asks one question, again when it is refused, and checks what the model saw.
func (c *chatter) turn() {
	c.t.Helper()
	c.next++
	mark := fmt.Sprintf("«%d»", c.next)
	c.spoken = append(c.spoken, user("q"+mark))
	for try := 0; ; try++ {
		r := c.request(slices.Clone(c.spoken))
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		got, err := c.try(ctx, r)
		cancel()
		if e := chat.AsError(err); e != nil {
			if e.Code != chat.CodeStoreUnavailable && e.Code != chat.CodeBackendTruncated || try > 2 {
				c.t.Fatalf("%s, try %d: %v", mark, try, err)
			}
			continue
		}
		c.spoken = append(c.spoken, assistant(got.text))
		i := slices.IndexFunc(c.sim.Turns(), func(t simulator.Turn) bool { return t.Answer == got.text })
		saw := seen(c.sim.Turns()[i])
		c.answered = append(c.answered, mark)
		if !slices.Equal(slices.Compact(saw), slices.Concat(c.answered)) {
			c.t.Errorf("%s in %d: the model saw %v, want %v", got.placement, got.session, saw, c.answered)
		}
		return
	}
}

// A store that fails at any one of its calls, having done what was asked or not,
// costs at most a refusal before the question: no session is matched wrongly,
// nothing said is lost or asked twice, nobody waits for ever, and what was taken is
// given back.
func TestOneCallFails(t *testing.T) {
	byTranscript := func(transcript []chat.Message) *chat.Request { return whole(alice, transcript...) }
	byLast := func(place func(...chat.Message) *chat.Request) func([]chat.Message) *chat.Request {
		return func(transcript []chat.Message) *chat.Request { return place(transcript[len(transcript)-1]) }
	}
	named := func(m ...chat.Message) *chat.Request { return byName(alice, "n", m...) }
	for _, tc := range []struct {
		name    string
		request func(transcript []chat.Message) *chat.Request
		meddle  func(s *site) // before the third question
	}{
		{"by transcript", byTranscript, func(*site) {}},
		{"by transcript, other settings", func(transcript []chat.Message) *chat.Request {
			r := byTranscript(transcript)
			r.Temperature = new(float64(len(transcript)) / 10)
			return r
		}, func(*site) {}},
		{"by transcript, unverified", byTranscript, (*site).unverify},
		{"by transcript, changed elsewhere", byTranscript, func(s *site) {
			s.sim.AppendRecord(s.last().SessionID, "typed", "elsewhere")
			s.unverify()
		}},
		{"by transcript, lost", byTranscript, func(s *site) { s.sim.Forget(s.last().SessionID) }},
		{"by key", func(transcript []chat.Message) *chat.Request {
			return keyed(fmt.Sprint(len(transcript)), byTranscript(transcript))
		}, func(*site) {}},
		{"by name", byLast(named), func(*site) {}},
		{"by name, broken off", byLast(named), func(s *site) { s.sim.Script(simulator.CutShort("")) }},
		{"by name with history", func(transcript []chat.Message) *chat.Request { return named(transcript...) }, func(*site) {}},
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late %t", tc.name, late), func(t *testing.T) {
				for n := int64(1); ; n++ {
					failed := true
					t.Run(fmt.Sprint("call ", n), func(t *testing.T) {
						// A short lease: what a call left taken comes free soon.
						s := newLeasedSite(t, simulator.Options{}, false, time.Second/2)
						answers := 0
						s.sim.OnTurn(func(simulator.Turn) *simulator.Reply {
							answers++
							return &simulator.Reply{Text: fmt.Sprint("a", answers)}
						})
						c := &chatter{site: s, request: tc.request}
						s.flaky.late.Store(late)
						s.flaky.left.Store(n)
						c.turn()
						c.turn()
						tc.meddle(s)
						c.turn()
						c.turn()
						failed = s.flaky.left.Load() <= 0
						s.flaky.left.Store(0)
						c.turn()
						s.askedOnce()
						s.nothingTaken()
					})
					if !failed || n > 60 {
						return
					}
				}
			})
		}
	}
}

// askedOnce checks that no question reached the model more often than it was answered.
func (s *site) askedOnce() {
	s.t.Helper()
	asked := map[string]int{}
	for _, turn := range s.sim.Turns() {
		all := seen(turn)
		asked[all[len(all)-1]]++
	}
	for m, n := range asked {
		if n > 1 && !strings.Contains(s.t.Name(), "broken_off") {
			s.t.Errorf("%s was asked %d times", m, n)
		}
	}
	s.oneAtATime()
}

// nothingTaken checks that the engine holds nothing when all turns have ended and all
// pending writes are committed.
func (s *site) nothingTaken() {
	s.t.Helper()
	s.drain()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 200 {
		if s.engine.Held() == 0 {
			return
		}
		<-tick.C
	}
	s.t.Errorf("%d things are held still", s.engine.Held())
}
