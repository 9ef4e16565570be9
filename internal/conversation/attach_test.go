package conversation_test

import (
	"context"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

func keyed(key string, r *chat.Request) *chat.Request {
	r.IdempotencyKey = key
	return r
}

func marked(r *chat.Request) *chat.Request {
	r.Retried = true
	return r
}

func streamed(r *chat.Request) *chat.Request {
	r.Streamed = true
	return r
}

// asked counts the questions that reached the model.
func (s *site) asked(want int) {
	s.t.Helper()
	if n := len(s.sim.Turns()); n != want {
		s.t.Errorf("%d questions, want %d", n, want)
	}
}

func TestIdempotencyKey(t *testing.T) {
	s := plainSite(t)
	first := s.ask(keyed("k", whole(alice, user("hello"))))
	again := s.ask(keyed("k", streamed(whole(alice, user("hello")))))
	if again.placement != chat.PlacementAttached || again.session != first.session || again.text != first.text {
		t.Errorf("the same key got %+v, want what %+v had", again, first)
	}
	s.asked(1)
	if e := s.refused(keyed("k", whole(alice, user("other"))), chat.CodeIdempotencyMismatch); e.Kind != chat.KindUnprocessable {
		t.Errorf("kind %d", e.Kind)
	}
	if got := s.ask(keyed("k", whole(bob, user("other")))); got.placement != chat.PlacementNew {
		t.Errorf("another caller's key: %s", got.placement)
	}
	// The chat goes on as if nothing had been asked twice.
	s.continued(s.ask(whole(alice, user("hello"), assistant(again.text), user("next"))), first.session, "next")
	// Five minutes later the key is free.
	s.clock.Add(int64(2 * conversation.AnswerRetention))
	if got := s.ask(keyed("k", whole(alice, user("hello")))); got.placement != chat.PlacementNew {
		t.Errorf("an old key: %s", got.placement)
	}
}

// A request whose key is under way gets the whole answer, from its beginning.
func TestIdempotencyKeyOfARunningTurn(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	a := s.hold(keyed("k", whole(alice, user("hello"))), gate)
	first := make(chan result)
	heard := make(chan struct{})
	go func() {
		var got result
		for ev, err := range a.Events() {
			if err != nil {
				t.Error(err)
			}
			if ev.Kind == chat.EventText && got.text == "" {
				close(heard)
			}
			got.text += ev.Text
		}
		first <- got
	}()
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
		case chat.EventPause: // caught up: the rest comes as it is made
			if len(pieces) == 1 {
				close(gate)
			}
		}
	}
	if text := strings.Join(pieces, ""); text != "begun" || len(pieces) < 2 || b.Placement() != chat.PlacementAttached {
		t.Errorf("%s: %q", b.Placement(), pieces)
	}
	if got := <-first; got.text != "begun" {
		t.Errorf("the first got %q", got.text)
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
			if _, err := s.try(t.Context(), r()); err == nil {
				t.Fatal("not failed")
			}
			if got := s.ask(r()); got.placement != chat.PlacementNew || got.text == "half" {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("before it had a session", func(t *testing.T) {
		s := plainSite(t)
		r := func() *chat.Request { return keyed("k", byID(alice, foreignID, user("hello"))) }
		s.refused(r(), chat.CodeSessionNotFound)
		s.refused(r(), chat.CodeSessionNotFound)
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
					t.Fatalf("%s", got.placement)
				}
				s.drain()
				if tc.attaches {
					s.asked(1)
					if got.text != "begun" {
						t.Errorf("got %q", got.text)
					}
				} else {
					s.asked(2)
				}
			})
		}
	}
}

// An answer is attached to once: the second repetition is another client's.
func TestTwoRetriesAtOnce(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	leaveAfterText(t, s.hold(streamed(whole(alice, user("hello"))), gate))
	one, two := s.begin(marked(whole(alice, user("hello")))), s.begin(marked(whole(alice, user("hello"))))
	if one.Placement() != chat.PlacementAttached || two.Placement() != chat.PlacementNew {
		t.Fatalf("%s and %s", one.Placement(), two.Placement())
	}
	// When who attached leaves too, the next may come.
	ctx, cancel := context.WithCancel(t.Context())
	one.Discard()
	three, err := s.place(ctx, marked(whole(alice, user("hello"))))
	if err != nil || three.Placement() != chat.PlacementAttached {
		t.Fatalf("%v, %v", three, err)
	}
	cancel()
	for range three.Events() { // it is told at once
	}
	close(gate)
	got := s.ask(marked(whole(alice, user("hello"))))
	if got.placement != chat.PlacementAttached || got.text != "begun" {
		t.Errorf("%+v", got)
	}
	two.Discard()
	s.asked(1)
}

// The client had left when the end of its answer was to reach it.
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
		t.Errorf("%+v", got)
	}
	if got := s.ask(whole(alice, user("hello"))); got.placement != chat.PlacementNew {
		t.Errorf("once more: %s", got.placement)
	}
}

// Stored answers outlive the process.
func TestStoredAnswerAfterARestart(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	leaveAfterText(t, s.hold(streamed(whole(alice, user("hello"))), gate))
	close(gate)
	s.drain()
	s.restart()
	if got := s.ask(marked(whole(alice, user("hello")))); got.placement != chat.PlacementAttached || got.text != "begun" {
		t.Errorf("%+v", got)
	}
}

// A turn of another replica is waited for. When that dies, the answer comes from the
// platform's records.
func TestAttachAcrossReplicas(t *testing.T) {
	for _, dies := range []bool{false, true} {
		s := postgresSite(t)
		other := conversation.New(s.options) // without Run: its leases run out
		gate := make(chan struct{})
		s.sim.Script(simulator.Stream(simulator.Deltas("be"), simulator.Wait(gate), simulator.Deltas("gun"), simulator.Object(), simulator.Done()))
		a, err := other.Ask(t.Context(), conversation.Question{Request: streamed(whole(alice, user("hello")))})
		if err != nil {
			t.Fatal(err)
		}
		leaveAfterText(t, a)
		b := s.begin(marked(whole(alice, user("hello"))))
		if b.Placement() != chat.PlacementAttached || b.Session() != a.Session() {
			t.Fatalf("%s in %d", b.Placement(), b.Session())
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
			t.Errorf("dies %t: %+v", dies, got)
		}
		s.asked(1)
		if err := other.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		s.oneAtATime()
	}
}
