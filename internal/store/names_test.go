package store

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"achuan/internal/conversation"
)

func TestNames(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		k := key("a\x00b" + strings.Repeat("long", 5000))
		name := func() conversation.Name { return must[conversation.Name](t)(s.Name(ctx, k)) }
		same(t, name(), conversation.Name{})

		n, claimed, err := s.ClaimName(ctx, k, token(1))
		if n != (conversation.Name{}) || !claimed || err != nil {
			t.Fatal(n, claimed, err)
		}
		_, _, err = s.ClaimName(ctx, k, token(2))
		wantErr(t, err, conversation.ErrTaken)
		check(t, s.ReleaseName(ctx, k, token(2)))
		_, _, err = s.ClaimName(ctx, k, token(2))
		wantErr(t, err, conversation.ErrTaken)
		check(t, s.ReleaseName(ctx, k, token(1)))
		_, claimed, err = s.ClaimName(ctx, k, token(2))
		if !claimed || err != nil {
			t.Fatal(claimed, err)
		}

		check(t, s.BindName(ctx, conversation.NameBinding{Key: k}, 7))
		same(t, name(), conversation.Name{Session: 7})
		check(t, s.ReleaseName(ctx, k, token(2)))
		n, claimed, err = s.ClaimName(ctx, k, token(3))
		if n != (conversation.Name{Session: 7}) || claimed || err != nil {
			t.Fatal(n, claimed, err)
		}
		wantErr(t, s.BindName(ctx, conversation.NameBinding{Key: k}, 8), conversation.ErrTaken)
		check(t, s.MarkNameHistory(ctx, k))
		same(t, name(), conversation.Name{Session: 7, History: true})
		check(t, s.BindName(ctx, conversation.NameBinding{Key: k}, 7))
		same(t, name(), conversation.Name{Session: 7, History: true})
		w.pass(t, 10*testLease)
		must[int](t)(s.ExpireLeases(ctx))
		same(t, name(), conversation.Name{Session: 7, History: true})
	})
}

func TestNamesAreACallersAndAModels(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		keys := []conversation.NameKey{
			{Caller: "a", Model: "b", Name: "c"}, {Caller: "ab", Name: "c"}, {Caller: "a", Model: "bc"}, {Caller: "b", Model: "a", Name: "c"},
			{Caller: "a", Model: "b", Name: "\xff"}, {Caller: "a", Model: "b", Name: "\xfe"},
		}
		for i, k := range keys {
			check(t, s.BindName(t.Context(), conversation.NameBinding{Key: k}, int64(i+1)))
		}
		for i, k := range keys {
			same(t, must[conversation.Name](t)(s.Name(t.Context(), k)).Session, int64(i+1))
		}
	})
}

// A claim lasts until Expire ends it; Extend revives one whose lease ran out.
func TestNameClaimExpires(t *testing.T) {
	withLeases(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		for i := range 2 {
			if i == 1 {
				check(t, s.MarkNameHistory(ctx, key("n")))
			}
			_, claimed, err := s.ClaimName(ctx, key("n"), token(i))
			if !claimed || err != nil {
				t.Fatalf("ClaimName = %t, %v, want true", claimed, err)
			}
			w.pass(t, 2*testLease)
			if gone := must[[]conversation.Token](t)(s.Extend(ctx, []conversation.Token{token(i)})); gone != nil {
				t.Fatalf("Extend = %v, want none", gone)
			}
			must[int](t)(s.ExpireLeases(ctx))
			_, _, err = s.ClaimName(ctx, key("n"), token(9))
			wantErr(t, err, conversation.ErrTaken)
			w.pass(t, 2*testLease)
			_, _, err = s.ClaimName(ctx, key("n"), token(9))
			wantErr(t, err, conversation.ErrTaken)
			must[int](t)(s.ExpireLeases(ctx))
		}
		n, claimed, err := s.ClaimName(ctx, key("n"), token(3))
		if n != (conversation.Name{History: true}) || !claimed || err != nil {
			t.Fatalf("ClaimName = %+v, %t, %v, want a claim of a name with history", n, claimed, err)
		}
	})
}

func TestOneClaimsAName(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		var claims atomic.Int32
		crowd(t.Context(), 100, func(ctx context.Context, i int) {
			_, claimed, err := replicas[i%len(replicas)].ClaimName(ctx, key("n"), token(i))
			if claimed {
				claims.Add(1)
			}
			if !claimed && err != conversation.ErrTaken {
				t.Error(err)
			}
		})
		if claims.Load() != 1 {
			t.Fatalf("claimed %d times", claims.Load())
		}
	})
}

func TestSaveBindsTheName(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		for i, b := range []conversation.NameBinding{{Key: key("n"), History: true}, {Key: key("n")}} {
			id := int64(i + 1)
			check(t, s.Create(ctx, sample(id, ""), taking(1)))
			wantErr(t, s.Save(ctx, conversation.Commit{Token: token(2), Session: sample(id, "h"), Bind: &b}), conversation.ErrNotHeld)
			check(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: sample(id, "h"), Bind: &b}))
			same(t, must[conversation.Name](t)(s.Name(ctx, key("n"))), conversation.Name{Session: id, History: true})
		}
	})
}

func TestReplace(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		take := func(id int64, n int) conversation.Session {
			t.Helper()
			return *must[*conversation.Session](t)(s.Take(ctx, id, taking(n), conversation.ByID))
		}
		for id := int64(1); id <= 4; id++ {
			put(t, s, sample(id, "h"))
		}
		check(t, s.BindName(ctx, conversation.NameBinding{Key: key("n"), History: true}, 1))
		take(1, 1)
		wantErr(t, replace(ctx, s, token(1), 1, conversation.StateRetired, sample(2, "h"), true), conversation.ErrNotHeld)
		take(2, 1)
		if err := replace(ctx, s, token(1), 1, conversation.StateFree, sample(2, "h"), true); err == nil {
			t.Error("a session was replaced and is free")
		}
		same(t, session(t, s, 1).State, conversation.StateTaken)
		check(t, replace(ctx, s, token(1), 1, conversation.StateRetired, sample(2, "h"), true))
		same(t, must[conversation.Name](t)(s.Name(ctx, key("n"))), conversation.Name{Session: 2, History: true})
		take(2, 2)
		take(3, 2)
		check(t, replace(ctx, s, token(2), 2, conversation.StateRetired, sample(3, "h"), true))
		for _, id := range []int64{1, 2, 3} {
			same(t, must[*conversation.Session](t)(s.Session(ctx, conversation.OwnerOf("alice"), id)).ID, int64(3))
			_, err := s.Session(ctx, conversation.OwnerOf("bob"), id)
			wantErr(t, err, conversation.ErrUnknown)
			same(t, session(t, s, id).ID, int64(3))
		}

		// Without an alias the old id is what it was: lost.
		take(3, 3)
		take(4, 3)
		check(t, replace(ctx, s, token(3), 3, conversation.StateLost, sample(4, "h"), false))
		lost := session(t, s, 3)
		if lost.State != conversation.StateLost || lost.Head != (conversation.Hash{}) {
			t.Errorf("Session(3) = %+v, want lost and without a head", lost)
		}
		same(t, must[conversation.Name](t)(s.Name(ctx, key("n"))).Session, int64(4))
		_, err := s.Take(ctx, 3, taking(3), conversation.ByID)
		wantErr(t, err, conversation.ErrUnknown)
	})
}

// A session that another taking has by then is not replaced; one whose lease merely
// expired is.
func TestReplaceAfterTheLeaseExpired(t *testing.T) {
	for _, isTaken := range []bool{false, true} {
		withLeases(t, func(t *testing.T, w world, s *Store) {
			ctx := t.Context()
			put(t, s, sample(1, "h"))
			must[*conversation.Session](t)(s.Take(ctx, 1, taking(1), conversation.ByID))
			w.pass(t, 2*testLease)
			check(t, s.Create(ctx, sample(2, ""), taking(1)))
			same(t, must[int](t)(s.ExpireLeases(ctx)), 1)
			if isTaken {
				must[*conversation.Session](t)(s.Take(ctx, 1, taking(2), conversation.ByID))
			}
			check(t, replace(ctx, s, token(1), 1, conversation.StateRetired, sample(2, "h"), true))
			want := int64(2)
			if isTaken {
				want = 1
			}
			same(t, session(t, s, 1).ID, want)
			same(t, session(t, s, 2).State, conversation.StateFree)
		})
	}
}
