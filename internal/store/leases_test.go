package store

import (
	"context"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// Only ExpireLeases considers the time. Until it ends a taking, Extend and Save need only the
// token.
func TestLeaseExpires(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		putSession(t, s, sampleSession(7, "h"))
		putSession(t, s, sampleSession(8, "other"))
		taken, _, err := s.Match(ctx, newHeadQuery("h", 1))
		requireNoError(t, err)
		kept, _, err := s.Match(ctx, newHeadQuery("other", 2))
		requireNoError(t, err)
		w.advance(t, 2*testLease)
		requireEqual(t, readSession(t, s, 7).State, conversation.StateTaken)
		_, err = s.Take(ctx, 7, newTaking(3), conversation.ByName)
		requireError(t, err, conversation.ErrTaken)
		tokens := []conversation.Token{tokenOf(1), tokenOf(3)}
		requireEqual(t, must[[]conversation.Token](t)(s.Extend(ctx, tokens)), tokens[1:])
		requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 1)
		requireError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(2), Session: *kept}), conversation.ErrNotHeld)
		w.advance(t, 2*testLease)
		requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 1)

		dirty := sampleSession(7, "")
		dirty.State, dirty.EndUnknown, dirty.Head = conversation.StateDirty, true, conversation.Hash{}
		requireEqual(t, readSession(t, s, 7), dirty)
		counts := must[map[conversation.State]int](t)(s.Counts(ctx))
		requireEqual(t, counts, map[conversation.State]int{conversation.StateDirty: 2})
		requireEqual(t, must[[]conversation.Token](t)(s.Extend(ctx, tokens[:1])), tokens[:1])
		requireError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: *taken}), conversation.ErrNotHeld)
		requireNoMatch(t, s, newHeadQuery("h", 2), true)
		dirty.Addressing = conversation.ByName
		requireEqual(t, must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(3), conversation.ByName)), &dirty)
		requireError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: *taken}), conversation.ErrNotHeld)
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(3), Session: sampleSession(7, "i")}))
	})
}

func TestExpireLeases(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		putSession(t, s, sampleSession(1, "h"))
		putSession(t, s, sampleSession(2, "h"))
		requireNoError(t, s.Create(ctx, sampleSession(3, "h"), newTaking(3)))
		must[*conversation.Session](t)(s.Take(ctx, 1, newTaking(1), conversation.ByName))
		w.advance(t, testLease/2)
		must[*conversation.Session](t)(s.Take(ctx, 2, newTaking(2), conversation.ByName))
		requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 0)
		w.advance(t, testLease*3/4)
		requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 2)
		requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 0)
		for id, state := range map[int64]conversation.State{
			1: conversation.StateDirty, 2: conversation.StateTaken, 3: conversation.StateDirty,
		} {
			n := readSession(t, s, id)
			if n.State != state || n.EndUnknown != (state == conversation.StateDirty) {
				t.Errorf("session %d = %s, EndUnknown %t, want %s", id, n.State, n.EndUnknown, state)
			}
		}
	})
}

// While the server was away, no process could extend a lease. A lease that expired in that time is extended once, and
// ExpireLeases ends it when it expires again.
func TestExpireLeasesAfterTheServerWasAway(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		putSession(t, s, sampleSession(1, "h"))
		putSession(t, s, sampleSession(2, "h"))
		must[*conversation.Session](t)(s.Take(ctx, 1, newTaking(1), conversation.ByName))
		must[*conversation.Session](t)(s.Take(ctx, 2, newTaking(2), conversation.ByName))
		attachedTurn(t, s, newTurn(3, "r", "k"), false)
		w.advance(t, 5*testLease)
		requireNoError(t, s.transact(ctx, func(ctx context.Context, c conn) error {
			_, err := c.exec(ctx, "UPDATE meta SET server = 'an earlier start'")
			return err
		}))
		for _, replica := range []*Store{w.open(t), s} {
			requireEqual(t, must[int](t)(replica.ExpireLeases(ctx)), 0)
		}
		tokens := []conversation.Token{tokenOf(1), tokenOf(3)}
		requireEqual(t, len(must[[]conversation.Token](t)(s.Extend(ctx, tokens))), 0)
		w.advance(t, testLease/2)
		requireEqual(t, len(must[[]conversation.Token](t)(s.Extend(ctx, tokens))), 0)
		w.advance(t, testLease*3/4)
		requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 1)
		requireEqual(t, readSession(t, s, 1).State, conversation.StateTaken)
		requireEqual(t, readSession(t, s, 2).State, conversation.StateDirty)
		requireEqual(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(3))).Whole, false)
	})
}

// On SQLite a taking never expires, even if the machine sleeps or the clock is set.
func TestNoLeaseOnSQLite(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		if s.HasLeases() {
			return
		}
		ctx := t.Context()
		putSession(t, s, sampleSession(7, "h"))
		taken, _, err := s.Match(ctx, newHeadQuery("h", 1))
		requireNoError(t, err)
		attachedTurn(t, s, newTurn(1, "r", "k"), false)
		_, claimed, err := s.ClaimName(ctx, nameKey("n"), tokenOf(1))
		if !claimed || err != nil {
			t.Fatalf("ClaimName = %t, %v, want true", claimed, err)
		}
		w.advance(t, 1000*time.Hour)
		requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 0)
		requireEqual(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(1))).Whole, false)
		_, _, err = s.ClaimName(ctx, nameKey("n"), tokenOf(2))
		requireError(t, err, conversation.ErrTaken)
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: *taken}))
		requireEqual(t, readSession(t, s, 7), sampleSession(7, "h"))
	})
}
