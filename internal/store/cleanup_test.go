package store

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/conversation"
)

func TestExpire(t *testing.T) {
	withLeases(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		put(t, s, sample(1, "h"))
		put(t, s, sample(2, "h"))
		check(t, s.Create(ctx, sample(3, "h"), taking(3)))
		must[*conversation.Session](t)(s.Take(ctx, 1, taking(1), conversation.ByName))
		w.pass(t, testLease/2)
		must[*conversation.Session](t)(s.Take(ctx, 2, taking(2), conversation.ByName))
		same(t, must[int](t)(s.ExpireLeases(ctx)), 0)
		w.pass(t, testLease*3/4)
		same(t, must[int](t)(s.ExpireLeases(ctx)), 2)
		same(t, must[int](t)(s.ExpireLeases(ctx)), 0)
		for id, state := range map[int64]conversation.State{
			1: conversation.StateDirty, 2: conversation.StateTaken, 3: conversation.StateDirty,
		} {
			n := session(t, s, id)
			if n.State != state || n.EndUnknown != (state == conversation.StateDirty) {
				t.Errorf("session %d is %s, unseen %v", id, n.State, n.EndUnknown)
			}
		}
	})
}

// due takes what is due, and returns the ids.
func due(t testing.TB, s *Store, lineage, named time.Time, n, limit int) []int64 {
	t.Helper()
	var ids []int64
	for _, d := range must[[]conversation.Session](t)(s.TakeExpired(t.Context(), lineage, named, token(n), limit)) {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestDue(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		cut := moment0.Add(time.Hour)
		named := func(n *conversation.Session) { n.Addressing = conversation.ByName }
		changes := map[int64]func(*conversation.Session){
			1:  func(n *conversation.Session) { n.LastUsed = cut.Add(-time.Second) },
			2:  func(n *conversation.Session) { n.LastUsed = cut.Add(time.Second) },
			3:  func(n *conversation.Session) { n.Made = false },
			4:  named,
			5:  func(n *conversation.Session) { n.Addressing = conversation.ByID },
			6:  func(n *conversation.Session) { n.Addressing, n.LastUsed = conversation.Throwaway, cut.Add(time.Hour) },
			7:  func(n *conversation.Session) { n.State, n.EndUnknown = conversation.StateDirty, true },
			8:  func(n *conversation.Session) { n.State = conversation.StateLost },
			9:  func(*conversation.Session) {},
			10: func(n *conversation.Session) { n.State, n.Addressing = conversation.StateRetired, conversation.ByID },
			11: named,
			12: named,
			13: func(n *conversation.Session) { n.State, n.Made = conversation.StateRetired, false },
		}
		for id, change := range changes {
			n := sample(id, "h")
			change(&n)
			put(t, s, n)
		}
		check(t, s.BindName(ctx, conversation.NameBinding{Key: key("lone")}, 4))
		check(t, s.BindName(ctx, conversation.NameBinding{Key: key("with history"), History: true}, 11))
		must[*conversation.Session](t)(s.Take(ctx, 9, taking(9), conversation.ByLineage))

		same(t, due(t, s, time.Time{}, time.Time{}, 20, 20), []int64{6})
		same(t, due(t, s, cut, time.Time{}, 21, 2), []int64{7, 8})
		same(t, due(t, s, cut, time.Time{}, 22, 20), []int64{1, 10, 11, 12})
		same(t, due(t, s, cut, cut, 23, 20), []int64{4, 5})
		same(t, due(t, s, cut, cut, 24, 20), []int64(nil))
		same(t, must[map[conversation.State]int](t)(s.Counts(ctx))[conversation.StateTaken], 10)

		// What was not deleted is given back as it was.
		for n := 20; n <= 23; n++ {
			check(t, s.Release(ctx, token(n), 0, conversation.Hash{}))
		}
		same(t, session(t, s, 8).State, conversation.StateLost)
		same(t, session(t, s, 1).State, conversation.StateFree)
		check(t, s.Release(ctx, token(9), 0, conversation.Hash{}))
		same(t, due(t, s, cut, cut, 25, 20), []int64{1, 4, 5, 6, 7, 8, 9, 10, 11, 12})
		check(t, s.Delete(ctx, 11, token(25)))
		same(t, must[conversation.Name](t)(s.Name(ctx, key("with history"))), conversation.Name{History: true})
	})
}

func TestPostpone(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		want := sample(1, "h")
		put(t, s, want)
		cut := moment0.Add(time.Hour)
		taken := must[[]conversation.Session](t)(s.TakeExpired(ctx, cut, cut, token(1), 1))
		same(t, taken, []conversation.Session{want})
		wantErr(t, s.Postpone(ctx, 1, token(2), cut), conversation.ErrNotHeld)
		check(t, s.Postpone(ctx, 1, token(1), time.Now().Add(2*testLease)))
		same(t, session(t, s, 1), want)
		same(t, due(t, s, cut, cut, 2, 1), []int64(nil))
		w.pass(t, 3*testLease)
		same(t, due(t, s, cut, cut, 2, 1), []int64{1})
	})
}

func TestDueIsDoneOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		for id := range int64(30) {
			put(t, s, sample(id+1, "h"))
		}
		var taken [31]atomic.Int32
		crowd(t.Context(), 30, func(ctx context.Context, i int) {
			list, err := replicas[i%len(replicas)].TakeExpired(ctx, time.Now(), time.Time{}, token(i), 7)
			if err != nil {
				t.Error(err)
			}
			for _, n := range list {
				taken[n.ID].Add(1)
			}
		})
		for id := 1; id <= 30; id++ {
			if n := taken[id].Load(); n > 1 {
				t.Errorf("session %d was taken %d times", id, n)
			}
		}
	})
}

func TestDeleteForgets(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		for id := int64(1); id <= 3; id++ {
			put(t, s, sample(id, "h"))
		}
		check(t, s.BindName(ctx, conversation.NameBinding{Key: key("n")}, 1))
		must[*conversation.Session](t)(s.Take(ctx, 1, taking(1), conversation.ByName))
		must[*conversation.Session](t)(s.Take(ctx, 2, taking(1), conversation.ByName))
		check(t, replace(ctx, s, token(1), 1, conversation.StateRetired, sample(2, "h"), true))
		same(t, session(t, s, 1).ID, int64(2))

		cut := moment0.Add(time.Hour)
		same(t, due(t, s, cut, cut, 5, 10), []int64{1, 2, 3})
		wantErr(t, s.Delete(ctx, 2, token(6)), conversation.ErrNotHeld)
		check(t, s.Delete(ctx, 1, token(5)))
		same(t, session(t, s, 1).ID, int64(2))
		check(t, s.Delete(ctx, 2, token(5)))
		wantErr(t, s.Delete(ctx, 2, token(5)), conversation.ErrNotHeld)
		for id := int64(1); id <= 2; id++ {
			_, err := s.Session(ctx, conversation.Everyone(), id)
			wantErr(t, err, conversation.ErrUnknown)
		}
		same(t, must[conversation.Name](t)(s.Name(ctx, key("n"))), conversation.Name{})
		_, once, err := s.Match(ctx, claim("h", 7))
		if !once || err != nil {
			t.Fatal("the other session's head went too", err)
		}
		check(t, s.Delete(ctx, 3, token(5)))
		_, once, err = s.Match(ctx, claim("h", 7))
		if once || err != nil {
			t.Fatal("a deleted session's head is known", err)
		}
	})
}

// A server that came back could not be asked to extend leases while it was away: those
// that ran out meanwhile get one more, and whoever has died is found after that.
func TestExpireAfterTheServerWasAway(t *testing.T) {
	withLeases(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		put(t, s, sample(1, "h"))
		put(t, s, sample(2, "h"))
		must[*conversation.Session](t)(s.Take(ctx, 1, taking(1), conversation.ByName))
		must[*conversation.Session](t)(s.Take(ctx, 2, taking(2), conversation.ByName))
		enter(t, s, asked(3, "r", "k"), false)
		w.pass(t, 5*testLease)
		check(t, s.write(ctx, func(ctx context.Context, c conn) error {
			_, err := c.exec(ctx, "UPDATE meta SET server = 'an earlier start'")
			return err
		}))
		for _, replica := range []*Store{w.open(t), s} {
			same(t, must[int](t)(replica.ExpireLeases(ctx)), 0)
		}
		tokens := []conversation.Token{token(1), token(3)}
		same(t, len(must[[]conversation.Token](t)(s.Extend(ctx, tokens))), 0)
		w.pass(t, testLease/2)
		same(t, len(must[[]conversation.Token](t)(s.Extend(ctx, tokens))), 0)
		w.pass(t, testLease*3/4)
		same(t, must[int](t)(s.ExpireLeases(ctx)), 1)
		same(t, session(t, s, 1).State, conversation.StateTaken)
		same(t, session(t, s, 2).State, conversation.StateDirty)
		same(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, token(3))).Whole, false)
	})
}
