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
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		want := sample(7, "h")
		check(t, s.Create(t.Context(), want, taking(1)))
		taken := want
		taken.State = conversation.StateTaken
		same(t, session(t, s, 7), taken)
		wantErr(t, s.Create(t.Context(), sample(7, "other"), taking(2)), conversation.ErrTaken)

		want.Turns, want.Exchanges, want.EndUnknown, want.SettingsKnown = 5, conversation.Uncounted, true, false
		want.Settings.Model, want.Name, want.Object, want.LastExchange = "n", "", nil, conversation.Hash{}
		want.Addressing, want.Verified = conversation.ByName, false
		check(t, s.Save(t.Context(), conversation.Commit{Token: token(1), Session: want}))
		same(t, session(t, s, 7), want)
		wantErr(t, s.Save(t.Context(), conversation.Commit{Token: token(1), Session: want}), conversation.ErrNotHeld)
		want.State = conversation.StateTaken
		if err := s.Save(t.Context(), conversation.Commit{Token: token(1), Session: want}); err == nil {
			t.Error("a session was saved as taken")
		}
	})
}

func TestSessionOfAnotherCallerOrAccountIsUnknown(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		put(t, s, sample(7, "h"))
		_, err := s.Session(t.Context(), conversation.OwnerOf("bob"), 7)
		wantErr(t, err, conversation.ErrUnknown)
		_, err = s.Session(t.Context(), conversation.OwnerOf("alice"), 8)
		wantErr(t, err, conversation.ErrUnknown)
		_, err = s.Session(t.Context(), conversation.OwnerOf("alice"), 7)
		check(t, err)
		_, err = s.Session(t.Context(), conversation.Everyone(), 7)
		check(t, err)
		for _, owner := range []conversation.Owner{{}, conversation.OwnerOf("")} {
			_, err = s.Session(t.Context(), owner, 7)
			wantErr(t, err, conversation.ErrUnknown)
			list, total, err := s.Sessions(t.Context(), owner, 0, 10)
			if err != nil || total != 0 || len(list) != 0 {
				t.Errorf("Sessions(%+v) = %v, %d, %v, want none", owner, list, total, err)
			}
		}
		if w.url == "sqlite::memory:" {
			return
		}
		if s.Kind() == KindSQLite {
			check(t, s.Close())
		}
		other := w.open(t, "host.test 43")
		_, err = other.Session(t.Context(), conversation.Everyone(), 7)
		wantErr(t, err, conversation.ErrUnknown)
		_, once, err := other.Match(t.Context(), claim("h", 1))
		check(t, err)
		if once {
			t.Error("another account's head was found")
		}
		put(t, other, sample(7, "h"))
	})
}

func TestMatchTakesByHead(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		want := sample(7, "h")
		put(t, s, want)
		for _, c := range []conversation.HeadQuery{claim("other", 1), {Caller: "bob", Head: hash("h"), Taking: taking(1)}, {Caller: "alice", Taking: taking(1)}} {
			found, once, err := s.Match(ctx, c)
			if found != nil || once || err != nil {
				t.Fatalf("%v, %v, %v", found, once, err)
			}
		}
		found, once, err := s.Match(ctx, claim("h", 1))
		check(t, err)
		same(t, *found, want)
		if !once {
			t.Error("a head that was found is none")
		}
		found, once, err = s.Match(ctx, claim("h", 2))
		if found != nil || !once || err != nil {
			t.Fatalf("a taken session: %v, %v, %v", found, once, err)
		}
		want.Head = hash("i")
		check(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: want}))
		found, once, err = s.Match(ctx, claim("h", 2))
		if found != nil || !once || err != nil {
			t.Fatalf("a past head: %v, %v, %v", found, once, err)
		}
		found, _, err = s.Match(ctx, claim("i", 2))
		if found == nil || err != nil {
			t.Fatalf("the new head: %v, %v", found, err)
		}
	})
}

// A session that had other instructions and other tools is another agent's.
func TestMatchLeavesOtherAgentsSessions(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		none := conversation.Hash{}
		id := 0
		for _, tt := range []struct {
			hasInstructions, hasTools, instructions, tools conversation.Hash
			want                                           bool
		}{
			{hash("i"), hash("t"), hash("i"), hash("t"), true},
			{hash("i"), hash("t"), hash("j"), hash("t"), true},
			{hash("i"), hash("t"), hash("i"), hash("u"), true},
			{hash("i"), hash("t"), hash("i"), none, true},
			{hash("i"), none, hash("j"), none, true},
			{hash("i"), conversation.NoToolsNow, hash("j"), none, true},
			{none, none, hash("j"), hash("u"), true}, // of the first release: not known
			{hash("i"), hash("t"), hash("j"), hash("u"), false},
			{hash("i"), hash("t"), hash("j"), none, false},
			{hash("i"), none, hash("j"), hash("u"), false},
			{hash("i"), conversation.NoToolsNow, hash("j"), hash("u"), false},
		} {
			id++
			head := fmt.Sprint("head ", id)
			n := sample(int64(id), head)
			n.Instructions, n.Tools, n.ToldPreamble = tt.hasInstructions, tt.hasTools, hash("told")
			put(t, s, n)
			c := claim(head, id)
			c.Instructions, c.Tools = tt.instructions, tt.tools
			found, wasHead, err := s.Match(t.Context(), c)
			check(t, err)
			if (found != nil) != tt.want || !wasHead {
				t.Errorf("case %d: found %t, head known %t, want %t and true", id, found != nil, wasHead, tt.want)
			}
			if found != nil {
				same(t, *found, n)
			} else if got := session(t, s, int64(id)); got.State != conversation.StateFree || got.Head != n.Head {
				t.Errorf("case %d: the session is %s", id, got.State)
			}
		}
	})
}

func TestMatchTakesOnlyWhatLineageLeadsTo(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		id := int64(0)
		for _, state := range []conversation.State{conversation.StateDirty, conversation.StateLost, conversation.StateRetired} {
			id++
			n := sample(id, "h")
			n.State = state
			put(t, s, n)
		}
		for _, reach := range []conversation.Addressing{conversation.ByID, conversation.Throwaway} {
			id++
			n := sample(id, "h")
			n.Addressing = reach
			put(t, s, n)
		}
		found, once, err := s.Match(t.Context(), claim("h", 1))
		if found != nil || !once || err != nil {
			t.Fatalf("%v, %v, %v", found, once, err)
		}
	})
}

func TestMatchPrefersEqualSettingsThenTheLatest(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		for id := int64(1); id <= 5; id++ {
			n := sample(id, "h")
			n.LastUsed = moment0.Add([...]time.Duration{1: 5 * time.Second, 2: 2 * time.Second, 3: 3 * time.Second, 4: 9 * time.Second, 5: 8 * time.Second}[id])
			if id == 4 {
				n.Settings = chat.Settings{Model: "other"}
			}
			n.SettingsKnown = id != 5
			put(t, s, n)
		}
		var order []int64
		for i := range 5 {
			found, _, err := s.Match(t.Context(), claim("h", i))
			check(t, err)
			order = append(order, found.ID)
		}
		same(t, order, []int64{1, 3, 2, 4, 5})
	})
}

func TestOneHeadIsTakenOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		put(t, s, sample(7, "h"))
		var taken, wrong atomic.Int32
		crowd(t.Context(), 100, func(ctx context.Context, i int) {
			found, once, err := replicas[i%len(replicas)].Match(ctx, claim("h", i))
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
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		for id := range int64(20) {
			put(t, s, sample(id+1, "h"))
		}
		var taken [21]atomic.Int32
		crowd(t.Context(), 60, func(ctx context.Context, i int) {
			found, _, err := replicas[i%len(replicas)].Match(ctx, claim("h", i))
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
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		want := sample(7, "h")
		put(t, s, want)
		_, err := s.Take(ctx, 8, taking(1), conversation.ByName)
		wantErr(t, err, conversation.ErrUnknown)

		found := must[*conversation.Session](t)(s.Take(ctx, 7, taking(1), conversation.ByName))
		want.Addressing = conversation.ByName
		same(t, *found, want)
		_, err = s.Take(ctx, 7, taking(2), conversation.ByName)
		wantErr(t, err, conversation.ErrTaken)
		check(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: *found}))

		found = must[*conversation.Session](t)(s.Take(ctx, 7, taking(3), conversation.ByID))
		want.Addressing, want.Head = conversation.ByID, conversation.Hash{}
		same(t, *found, want)
		found.State, found.EndUnknown = conversation.StateDirty, true
		check(t, s.Save(ctx, conversation.Commit{Token: token(3), Session: *found}))
		_, once, err := s.Match(ctx, claim("h", 4))
		if !once || err != nil {
			t.Fatal(once, err)
		}

		// It has left lineage for good, and a dirty one is taken as it is.
		again := must[*conversation.Session](t)(s.Take(ctx, 7, taking(5), conversation.ByName))
		same(t, again, found)
		again.State = conversation.StateLost
		check(t, s.Save(ctx, conversation.Commit{Token: token(5), Session: *again}))
		_, err = s.Take(ctx, 7, taking(6), conversation.ByID)
		wantErr(t, err, conversation.ErrUnknown)
	})
}

func TestTakeIsExclusive(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		put(t, s, sample(7, "h"))
		var taken atomic.Int32
		crowd(t.Context(), 100, func(ctx context.Context, i int) {
			_, err := replicas[i%len(replicas)].Take(ctx, 7, taking(i), conversation.ByID)
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

// A session is unasked from its creation, or from the moment before a PUT, until the
// question is about to be sent. What is stored of it when a process dies tells a
// repetition whether a record can come.
func TestMarkAsking(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		isUnasked := func(want bool, when string) {
			t.Helper()
			if got := session(t, s, 7).Unasked; got != want {
				t.Errorf("%s: Unasked = %t, want %t", when, got, want)
			}
		}
		fresh := sample(7, "")
		fresh.SettingsKnown = false
		check(t, s.Create(ctx, fresh, taking(1)))
		isUnasked(true, "created, a PUT comes next")
		wantErr(t, s.MarkAsking(ctx, 7, token(2)), conversation.ErrNotHeld)
		check(t, s.MarkAsking(ctx, 7, token(1)))
		isUnasked(false, "after the PUT")
		check(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: sample(7, "h")}))
		_, _, err := s.Match(ctx, claim("h", 3))
		check(t, err)
		isUnasked(false, "taken by its head")
		check(t, s.MarkSettingsUnknown(ctx, 7, token(3)))
		isUnasked(true, "before a PUT")
		check(t, s.Save(ctx, conversation.Commit{Token: token(3), Session: sample(7, "i")}))
		isUnasked(false, "saved")
	})
}

func TestUnknow(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		check(t, s.Create(ctx, sample(7, "h"), taking(1)))
		wantErr(t, s.MarkSettingsUnknown(ctx, 7, token(2)), conversation.ErrNotHeld)
		wantErr(t, s.MarkSettingsUnknown(ctx, 8, token(1)), conversation.ErrNotHeld)
		check(t, s.MarkSettingsUnknown(ctx, 7, token(1)))
		if session(t, s, 7).SettingsKnown {
			t.Error("the settings are still known")
		}
	})
}

// Time matters in Expire alone: until it has ended a taking, Extend and Save go by the token.
func TestLeaseExpires(t *testing.T) {
	withLeases(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		put(t, s, sample(7, "h"))
		put(t, s, sample(8, "other"))
		taken, _, err := s.Match(ctx, claim("h", 1))
		check(t, err)
		kept, _, err := s.Match(ctx, claim("other", 2))
		check(t, err)
		w.pass(t, 2*testLease)
		same(t, session(t, s, 7).State, conversation.StateTaken)
		_, err = s.Take(ctx, 7, taking(3), conversation.ByName)
		wantErr(t, err, conversation.ErrTaken)
		same(t, must[[]conversation.Token](t)(s.Extend(ctx, []conversation.Token{token(1), token(3)})), []conversation.Token{token(3)})
		same(t, must[int](t)(s.ExpireLeases(ctx)), 1)
		wantErr(t, s.Save(ctx, conversation.Commit{Token: token(2), Session: *kept}), conversation.ErrNotHeld)
		w.pass(t, 2*testLease)
		same(t, must[int](t)(s.ExpireLeases(ctx)), 1)

		dirty := sample(7, "")
		dirty.State, dirty.EndUnknown, dirty.Head = conversation.StateDirty, true, conversation.Hash{}
		same(t, session(t, s, 7), dirty)
		same(t, must[map[conversation.State]int](t)(s.Counts(ctx)), map[conversation.State]int{conversation.StateDirty: 2})
		same(t, must[[]conversation.Token](t)(s.Extend(ctx, []conversation.Token{token(1)})), []conversation.Token{token(1)})
		wantErr(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: *taken}), conversation.ErrNotHeld)
		found, once, err := s.Match(ctx, claim("h", 2))
		if found != nil || !once || err != nil {
			t.Fatalf("Match = %v, %v, %v, want none that was there once", found, once, err)
		}
		dirty.Addressing = conversation.ByName
		same(t, must[*conversation.Session](t)(s.Take(ctx, 7, taking(3), conversation.ByName)), &dirty)
		wantErr(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: *taken}), conversation.ErrNotHeld)
		check(t, s.Save(ctx, conversation.Commit{Token: token(3), Session: sample(7, "i")}))
	})
}

// A session that is given back goes to the request that waits for it at another replica,
// for as long as that looks for it.
func TestWaiterIsNext(t *testing.T) {
	withLeases(t, func(t *testing.T, w world, s *Store) {
		ctx, other := t.Context(), w.open(t)
		put(t, s, sample(7, "h"))
		take := func(s *Store, n int) error {
			asked := taking(n)
			asked.Request = hash("request")
			_, err := s.Take(ctx, 7, asked, conversation.ByID)
			return err
		}
		give := func(s *Store, n int) { check(t, s.Release(ctx, token(n), 7, conversation.Hash{})) }
		check(t, take(s, 1))
		wantErr(t, take(other, 2), conversation.ErrTaken)
		wantErr(t, take(s, 3), conversation.ErrTaken)
		give(s, 1)
		wantErr(t, take(s, 3), conversation.ErrTaken)
		check(t, take(other, 2))
		wantErr(t, take(s, 3), conversation.ErrTaken)
		give(other, 2)
		wantErr(t, take(other, 4), conversation.ErrTaken)
		w.pass(t, 2*time.Second) // the request has left
		check(t, take(other, 4))
	})
}

// On SQLite no time ends a taking: neither a machine that sleeps nor a clock that is set.
func TestNoLeaseOnSQLite(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		if s.HasLeases() {
			return
		}
		ctx := t.Context()
		put(t, s, sample(7, "h"))
		taken, _, err := s.Match(ctx, claim("h", 1))
		check(t, err)
		enter(t, s, asked(1, "r", "k"), false)
		_, claimed, err := s.ClaimName(ctx, key("n"), token(1))
		if !claimed || err != nil {
			t.Fatalf("ClaimName = %t, %v, want true", claimed, err)
		}
		w.pass(t, 1000*time.Hour)
		same(t, must[int](t)(s.ExpireLeases(ctx)), 0)
		same(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, token(1))).Whole, false)
		_, _, err = s.ClaimName(ctx, key("n"), token(2))
		wantErr(t, err, conversation.ErrTaken)
		check(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: *taken}))
		same(t, session(t, s, 7), sample(7, "h"))
	})
}

// A taking changes nothing until Save: Release gives all back as it was.
func TestRelease(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		want := sample(7, "h")
		put(t, s, want)
		put(t, s, sample(8, "other"))
		releases := map[string]struct {
			take    func() error
			release func() error
		}{
			"by id": {
				func() error { _, err := s.Take(ctx, 7, taking(1), conversation.ByID); return err },
				func() error { return s.Release(ctx, token(1), 7, conversation.Hash{}) },
			},
			"by head": {
				func() error { _, _, err := s.Match(ctx, claim("h", 1)); return err },
				func() error { return s.Release(ctx, token(1), 0, hash("h")) },
			},
			"all": {
				func() error { _, err := s.TakeExpired(ctx, time.Now(), time.Time{}, token(1), 5); return err },
				func() error { return s.Release(ctx, token(1), 0, conversation.Hash{}) },
			},
		}
		for name, r := range releases {
			check(t, r.take())
			same(t, session(t, s, 7).State, conversation.StateTaken)
			check(t, s.Release(ctx, token(2), 7, conversation.Hash{})) // another's
			check(t, s.Release(ctx, token(1), 8, hash("h")))
			check(t, s.Release(ctx, token(1), 0, hash("no session's")))
			if got := session(t, s, 7).State; got != conversation.StateTaken && name != "all" {
				t.Fatalf("%s: another release left it %s", name, got)
			}
			for range 2 {
				check(t, r.release())
				same(t, session(t, s, 7), want)
			}
		}
	})
}

func TestSessionsArePagedLatestFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		for id := int64(1); id <= 6; id++ {
			n := sample(id, "h")
			n.LastUsed = moment0.Add([...]time.Duration{1: 4 * time.Second, 2: 6 * time.Second, 3: 5 * time.Second, 4: 1 * time.Second, 5: 2 * time.Second, 6: 3 * time.Second}[id])
			switch id {
			case 4:
				n.State = conversation.StateLost
			case 5:
				n.State = conversation.StateRetired
			case 6:
				n.Caller = "bob"
			}
			put(t, s, n)
		}
		page := func(owner conversation.Owner, offset, limit int) []int64 {
			list, total, err := s.Sessions(t.Context(), owner, offset, limit)
			check(t, err)
			ids := []int64{int64(total)}
			for _, n := range list {
				ids = append(ids, n.ID)
			}
			return ids
		}
		same(t, page(conversation.OwnerOf("alice"), 0, 10), []int64{3, 2, 3, 1})
		same(t, page(conversation.OwnerOf("alice"), 1, 1), []int64{3, 3})
		same(t, page(conversation.OwnerOf("alice"), 3, 1), []int64{3})
		same(t, page(conversation.Everyone(), 0, 10), []int64{4, 2, 3, 1, 6})
		same(t, page(conversation.Everyone(), 2, 2), []int64{4, 1, 6})
		same(t, page(conversation.OwnerOf("carol"), 0, 10), []int64{0})
	})
}

func TestCounts(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		states := []conversation.State{
			conversation.StateFree, conversation.StateFree, conversation.StateFree, conversation.StateFree,
			conversation.StateDirty, conversation.StateDirty, conversation.StateLost, conversation.StateRetired,
		}
		for i, state := range states {
			n := sample(int64(i+1), "h")
			n.State = state
			put(t, s, n)
		}
		must[*conversation.Session](t)(s.Take(t.Context(), 1, taking(1), conversation.ByName))
		must[*conversation.Session](t)(s.Take(t.Context(), 2, taking(2), conversation.ByName))
		must[*conversation.Session](t)(s.Take(t.Context(), 5, taking(5), conversation.ByName))
		same(t, must[map[conversation.State]int](t)(s.Counts(t.Context())), map[conversation.State]int{
			conversation.StateFree: 2, conversation.StateTaken: 3, conversation.StateDirty: 1,
			conversation.StateLost: 1, conversation.StateRetired: 1,
		})
	})
}
