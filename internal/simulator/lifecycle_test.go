package simulator

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestAnswerContinuesWithoutClient(t *testing.T) {
	c, id := newTestSession(t, Options{})
	gate := make(chan struct{})
	c.sim.Script(Reply{Deltas: []string{"one", " two", " three"}, Gate: gate})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	resp, err := c.open(ctx, id, "count")
	if err == nil {
		defer resp.Body.Close()
		gate <- struct{}{}
		_, err = bufio.NewReader(resp.Body).ReadString('\n')
	}
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	c.await(func() bool { return c.sim.Turns()[0].ClientGone })
	if turn := c.sim.Turns()[0]; !turn.Ended.IsZero() || c.sim.InFlight() != 1 {
		t.Fatalf("turn = %+v, want one that is in flight", turn)
	}
	close(gate)
	c.await(func() bool { return c.sim.InFlight() == 0 })
	if got := c.sim.Records(id)[0].AIText; got != "one two three" {
		t.Errorf("stored answer = %q, want %q", got, "one two three")
	}
}

func TestOverlap(t *testing.T) {
	c := newTestPlatform(t, Options{})
	id, other := c.createSession("gpt-5.1-high"), c.createSession("gpt-5.1-high")
	resp, gate := c.openLate(id, "first")
	c.ask(id, "second")
	c.ask(other, "elsewhere")
	close(gate)
	read(t, resp)
	c.ask(id, "third")
	got := map[string]bool{}
	for _, turn := range c.sim.Turns() {
		got[turn.Text] = turn.Overlapped
	}
	for text, want := range map[string]bool{"first": false, "second": true, "elsewhere": false, "third": false} {
		if got[text] != want {
			t.Errorf("%s: overlapped = %v, want %v", text, got[text], want)
		}
	}
}

// A client may ask again as soon as it has read the last frame, whichever frame it considers the last one. The turns
// then do not overlap.
func TestTurnEndsBeforeItsLastFrames(t *testing.T) {
	for _, last := range []string{`"type":"object"`, donePayload, `"err"`} {
		t.Run(last, func(t *testing.T) {
			c, id := newTestSession(t, Options{Pace: time.Microsecond})
			c.sim.OnTurn(func(Turn) *Reply {
				if last == `"err"` {
					return new(SayThenFail("text", "broken"))
				}
				return &Reply{Text: "text", NoObject: last == donePayload}
			})
			for range 20 {
				resp, err := c.open(t.Context(), id, "next")
				if err != nil {
					t.Fatal(err)
				}
				for lines := bufio.NewReader(resp.Body); ; {
					line, err := lines.ReadString('\n')
					if err != nil {
						t.Fatal(err)
					}
					if strings.Contains(line, last) {
						break
					}
				}
				resp.Body.Close()
			}
			for i, turn := range c.sim.Turns() {
				if turn.Overlapped {
					t.Fatalf("turn %d overlapped, want no overlap", i)
				}
			}
		})
	}
}

func TestForgottenWhileAnswering(t *testing.T) {
	c, id := newTestSession(t, Options{})
	resp, gate := c.openLate(id, "hi")
	c.sim.Forget(id)
	close(gate)
	if got := deltas(t, read(t, resp)); got != "late" {
		t.Errorf("answer = %q, want %q", got, "late")
	}
	if got := c.ask(id, "hi"); !strings.Contains(got, "对话不存在") {
		t.Errorf("answer after Forget = %s, want an unknown session", got)
	}
	if len(c.sim.Deleted()) != 0 || c.sim.InFlight() != 0 || c.sim.Records(id) != nil {
		t.Errorf("deleted = %v, in flight = %d, records = %v; want nothing", c.sim.Deleted(), c.sim.InFlight(), c.sim.Records(id))
	}
}

func TestCloseEndsHangingAnswers(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	sim := New(Options{Now: func() time.Time { return start }})
	srv := httptest.NewServer(sim)
	defer srv.Close()
	c := connectTo(t, sim, srv)
	id := c.createSession("gpt-5.1-high")
	sim.Script(Stream(Head(), Hang(), Deltas("never")), Stream(Head(), Wait(nil)), Reply{Text: "slow", Delay: time.Hour})
	var open []*http.Response
	for range 3 {
		open = append(open, c.mustOpen(id, "hi"))
	}
	sim.Close()
	for _, resp := range open {
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("read of an incomplete answer = no error, want one")
		}
		resp.Body.Close()
	}
	if n := len(sim.Records(id)); n != 0 {
		t.Errorf("records = %d, want 0", n)
	}
	if status, _ := c.call("GET /api/chat/tmpl", ""); status != http.StatusServiceUnavailable {
		t.Errorf("request after Close = HTTP %d, want HTTP 503", status)
	}
	srv.Client().CloseIdleConnections()
}

func TestCloseWithAClientThatDoesNotRead(t *testing.T) {
	sim := New(Options{Writes: AllReady})
	srv := httptest.NewServer(sim)
	c := connectTo(t, sim, srv)
	id := c.createSession("gpt-5.1-high")
	sim.Script(Reply{Deltas: []string{strings.Repeat("a lot of text ", 1<<20)}})
	resp := c.mustOpen(id, "hi")
	sim.Close()
	c.await(func() bool { return sim.Turns()[0].ClientGone }) // the write has failed
	resp.Body.Close()
	srv.Close()
}

func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(Options{Pace: 20 * time.Millisecond, Writes: EachFrame})
		defer sim.Close()
		id := sim.AddSession("gpt-5.1-high")
		sim.Script(
			Reply{Deltas: []string{"a", "b", "c"}},                                           // 5 frames
			Reply{Deltas: []string{"a", "b", "c"}, Delay: time.Second, NoObject: true},       // 4 frames
			Stream(Head(), Pause(time.Minute), Deltas("a")),                                  // a pause and one frame
			Reply{Status: 503, Body: "later"},                                                // no frame
			Reply{Steps: []Step{Pause(time.Minute)}, Status: 504, ContentType: "text/plain"}, // after a pause
		)
		for _, want := range []time.Duration{
			100 * time.Millisecond, 4 * time.Second, time.Minute + 20*time.Millisecond, 0, time.Minute,
		} {
			began := time.Now()
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/chat/completions", strings.NewReader(questionBody(id, "hi")))
			r.Header.Set("Authorization", "token")
			sim.ServeHTTP(httptest.NewRecorder(), r)
			if took := time.Since(began); took != want {
				t.Errorf("reply took %v, want %v", took, want)
			}
		}
		for _, turn := range sim.Turns() {
			if len(turn.TaskID) != 19 {
				t.Errorf("task id in the year 2000 = %q, want 19 digits", turn.TaskID)
			}
		}
	})
}

func TestAwaitTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := New(Options{})
		defer sim.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := sim.Await(ctx, func() bool { return false }); err != context.DeadlineExceeded {
			t.Errorf("Await() = %v, want %v", err, context.DeadlineExceeded)
		}
	})
}
