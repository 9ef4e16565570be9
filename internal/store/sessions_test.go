package store

import (
	"context"
	"testing"
	"time"

	"achuan/internal/conversation"
)

func TestSessionIsWhatWasSaved(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		want := sampleSession(7, "h")
		requireNoError(t, s.Create(t.Context(), want, newTaking(1)))
		taken := want
		taken.State = conversation.StateTaken
		requireEqual(t, readSession(t, s, 7), taken)
		requireError(t, s.Create(t.Context(), sampleSession(7, "other"), newTaking(2)), conversation.ErrTaken)

		want.Turns, want.Exchanges, want.EndUnknown, want.SettingsKnown = 5, conversation.Uncounted, true, false
		want.Settings.Model, want.Name, want.Object, want.LastExchange = "n", "", nil, conversation.Hash{}
		want.Addressing, want.Verified = conversation.ByName, false
		requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: tokenOf(1), Session: want}))
		requireEqual(t, readSession(t, s, 7), want)
		err := s.Save(t.Context(), conversation.Commit{Token: tokenOf(1), Session: want})
		requireError(t, err, conversation.ErrNotHeld)
		want.State = conversation.StateTaken
		if err := s.Save(t.Context(), conversation.Commit{Token: tokenOf(1), Session: want}); err == nil {
			t.Error("Save with state taken = nil, want an error")
		}
	})
}

func TestSessionOfAnotherCallerOrAccountIsUnknown(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		putSession(t, s, sampleSession(7, "h"))
		_, err := s.Session(t.Context(), conversation.OwnerOf("bob"), 7)
		requireError(t, err, conversation.ErrUnknown)
		_, err = s.Session(t.Context(), conversation.OwnerOf("alice"), 8)
		requireError(t, err, conversation.ErrUnknown)
		_, err = s.Session(t.Context(), conversation.OwnerOf("alice"), 7)
		requireNoError(t, err)
		_, err = s.Session(t.Context(), conversation.Everyone(), 7)
		requireNoError(t, err)
		for _, owner := range []conversation.Owner{{}, conversation.OwnerOf("")} {
			_, err = s.Session(t.Context(), owner, 7)
			requireError(t, err, conversation.ErrUnknown)
			list, total, err := s.Sessions(t.Context(), owner, 0, 10)
			if err != nil || total != 0 || len(list) != 0 {
				t.Errorf("Sessions(%+v) = %v, %d, %v, want none", owner, list, total, err)
			}
		}
		if w.url == "sqlite::memory:" {
			return
		}
		if s.Kind() == KindSQLite {
			requireNoError(t, s.Close())
		}
		other := w.open(t, "host.test 43")
		_, err = other.Session(t.Context(), conversation.Everyone(), 7)
		requireError(t, err, conversation.ErrUnknown)
		requireNoMatch(t, other, newHeadQuery("h", 1), false)
		putSession(t, other, sampleSession(7, "h"))
	})
}

func TestTake(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		want := sampleSession(7, "h")
		putSession(t, s, want)
		_, err := s.Take(ctx, 8, newTaking(1), conversation.ByName)
		requireError(t, err, conversation.ErrUnknown)

		found := must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(1), conversation.ByName))
		want.Addressing = conversation.ByName
		requireEqual(t, *found, want)
		_, err = s.Take(ctx, 7, newTaking(2), conversation.ByName)
		requireError(t, err, conversation.ErrTaken)
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: *found}))

		found = must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(3), conversation.ByID))
		want.Addressing, want.Head = conversation.ByID, conversation.Hash{}
		requireEqual(t, *found, want)
		found.State, found.EndUnknown = conversation.StateDirty, true
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(3), Session: *found}))
		_, once, err := s.Match(ctx, newHeadQuery("h", 4))
		if !once || err != nil {
			t.Fatalf("Match(h) = once %t, %v, want true, nil", once, err)
		}

		// The session has left lineage for good. A dirty session can be taken.
		again := must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(5), conversation.ByName))
		requireEqual(t, again, found)
		again.State = conversation.StateLost
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(5), Session: *again}))
		_, err = s.Take(ctx, 7, newTaking(6), conversation.ByID)
		requireError(t, err, conversation.ErrUnknown)
	})
}

func TestTakeIsExclusive(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		putSession(t, s, sampleSession(7, "h"))
		w.requireOnce(t, s, 100, "Take", func(ctx context.Context, s *Store, i int) (bool, error) {
			_, err := s.Take(ctx, 7, newTaking(i), conversation.ByID)
			if err == conversation.ErrTaken {
				return false, nil
			}
			return true, err
		})
	})
}

// A session is Unasked from its creation, or from before a PUT, until its question is about to
// be sent. If the process dies, a repetition knows from that whether a record can appear.
func TestMarkAsking(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		checkUnasked := func(want bool, when string) {
			t.Helper()
			if got := readSession(t, s, 7).Unasked; got != want {
				t.Errorf("%s: Unasked = %t, want %t", when, got, want)
			}
		}
		fresh := sampleSession(7, "")
		fresh.SettingsKnown = false
		requireNoError(t, s.Create(ctx, fresh, newTaking(1)))
		checkUnasked(true, "created, a PUT comes next")
		requireError(t, s.MarkAsking(ctx, 7, tokenOf(2), 9), conversation.ErrNotHeld)
		requireNoError(t, s.MarkAsking(ctx, 7, tokenOf(1), 9))
		checkUnasked(false, "after the PUT")
		requireEqual(t, readSession(t, s, 7).Exchanges, 9)
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: sampleSession(7, "h")}))
		_, _, err := s.Match(ctx, newHeadQuery("h", 3))
		requireNoError(t, err)
		checkUnasked(false, "taken by its head")
		requireNoError(t, s.MarkSettingsUnknown(ctx, 7, tokenOf(3)))
		checkUnasked(true, "before a PUT")
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(3), Session: sampleSession(7, "i")}))
		checkUnasked(false, "saved")
		must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(4), conversation.ByID))
		requireError(t, s.MarkUnasked(ctx, 7, tokenOf(3)), conversation.ErrNotHeld)
		requireNoError(t, s.MarkUnasked(ctx, 7, tokenOf(4)))
		checkUnasked(true, "before a read of the records")
		interruptTakings(t, w, s)
		checkUnasked(true, "interrupted")
		must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(5), conversation.ByID))
		requireNoError(t, s.MarkAsking(ctx, 7, tokenOf(5), 9))
		interruptTakings(t, w, s)
		must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(6), conversation.ByID))
		requireNoError(t, s.MarkUnasked(ctx, 7, tokenOf(6)))
		checkUnasked(false, "taken after a turn whose question may have been sent")
	})
}

// The store's clock dates the last use of a session, and its taking, whatever the engine's says.
func TestTimesAreOfTheStore(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		w.advance(t, time.Hour)
		n := sampleSession(7, "")
		n.LastUsed = time.Time{}
		requireNoError(t, s.Create(ctx, n, newTaking(1)))
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: n}))
		found := readSession(t, s, 7)
		used, taken := found.ReadAt.Sub(found.LastUsed), found.ReadAt.Sub(found.Taken)
		if used < 0 || taken < used || taken > time.Minute {
			t.Errorf("used %v and taken %v before the read, want both just before it", used, taken)
		}
	})
}

func TestMarkSettingsUnknown(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		requireNoError(t, s.Create(ctx, sampleSession(7, "h"), newTaking(1)))
		requireError(t, s.MarkSettingsUnknown(ctx, 7, tokenOf(2)), conversation.ErrNotHeld)
		requireError(t, s.MarkSettingsUnknown(ctx, 8, tokenOf(1)), conversation.ErrNotHeld)
		requireNoError(t, s.MarkSettingsUnknown(ctx, 7, tokenOf(1)))
		if readSession(t, s, 7).SettingsKnown {
			t.Error("SettingsKnown after MarkSettingsUnknown = true, want false")
		}
	})
}

// A released session goes to the request that waits for it at another replica, as long as that
// request keeps trying.
func TestWaitingRequestGetsTheSession(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx, other := t.Context(), w.open(t)
		putSession(t, s, sampleSession(7, "h"))
		take := func(s *Store, n int) error {
			asked := newTaking(n)
			asked.Request = hashOf("request")
			_, err := s.Take(ctx, 7, asked, conversation.ByID)
			return err
		}
		release := func(s *Store, n int) { requireNoError(t, s.Release(ctx, tokenOf(n), 7, conversation.Hash{})) }
		requireNoError(t, take(s, 1))
		requireError(t, take(other, 2), conversation.ErrTaken)
		requireError(t, take(s, 3), conversation.ErrTaken)
		release(s, 1)
		requireError(t, take(s, 3), conversation.ErrTaken)
		requireNoError(t, take(other, 2))
		requireError(t, take(s, 3), conversation.ErrTaken)
		release(other, 2)
		requireError(t, take(other, 4), conversation.ErrTaken)
		w.advance(t, 2*time.Second) // the request has left
		requireNoError(t, take(other, 4))
	})
}

// A taking changes nothing until Save: after Release the session is as before.
func TestRelease(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		want := sampleSession(7, "h")
		putSession(t, s, want)
		putSession(t, s, sampleSession(8, "other"))
		releases := map[string]struct {
			take    func() error
			release func() error
		}{
			"by id": {
				func() error { _, err := s.Take(ctx, 7, newTaking(1), conversation.ByID); return err },
				func() error { return s.Release(ctx, tokenOf(1), 7, conversation.Hash{}) },
			},
			"by head": {
				func() error { _, _, err := s.Match(ctx, newHeadQuery("h", 1)); return err },
				func() error { return s.Release(ctx, tokenOf(1), 0, hashOf("h")) },
			},
			"all": {
				func() error { _, err := s.TakeExpired(ctx, time.Now(), time.Time{}, tokenOf(1), 5); return err },
				func() error { return s.Release(ctx, tokenOf(1), 0, conversation.Hash{}) },
			},
		}
		for name, r := range releases {
			requireNoError(t, r.take())
			requireEqual(t, readSession(t, s, 7).State, conversation.StateTaken)
			requireNoError(t, s.Release(ctx, tokenOf(2), 7, conversation.Hash{})) // another's
			requireNoError(t, s.Release(ctx, tokenOf(1), 8, hashOf("h")))
			requireNoError(t, s.Release(ctx, tokenOf(1), 0, hashOf("no session's")))
			if got := readSession(t, s, 7).State; got != conversation.StateTaken && name != "all" {
				t.Fatalf("%s: state after a release of another taking = %s, want %s", name, got, conversation.StateTaken)
			}
			for range 2 {
				requireNoError(t, r.release())
				requireEqual(t, readSession(t, s, 7), want)
			}
		}
	})
}
