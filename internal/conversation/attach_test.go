package conversation_test

import (
	"context"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

func TestIdempotencyKey(t *testing.T) {
	s := plainSite(t)
	first := s.ask(keyed("k", whole(alice, user("hello"))))
	again := s.ask(keyed("k", streamed(whole(alice, user("hello")))))
	if again.placement != chat.PlacementAttached || again.session != first.session || again.text != first.text {
		t.Errorf("answer to the same key = %+v, want the answer %+v, attached", again, first)
	}
	s.asked(1)
	if e := s.askRefused(keyed("k", whole(alice, user("other"))), chat.CodeIdempotencyMismatch); e.Kind != chat.KindUnprocessable {
		t.Errorf("kind = %d, want %d", e.Kind, chat.KindUnprocessable)
	}
	if got := s.ask(keyed("k", whole(bob, user("other")))); got.placement != chat.PlacementNew {
		t.Errorf("placement with another caller's key = %s, want %s", got.placement, chat.PlacementNew)
	}
	// The repetition has not changed the chat.
	s.continued(s.ask(whole(alice, user("hello"), assistant(again.text), user("next"))), first.session, "next")
	// Five minutes later the key is free.
	s.clock.Add(int64(2 * conversation.AnswerRetention))
	if got := s.ask(keyed("k", whole(alice, user("hello")))); got.placement != chat.PlacementNew {
		t.Errorf("placement with an old key = %s, want %s", got.placement, chat.PlacementNew)
	}
}

// A request whose key belongs to a running turn gets the whole answer, from its beginning.
func TestIdempotencyKeyOfARunningTurn(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	a := s.hold(keyed("k", whole(alice, user("hello"))), gate)
	heard, first := s.listen(a)
	<-heard
	b := s.begin(keyed("k", whole(alice, user("hello"))))
	pieces := []string{}
	for ev, err := range b.Events() {
		if err != nil {
			t.Fatal(err)
		}
		switch ev.Kind {
		case chat.EventText:
			pieces = append(pieces, ev.Text)
		case chat.EventPause: // it has all of the answer so far
			if len(pieces) == 1 {
				close(gate)
			}
		}
	}
	if text := strings.Join(pieces, ""); text != "begun" || len(pieces) < 2 || b.Placement() != chat.PlacementAttached {
		t.Errorf("answer to the same key = %s in the pieces %q, want begun in several, attached", b.Placement(), pieces)
	}
	if got := <-first; got != "begun" {
		t.Errorf("answer of the first client = %q, want begun", got)
	}
	s.asked(1)
}

// A turn that failed frees its key.
func TestFailedTurnFreesItsKey(t *testing.T) {
	for name, reply := range map[string]simulator.Reply{
		"refused": simulator.Fail("套餐余量不足"), "cut": simulator.CutShort("half"), "after text": simulator.SayThenFail("half", "上游异常"),
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			s.sim.Script(reply)
			r := func() *chat.Request { return keyed("k", whole(alice, user("hello"))) }
			if got, err := s.try(t.Context(), r()); err == nil {
				t.Fatalf("Ask(…) = %+v, want an error", got)
			}
			if got := s.ask(r()); got.placement != chat.PlacementNew || got.text == "half" {
				t.Errorf("repetition = %+v, want a new answer", got)
			}
		})
	}
	t.Run("before it had a session", func(t *testing.T) {
		s := plainSite(t)
		r := func() *chat.Request { return keyed("k", byID(alice, foreignID, user("hello"))) }
		s.askRefused(r(), chat.CodeSessionNotFound)
		s.askRefused(r(), chat.CodeSessionNotFound)
	})
}

func TestRetriesOfAClientThatLeft(t *testing.T) {
	for _, tc := range []struct {
		name     string
		first    *chat.Request
		again    *chat.Request
		attaches bool
	}{
		{"marked, after text", streamed(whole(alice, user("hello"))), marked(streamed(whole(alice, user("hello")))), true},
		{"marked, whole after streamed", streamed(whole(alice, user("hello"))), marked(whole(alice, user("hello"))), true},
		{"unmarked, after text", streamed(whole(alice, user("hello"))), streamed(whole(alice, user("hello"))), false},
		{"unmarked, nothing was delivered", whole(alice, user("hello")), whole(alice, user("hello")), true},
		{"marked, another question", whole(alice, user("hello")), marked(whole(alice, user("hello!"))), false},
		{"marked, another caller", whole(alice, user("hello")), marked(whole(bob, user("hello"))), false},
		{"marked, by name", byName(alice, "n", user("hello")), marked(byName(alice, "n", user("hello"))), true},
		{"marked, other settings", whole(alice, user("hello")), marked(whole(alice, system("x"), user("hello"))), false},
	} {
		for _, when := range []string{"running", "whole"} {
			t.Run(tc.name+", "+when, func(t *testing.T) {
				s := plainSite(t)
				gate := make(chan struct{})
				first, again := *tc.first, *tc.again
				leaveAfterText(t, s.hold(&first, gate))
				if when == "whole" {
					close(gate)
					s.drain()
				}
				a := s.begin(&again)
				if when == "running" {
					close(gate)
				}
				got, err := finish(a)
				if err != nil {
					t.Fatal(err)
				}
				if attached := got.placement == chat.PlacementAttached; attached != tc.attaches {
					t.Fatalf("placement = %s, want attached = %t", got.placement, tc.attaches)
				}
				s.drain()
				if tc.attaches {
					s.asked(1)
					if got.text != "begun" {
						t.Errorf("answer = %q, want begun", got.text)
					}
				} else {
					s.asked(2)
				}
			})
		}
	}
}

// An answer is attached to only once, because the second repetition is from another client.
func TestTwoRetriesAtOnce(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	leaveAfterText(t, s.hold(streamed(whole(alice, user("hello"))), gate))
	one, two := s.begin(marked(whole(alice, user("hello")))), s.begin(marked(whole(alice, user("hello"))))
	if one.Placement() != chat.PlacementAttached || two.Placement() != chat.PlacementNew {
		t.Fatalf("placements of two repetitions = %s and %s, want attached and new", one.Placement(), two.Placement())
	}
	// When the attached client leaves too, the next client may attach.
	ctx, cancel := context.WithCancel(t.Context())
	one.Discard()
	three, err := s.place(ctx, marked(whole(alice, user("hello"))))
	if err != nil {
		t.Fatal(err)
	}
	if three.Placement() != chat.PlacementAttached {
		t.Fatalf("placement = %s, want attached", three.Placement())
	}
	cancel()
	for range three.Events() { // ends at once
	}
	close(gate)
	got := s.ask(marked(whole(alice, user("hello"))))
	if got.placement != chat.PlacementAttached || got.text != "begun" {
		t.Errorf("answer = %+v, want begun, attached", got)
	}
	two.Discard()
	s.asked(1)
}

// A client that leaves before the end of its answer reaches it gets the answer with its next request.
func TestLeftAtTheEnd(t *testing.T) {
	s := plainSite(t)
	a := s.begin(whole(alice, user("hello")))
	first, err := finish(a)
	if err != nil {
		t.Fatal(err)
	}
	a.MarkClientLeft()
	got := s.ask(whole(alice, user("hello")))
	if got.placement != chat.PlacementAttached || got.text != first.text || got.session != first.session {
		t.Errorf("repetition = %+v, want the answer %+v, attached", got, first)
	}
	if got := s.ask(whole(alice, user("hello"))); got.placement != chat.PlacementNew {
		t.Errorf("placement of the second repetition = %s, want %s", got.placement, chat.PlacementNew)
	}
}

// Stored answers survive the process.
func TestStoredAnswerAfterARestart(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	leaveAfterText(t, s.hold(streamed(whole(alice, user("hello"))), gate))
	close(gate)
	s.drain()
	s.restart()
	if got := s.ask(marked(whole(alice, user("hello")))); got.placement != chat.PlacementAttached || got.text != "begun" {
		t.Errorf("repetition = %+v, want begun, attached", got)
	}
}

// A request waits for a turn of another replica. When that replica dies, the answer comes from the platform's
// records.
func TestAttachAcrossReplicas(t *testing.T) {
	for _, dies := range []bool{false, true} {
		s := postgresSite(t)
		other := conversation.New(s.options) // without Run, so that its leases expire
		gate := make(chan struct{})
		s.sim.Script(heldReply(gate))
		a, err := other.Ask(t.Context(), conversation.Question{Request: streamed(whole(alice, user("hello")))})
		if err != nil {
			t.Fatal(err)
		}
		leaveAfterText(t, a)
		b := s.begin(marked(whole(alice, user("hello"))))
		if b.Placement() != chat.PlacementAttached || b.Session() != a.Session() {
			t.Fatalf("repetition = %s to session %d, want attached to %d", b.Placement(), b.Session(), a.Session())
		}
		if dies {
			s.expireLeases()
		}
		close(gate)
		got, err := finish(b)
		switch {
		case err != nil:
			t.Fatal(err)
		case got.placement != chat.PlacementAttached || got.session != a.Session() || got.text != "begun":
			t.Errorf("replica dies %t: answer = %+v, want begun, attached to session %d", dies, got, a.Session())
		}
		s.asked(1)
		if err := other.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		s.oneAtATime()
	}
}
