package store

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// takeExpiredIDs calls TakeExpired and returns the ids of the sessions.
func takeExpiredIDs(t testing.TB, s *Store, lineage, named time.Time, n, limit int) []int64 {
	t.Helper()
	var ids []int64
	for _, d := range must[[]conversation.Session](t)(s.TakeExpired(t.Context(), lineage, named, tokenOf(n), limit)) {
		ids = append(ids, d.ID)
	}
	slices.Sort(ids)
	return ids
}

func TestTakeExpired(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		cut := sampleTime.Add(time.Hour)
		named := func(n *conversation.Session) { n.Addressing = conversation.ByName }
		changes := map[int64]func(*conversation.Session){
			1:  func(n *conversation.Session) { n.LastUsed = cut.Add(-time.Second) },
			2:  func(n *conversation.Session) { n.LastUsed = cut.Add(time.Second) },
			3:  func(n *conversation.Session) { n.CreatedByAchuan = false },
			4:  named,
			5:  func(n *conversation.Session) { n.Addressing = conversation.ByID },
			6:  func(n *conversation.Session) { n.Addressing, n.LastUsed = conversation.Throwaway, cut.Add(time.Hour) },
			7:  func(n *conversation.Session) { n.State, n.EndUnknown = conversation.StateDirty, true },
			8:  func(n *conversation.Session) { n.State = conversation.StateLost },
			9:  func(*conversation.Session) {},
			10: func(n *conversation.Session) { n.State, n.Addressing = conversation.StateRetired, conversation.ByID },
			11: named,
			12: named,
			13: func(n *conversation.Session) { n.State, n.CreatedByAchuan = conversation.StateRetired, false },
		}
		for id, change := range changes {
			n := sampleSession(id, "h")
			change(&n)
			putSession(t, s, n)
		}
		requireNoError(t, s.BindName(ctx, conversation.NameBinding{Key: nameKey("lone")}, 4))
		requireNoError(t, s.BindName(ctx, conversation.NameBinding{Key: nameKey("with history"), History: true}, 11))
		must[*conversation.Session](t)(s.Take(ctx, 9, newTaking(9), conversation.ByLineage))

		requireEqual(t, takeExpiredIDs(t, s, time.Time{}, time.Time{}, 20, 20), []int64{6})
		requireEqual(t, takeExpiredIDs(t, s, cut, time.Time{}, 21, 2), []int64{7, 8})
		requireEqual(t, takeExpiredIDs(t, s, cut, time.Time{}, 22, 20), []int64{1, 10, 11, 12})
		requireEqual(t, takeExpiredIDs(t, s, cut, cut, 23, 20), []int64{4, 5})
		requireEqual(t, takeExpiredIDs(t, s, cut, cut, 24, 20), []int64(nil))
		requireEqual(t, must[map[conversation.State]int](t)(s.Counts(ctx))[conversation.StateTaken], 10)

		// A session that was taken and not deleted is unchanged after its release.
		for n := 20; n <= 23; n++ {
			requireNoError(t, s.Release(ctx, tokenOf(n), 0, conversation.Hash{}))
		}
		requireEqual(t, readSession(t, s, 8).State, conversation.StateLost)
		requireEqual(t, readSession(t, s, 1).State, conversation.StateFree)
		requireNoError(t, s.Release(ctx, tokenOf(9), 0, conversation.Hash{}))
		requireEqual(t, takeExpiredIDs(t, s, cut, cut, 25, 20), []int64{1, 4, 5, 6, 7, 8, 9, 10, 11, 12})
		requireNoError(t, s.Delete(ctx, 11, tokenOf(25)))
		requireEqual(t, must[conversation.Name](t)(s.Name(ctx, nameKey("with history"))), conversation.Name{History: true})
	})
}

func TestPostpone(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		want := sampleSession(1, "h")
		putSession(t, s, want)
		cut := sampleTime.Add(time.Hour)
		taken := must[[]conversation.Session](t)(s.TakeExpired(ctx, cut, cut, tokenOf(1), 1))
		requireEqual(t, taken, []conversation.Session{want})
		requireError(t, s.Postpone(ctx, 1, tokenOf(2), cut), conversation.ErrNotHeld)
		requireNoError(t, s.Postpone(ctx, 1, tokenOf(1), time.Now().Add(2*testLease)))
		requireEqual(t, readSession(t, s, 1), want)
		requireEqual(t, takeExpiredIDs(t, s, cut, cut, 2, 1), []int64(nil))
		w.advance(t, 3*testLease)
		requireEqual(t, takeExpiredIDs(t, s, cut, cut, 2, 1), []int64{1})
	})
}

func TestTakeExpiredTakesEachSessionOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		for id := range int64(30) {
			putSession(t, s, sampleSession(id+1, "h"))
		}
		counts := w.countConcurrent(t, s, 30, func(ctx context.Context, s *Store, i int) (ids []int64, err error) {
			list, err := s.TakeExpired(ctx, time.Now(), time.Time{}, tokenOf(i), 7)
			for _, n := range list {
				ids = append(ids, n.ID)
			}
			return ids, err
		})
		for id, n := range counts {
			if n > 1 {
				t.Errorf("TakeExpired takes session %d %d times, want 1 at most", id, n)
			}
		}
	})
}

func TestDelete(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		for id := int64(1); id <= 3; id++ {
			putSession(t, s, sampleSession(id, "h"))
		}
		requireNoError(t, s.BindName(ctx, conversation.NameBinding{Key: nameKey("n")}, 1))
		must[*conversation.Session](t)(s.Take(ctx, 1, newTaking(1), conversation.ByName))
		must[*conversation.Session](t)(s.Take(ctx, 2, newTaking(1), conversation.ByName))
		requireNoError(t, saveReplacing(ctx, s, tokenOf(1), 1, conversation.StateRetired, sampleSession(2, "h"), true))
		requireEqual(t, readSession(t, s, 1).ID, int64(2))

		cut := sampleTime.Add(time.Hour)
		requireEqual(t, takeExpiredIDs(t, s, cut, cut, 5, 10), []int64{1, 2, 3})
		requireError(t, s.Delete(ctx, 2, tokenOf(6)), conversation.ErrNotHeld)
		requireNoError(t, s.Delete(ctx, 1, tokenOf(5)))
		requireEqual(t, readSession(t, s, 1).ID, int64(2))
		requireNoError(t, s.Delete(ctx, 2, tokenOf(5)))
		requireError(t, s.Delete(ctx, 2, tokenOf(5)), conversation.ErrNotHeld)
		for id := int64(1); id <= 2; id++ {
			_, err := s.Session(ctx, conversation.Everyone(), id)
			requireError(t, err, conversation.ErrUnknown)
		}
		requireEqual(t, must[conversation.Name](t)(s.Name(ctx, nameKey("n"))), conversation.Name{})
		requireNoMatch(t, s, newHeadQuery("h", 7), true) // session 3 is taken
		requireNoError(t, s.Delete(ctx, 3, tokenOf(5)))
		requireNoMatch(t, s, newHeadQuery("h", 7), false)
	})
}

// The heads of deleted sessions are deleted, a number of them at a time, and those of other
// sessions stay.
func TestHeadsOfDeletedSessionsAreSwept(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		const sessions = 20
		for id := int64(1); id <= sessions; id++ {
			n := sampleSession(id, strconv.FormatInt(id, 10))
			putSession(t, s, n)
			if id%2 == 0 {
				continue
			}
			must[*conversation.Session](t)(s.Take(t.Context(), id, newTaking(int(id)), conversation.ByLineage))
			requireNoError(t, s.Delete(t.Context(), id, tokenOf(int(id))))
		}
		insertOrphanHeads(t, s, 2*sweepSize)
		for range 4 {
			must[int](t)(s.ExpireLeases(t.Context()))
		}
		var left int
		requireNoError(t, s.read(t.Context(), func(ctx context.Context, c conn) error {
			_, err := queryRow(ctx, c, []any{&left}, "SELECT COUNT(*) FROM heads")
			return err
		}))
		requireEqual(t, left, sessions/2)
	})
}

// insertOrphanHeads inserts heads of a session that does not exist.
func insertOrphanHeads(t *testing.T, s *Store, count int) {
	t.Helper()
	requireNoError(t, s.transact(t.Context(), func(ctx context.Context, c conn) error {
		for n := range count {
			head := hashOf("orphan " + strconv.Itoa(n))
			if _, err := c.exec(ctx, insertHead, s.account, shortHead(head), 4711); err != nil {
				return err
			}
		}
		return nil
	}))
}
