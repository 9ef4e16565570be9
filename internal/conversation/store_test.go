package conversation_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// Without a store, a request by transcript is replayed, and every other request is refused.
func TestStoreIsAway(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	s.flaky.down.Store(true)
	second := s.ask(whole(alice, user("hello"), assistant(first.text), user("next")))
	s.fresh(second, chat.PlacementReplayed, first.session)
	for name, r := range map[string]*chat.Request{
		"id": byID(alice, first.session, user("x")), "anonymous id": byID(chat.Anonymous, first.session, user("x")),
		"name": byName(alice, "n", user("x")), "key": keyed("k", whole(alice, user("x"))),
	} {
		if e := s.askRefused(r, chat.CodeStoreUnavailable); e.Kind != chat.KindUnavailable || e.RetryAfter <= 0 {
			t.Errorf("Ask(…) by %s = %+v, want kind %d with a RetryAfter", name, e, chat.KindUnavailable)
		}
	}
	s.flaky.down.Store(false)
	// No session has the exchange of the outage. The session from before it has the rest.
	s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
	got := s.ask(whole(alice, user("hello"), assistant(first.text), user("next"), assistant(second.text), user("more")))
	s.fresh(got, chat.PlacementReplayed, first.session, second.session)
}

// failingCreate is a store that cannot store a new session.
type failingCreate struct{ *flaky }

func (*failingCreate) Create(context.Context, conversation.Session, conversation.Taking) error {
	return errDown
}

// A session that cannot be stored is deleted on the platform if its client would address it again.
func TestSessionThatCannotBeStored(t *testing.T) {
	s := plainSite(t)
	s.options.Store = &failingCreate{s.flaky}
	s.restart()
	s.askRefused(byName(alice, "n", user("hello")), chat.CodeStoreUnavailable)
	s.askRefused(keyed("k", whole(alice, user("hello"))), chat.CodeStoreUnavailable)
	if left, n := s.sim.Sessions(), s.sim.Calls(simulator.RouteCreateSession); len(left) != 0 || n != 2 {
		t.Errorf("sessions on the platform = %v after %d creations, want none after 2", left, n)
	}
	s.asked(0)
	s.ask(whole(alice, user("hello"))) // a request by transcript is answered
}

// The end of a turn that cannot be committed is committed when the store is available again. Until then no transcript
// matches the session.
func TestEndIsCommittedAfterAnOutage(t *testing.T) {
	s := newLeasedSite(t, simulator.Options{}, false, time.Second)
	first := s.endWithoutStore(whole(alice, user("hello")))
	// The session is still taken, and a request by id waits for it.
	got := s.ask(byID(alice, first.session, user("next")))
	s.continued(got, first.session, "next")
	if n := len(s.last().History); n != 1 {
		t.Errorf("exchanges before the last question = %d, want 1", n)
	}
}

// endWithoutStore asks a request whose turn ends while the store is away. Then the store is available again.
func (s *site) endWithoutStore(r *chat.Request) result {
	s.t.Helper()
	gate := make(chan struct{})
	done := s.finishLater(s.hold(r, gate))
	s.await(func() bool { return s.sim.InFlight() == 1 })
	s.flaky.down.Store(true)
	close(gate)
	got := <-done
	s.flaky.down.Store(false)
	return got
}

// The program commits pending writes before it ends.
func TestEndIsCommittedBeforeTheProgramEnds(t *testing.T) {
	s := plainSite(t)
	a := s.begin(whole(alice, user("hello")))
	s.flaky.down.Store(true)
	first, err := finish(a)
	if err != nil {
		t.Fatal(err)
	}
	s.flaky.down.Store(false)
	s.stop()
	s.start()
	s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
}

// A conversation that moved into a new session while the store was away is found there by the old id when the
// store is available again.
func TestMoveIsCommittedAfterAnOutage(t *testing.T) {
	s := newLeasedSite(t, simulator.Options{}, false, time.Second)
	old := s.ask(byName(alice, "n", user("q-one"))).session
	s.sim.Script(simulator.CutShort("a-two"))
	s.askRefused(byName(alice, "n", user("q-two")), chat.CodeBackendTruncated)
	moved := s.endWithoutStore(byName(alice, "n", user("q-three")))
	s.fresh(moved, chat.PlacementReplayed, old)
	s.continued(s.ask(byID(alice, old, user("q-four"))), moved.session, "q-four")
}

// Invariant a: when the question is sent, the store has the session as taken.
// Invariant b: when the client gets the end of the answer, the store has the head.
// Invariant c: from before a PUT until the end of the turn the settings are not known.
func TestInvariants(t *testing.T) {
	s := plainSite(t)
	var checked []string
	check := func(call string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
		return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			list, _, err := s.keep.Sessions(r.Context(), conversation.OwnerOf(alice.ID), 0, 10)
			if err != nil || len(list) != 1 || list[0].State != conversation.StateTaken || list[0].SettingsKnown {
				t.Errorf("sessions at the %s = %+v, %v, want one that is taken, with unknown settings", call, list, err)
			}
			checked = append(checked, call)
			next(w, r)
		}
	}
	s.sim.Intercept(simulator.RouteCompletions, check("question"))
	s.sim.Intercept(simulator.RouteUpdateSession, check("settings"))
	ends := 0
	for _, r := range []*chat.Request{
		whole(alice, user("hello")),
		whole(alice, system("be brief"), user("hello"), assistant("answer 1 to: hello"), user("next")),
	} {
		a := s.begin(r)
		for ev, err := range a.Events() {
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), a.Session())
			if err != nil {
				t.Fatal(err)
			}
			ended := ev.Kind == chat.EventDone
			if (got.State == conversation.StateFree) != ended || ended && got.Head.IsZero() {
				t.Errorf("session at an event of kind %d = %s with the head %x, want free with a head only at the end", ev.Kind, got.State, got.Head)
			}
			if ended {
				ends++
			}
		}
	}
	if ends != 2 || len(checked) != 4 {
		t.Errorf("%d ends and the calls %v, want 2 ends and 4 calls", ends, checked)
	}
}
