package conversation_test

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// The clean-up deletes sessions that only a transcript reaches, and keeps the others.
func TestCleanUp(t *testing.T) {
	s := plainSite(t)
	s.options.Retention = time.Second
	s.restart()
	old := s.ask(whole(alice, user("old")))
	addressed := s.ask(whole(alice, user("addressed")))
	s.ask(byID(alice, addressed.session, user("again")))
	named := s.ask(byName(alice, "n", user("named")))
	foreign := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, foreign, user("foreign")))
	failures := 0
	s.sim.Intercept(simulator.RouteDeleteSession, func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if failures++; failures == 1 {
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		}
		next(w, r)
	})
	s.await(func() bool { return len(s.sim.Deleted()) > 0 })
	if deleted := s.sim.Deleted(); len(deleted) != 1 || deleted[0] != old.session || failures != 2 {
		t.Errorf("deleted sessions = %v after %d attempts, want %d after 2", deleted, failures, old.session)
	}
	for _, id := range []int64{addressed.session, named.session, foreign} {
		if _, ok := s.sim.Session(id); !ok {
			t.Errorf("Session(%d) = none, want that the clean-up keeps it", id)
		}
	}
}

// A replaced session, and a session of a name whose requests have the history, are not the only copy of their
// content. The clean-up deletes them, and their ids and names still lead to the sessions that replaced them.
func TestCleanUpOfCopies(t *testing.T) {
	s := plainSite(t)
	old := s.ask(byID(alice, s.ask(whole(alice, user("one"))).session, user("two"))).session
	s.sim.Script(simulator.CutShort("half"))
	s.askRefused(byID(alice, old, user("three")), chat.CodeBackendTruncated)
	next := s.ask(byID(alice, old, user("four")))
	s.fresh(next, chat.PlacementReplayed, old)
	scoped := s.ask(byName(alice, "n", user("p"), assistant("a"), user("q"))).session
	named := s.ask(byName(alice, "m", user("named"))).session

	s.options.Retention = time.Second
	s.restart()
	s.await(func() bool { return len(s.sim.Deleted()) >= 2 })
	deleted := s.sim.Deleted()
	slices.Sort(deleted)
	if want := []int64{old, scoped}; !slices.Equal(deleted, want) {
		t.Errorf("deleted sessions = %v, want %v", deleted, want)
	}
	s.checkAnswer(s.ask(byID(alice, old, user("five"))), next.session, chat.PlacementContinued, "five")
	s.checkAnswer(s.ask(byName(alice, "m", user("more"))), named, chat.PlacementContinued, "more")
	s.nothingTaken()
}

// Invariant d: a session that is deleted is taken, also when the clean-up has paused for longer than its lease.
func TestCleanUpThatPauses(t *testing.T) {
	const lease = time.Second / 4
	s := newLeasedSite(t, simulator.Options{}, false, lease)
	s.options.Retention, s.options.Store = time.Second, &pausingStore{flaky: s.flaky, pause: 2 * lease}
	s.restart()
	for _, text := range []string{"one", "two"} {
		s.ask(whole(alice, user(text)))
	}
	s.sim.Intercept(simulator.RouteDeleteSession, func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		id, err := strconv.ParseInt(path.Base(r.URL.Path), 10, 64)
		if err != nil {
			t.Error(err)
		}
		got, err := s.keep.Session(r.Context(), conversation.OwnerOf(alice.ID), id)
		if err != nil || got.State != conversation.StateTaken {
			t.Errorf("Session(%d) at its deletion = %+v, %v, want it taken", id, got, err)
		}
		next(w, r)
	})
	s.await(func() bool { return len(s.sim.Deleted()) == 2 })
}

// pausingStore is a store that is away for a while after its first deletion.
type pausingStore struct {
	*flaky
	pause time.Duration
}

func (h *pausingStore) Delete(ctx context.Context, id int64, token conversation.Token) error {
	err := h.flaky.Delete(ctx, id, token)
	h.down.Store(true) // so that no lease is extended
	<-time.After(h.pause)
	h.down.Store(false)
	h.pause = 0
	return err
}
