package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/chat"
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
		_, once, err := other.Match(t.Context(), newHeadQuery("h", 1))
		requireNoError(t, err)
		if once {
			t.Error("Match finds a head of another account, want none")
		}
		putSession(t, other, sampleSession(7, "h"))
	})
}

func TestMatchTakesByHead(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		want := sampleSession(7, "h")
		putSession(t, s, want)
		for _, c := range []conversation.HeadQuery{newHeadQuery("other", 1), {Caller: "bob", Head: hashOf("h"), Taking: newTaking(1)}, {Caller: "alice", Taking: newTaking(1)}} {
			found, once, err := s.Match(ctx, c)
			if found != nil || once || err != nil {
				t.Fatalf("%v, %v, %v", found, once, err)
			}
		}
		found, once, err := s.Match(ctx, newHeadQuery("h", 1))
		requireNoError(t, err)
		requireEqual(t, *found, want)
		if !once {
			t.Error("once of a head that was found = false, want true")
		}
		found, once, err = s.Match(ctx, newHeadQuery("h", 2))
		if found != nil || !once || err != nil {
			t.Fatalf("a taken session: %v, %v, %v", found, once, err)
		}
		want.Head = hashOf("i")
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: want}))
		found, once, err = s.Match(ctx, newHeadQuery("h", 2))
		if found != nil || !once || err != nil {
			t.Fatalf("a past head: %v, %v, %v", found, once, err)
		}
		found, _, err = s.Match(ctx, newHeadQuery("i", 2))
		if found == nil || err != nil {
			t.Fatalf("the new head: %v, %v", found, err)
		}
	})
}

// Match does not take a session that had other instructions and other tools: it belongs to
// another agent.
func TestMatchLeavesOtherAgentsSessions(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		none := conversation.Hash{}
		id := 0
		for _, tt := range []struct {
			hasInstructions, hasTools, instructions, tools conversation.Hash
			want                                           bool
		}{
			{hashOf("i"), hashOf("t"), hashOf("i"), hashOf("t"), true},
			{hashOf("i"), hashOf("t"), hashOf("j"), hashOf("t"), true},
			{hashOf("i"), hashOf("t"), hashOf("i"), hashOf("u"), true},
			{hashOf("i"), hashOf("t"), hashOf("i"), none, true},
			{hashOf("i"), none, hashOf("j"), none, true},
			{hashOf("i"), conversation.NoToolsNow, hashOf("j"), none, true},
			{none, none, hashOf("j"), hashOf("u"), true}, // of the first release: not known
			{hashOf("i"), hashOf("t"), hashOf("j"), hashOf("u"), false},
			{hashOf("i"), hashOf("t"), hashOf("j"), none, false},
			{hashOf("i"), none, hashOf("j"), hashOf("u"), false},
			{hashOf("i"), conversation.NoToolsNow, hashOf("j"), hashOf("u"), false},
		} {
			id++
			head := fmt.Sprint("head ", id)
			n := sampleSession(int64(id), head)
			n.Instructions, n.Tools, n.ToldPreamble = tt.hasInstructions, tt.hasTools, hashOf("told")
			putSession(t, s, n)
			c := newHeadQuery(head, id)
			c.Instructions, c.Tools = tt.instructions, tt.tools
			found, wasHead, err := s.Match(t.Context(), c)
			requireNoError(t, err)
			if (found != nil) != tt.want || !wasHead {
				t.Errorf("case %d: found %t, head known %t, want %t and true", id, found != nil, wasHead, tt.want)
			}
			if found != nil {
				requireEqual(t, *found, n)
			} else if got := readSession(t, s, int64(id)); got.State != conversation.StateFree || got.Head != n.Head {
				t.Errorf("case %d: the session is %s", id, got.State)
			}
		}
	})
}

func TestMatchTakesOnlyWhatLineageLeadsTo(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		id := int64(0)
		for _, state := range []conversation.State{
			conversation.StateDirty, conversation.StateLost, conversation.StateRetired,
		} {
			id++
			n := sampleSession(id, "h")
			n.State = state
			putSession(t, s, n)
		}
		for _, reach := range []conversation.Addressing{conversation.ByID, conversation.Throwaway} {
			id++
			n := sampleSession(id, "h")
			n.Addressing = reach
			putSession(t, s, n)
		}
		found, once, err := s.Match(t.Context(), newHeadQuery("h", 1))
		if found != nil || !once || err != nil {
			t.Fatalf("%v, %v, %v", found, once, err)
		}
	})
}

func TestMatchPrefersEqualSettingsThenTheLatest(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		for id := int64(1); id <= 5; id++ {
			n := sampleSession(id, "h")
			n.LastUsed = sampleTime.Add([...]time.Duration{1: 5, 2: 2, 3: 3, 4: 9, 5: 8}[id] * time.Second)
			if id == 4 {
				n.Settings = chat.Settings{Model: "other"}
			}
			n.SettingsKnown = id != 5
			putSession(t, s, n)
		}
		var order []int64
		for i := range 5 {
			found, _, err := s.Match(t.Context(), newHeadQuery("h", i))
			requireNoError(t, err)
			order = append(order, found.ID)
		}
		requireEqual(t, order, []int64{1, 3, 2, 4, 5})
	})
}

func TestConcurrentMatchesTakeASessionOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		replicas := w.replicas(t, s)
		putSession(t, s, sampleSession(7, "h"))
		var taken, wrong atomic.Int32
		runConcurrently(t.Context(), 100, func(ctx context.Context, i int) {
			found, once, err := replicas[i%len(replicas)].Match(ctx, newHeadQuery("h", i))
			if found != nil {
				taken.Add(1)
			}
			if !once || err != nil {
				t.Error(once, err)
				wrong.Add(1)
			}
		})
		if taken.Load() != 1 || wrong.Load() != 0 {
			t.Fatalf("taken %d times", taken.Load())
		}
	})
}

func TestHeadsAreTakenByAsManyAsThereAre(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		replicas := w.replicas(t, s)
		for id := range int64(20) {
			putSession(t, s, sampleSession(id+1, "h"))
		}
		var taken [21]atomic.Int32
		runConcurrently(t.Context(), 60, func(ctx context.Context, i int) {
			found, _, err := replicas[i%len(replicas)].Match(ctx, newHeadQuery("h", i))
			if err != nil {
				t.Error(err)
			}
			if found != nil {
				taken[found.ID].Add(1)
			}
		})
		for id := 1; id <= 20; id++ {
			if n := taken[id].Load(); n != 1 {
				t.Errorf("session %d was taken %d times", id, n)
			}
		}
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
			t.Fatal(once, err)
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
		replicas := w.replicas(t, s)
		putSession(t, s, sampleSession(7, "h"))
		var taken atomic.Int32
		runConcurrently(t.Context(), 100, func(ctx context.Context, i int) {
			_, err := replicas[i%len(replicas)].Take(ctx, 7, newTaking(i), conversation.ByID)
			switch {
			case err == nil:
				taken.Add(1)
			case err != conversation.ErrTaken:
				t.Error(err)
			}
		})
		if taken.Load() != 1 {
			t.Fatalf("taken %d times", taken.Load())
		}
	})
}

// A session is Unasked from its creation, or from before a PUT, until its question is about to
// be sent. If the process dies, a repetition knows from that whether a record can appear.
func TestMarkAsking(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		isUnasked := func(want bool, when string) {
			t.Helper()
			if got := readSession(t, s, 7).Unasked; got != want {
				t.Errorf("%s: Unasked = %t, want %t", when, got, want)
			}
		}
		fresh := sampleSession(7, "")
		fresh.SettingsKnown = false
		requireNoError(t, s.Create(ctx, fresh, newTaking(1)))
		isUnasked(true, "created, a PUT comes next")
		requireError(t, s.MarkAsking(ctx, 7, tokenOf(2)), conversation.ErrNotHeld)
		requireNoError(t, s.MarkAsking(ctx, 7, tokenOf(1)))
		isUnasked(false, "after the PUT")
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: sampleSession(7, "h")}))
		_, _, err := s.Match(ctx, newHeadQuery("h", 3))
		requireNoError(t, err)
		isUnasked(false, "taken by its head")
		requireNoError(t, s.MarkSettingsUnknown(ctx, 7, tokenOf(3)))
		isUnasked(true, "before a PUT")
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(3), Session: sampleSession(7, "i")}))
		isUnasked(false, "saved")
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
		found, once, err := s.Match(ctx, newHeadQuery("h", 2))
		if found != nil || !once || err != nil {
			t.Fatalf("Match = %v, %v, %v, want none that was there once", found, once, err)
		}
		dirty.Addressing = conversation.ByName
		requireEqual(t, must[*conversation.Session](t)(s.Take(ctx, 7, newTaking(3), conversation.ByName)), &dirty)
		requireError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: *taken}), conversation.ErrNotHeld)
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(3), Session: sampleSession(7, "i")}))
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
		give := func(s *Store, n int) { requireNoError(t, s.Release(ctx, tokenOf(n), 7, conversation.Hash{})) }
		requireNoError(t, take(s, 1))
		requireError(t, take(other, 2), conversation.ErrTaken)
		requireError(t, take(s, 3), conversation.ErrTaken)
		give(s, 1)
		requireError(t, take(s, 3), conversation.ErrTaken)
		requireNoError(t, take(other, 2))
		requireError(t, take(s, 3), conversation.ErrTaken)
		give(other, 2)
		requireError(t, take(other, 4), conversation.ErrTaken)
		w.advance(t, 2*time.Second) // the request has left
		requireNoError(t, take(other, 4))
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
				t.Fatalf("%s: another release left it %s", name, got)
			}
			for range 2 {
				requireNoError(t, r.release())
				requireEqual(t, readSession(t, s, 7), want)
			}
		}
	})
}

func TestSessionsArePagedLatestFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		for id := int64(1); id <= 6; id++ {
			n := sampleSession(id, "h")
			n.LastUsed = sampleTime.Add([...]time.Duration{1: 4, 2: 6, 3: 5, 4: 1, 5: 2, 6: 3}[id] * time.Second)
			switch id {
			case 4:
				n.State = conversation.StateLost
			case 5:
				n.State = conversation.StateRetired
			case 6:
				n.Caller = "bob"
			}
			putSession(t, s, n)
		}
		page := func(owner conversation.Owner, offset, limit int) []int64 {
			list, total, err := s.Sessions(t.Context(), owner, offset, limit)
			requireNoError(t, err)
			ids := []int64{int64(total)}
			for _, n := range list {
				ids = append(ids, n.ID)
			}
			return ids
		}
		requireEqual(t, page(conversation.OwnerOf("alice"), 0, 10), []int64{3, 2, 3, 1})
		requireEqual(t, page(conversation.OwnerOf("alice"), 1, 1), []int64{3, 3})
		requireEqual(t, page(conversation.OwnerOf("alice"), 3, 1), []int64{3})
		requireEqual(t, page(conversation.Everyone(), 0, 10), []int64{4, 2, 3, 1, 6})
		requireEqual(t, page(conversation.Everyone(), 2, 2), []int64{4, 1, 6})
		requireEqual(t, page(conversation.OwnerOf("carol"), 0, 10), []int64{0})
	})
}

func TestCounts(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		states := []conversation.State{
			conversation.StateFree, conversation.StateFree, conversation.StateFree, conversation.StateFree,
			conversation.StateDirty, conversation.StateDirty, conversation.StateLost, conversation.StateRetired,
		}
		for i, state := range states {
			n := sampleSession(int64(i+1), "h")
			n.State = state
			putSession(t, s, n)
		}
		must[*conversation.Session](t)(s.Take(t.Context(), 1, newTaking(1), conversation.ByName))
		must[*conversation.Session](t)(s.Take(t.Context(), 2, newTaking(2), conversation.ByName))
		must[*conversation.Session](t)(s.Take(t.Context(), 5, newTaking(5), conversation.ByName))
		requireEqual(t, must[map[conversation.State]int](t)(s.Counts(t.Context())), map[conversation.State]int{
			conversation.StateFree: 2, conversation.StateTaken: 3, conversation.StateDirty: 1,
			conversation.StateLost: 1, conversation.StateRetired: 1,
		})
	})
}
