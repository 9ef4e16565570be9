package store

import (
	"context"
	"strings"
	"testing"

	"achuan/internal/conversation"
)

func TestNames(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		k := nameKey("a\x00b" + strings.Repeat("long", 5000))
		name := func() conversation.Name { return must[conversation.Name](t)(s.Name(ctx, k)) }
		requireEqual(t, name(), conversation.Name{})

		n, claimed, err := s.ClaimName(ctx, k, tokenOf(1))
		if n != (conversation.Name{}) || !claimed || err != nil {
			t.Fatalf("ClaimName = %+v, %t, %v, want a claim of an unknown name", n, claimed, err)
		}
		_, _, err = s.ClaimName(ctx, k, tokenOf(2))
		requireError(t, err, conversation.ErrTaken)
		requireNoError(t, s.ReleaseName(ctx, k, tokenOf(2)))
		_, _, err = s.ClaimName(ctx, k, tokenOf(2))
		requireError(t, err, conversation.ErrTaken)
		requireNoError(t, s.ReleaseName(ctx, k, tokenOf(1)))
		_, claimed, err = s.ClaimName(ctx, k, tokenOf(2))
		if !claimed || err != nil {
			t.Fatalf("ClaimName after ReleaseName = %t, %v, want true", claimed, err)
		}

		requireNoError(t, s.BindName(ctx, conversation.NameBinding{Key: k}, 7))
		requireEqual(t, name(), conversation.Name{Session: 7})
		requireNoError(t, s.ReleaseName(ctx, k, tokenOf(2)))
		n, claimed, err = s.ClaimName(ctx, k, tokenOf(3))
		if n != (conversation.Name{Session: 7}) || claimed || err != nil {
			t.Fatalf("ClaimName of a bound name = %+v, %t, %v, want session 7 and no claim", n, claimed, err)
		}
		requireError(t, s.BindName(ctx, conversation.NameBinding{Key: k}, 8), conversation.ErrTaken)
		requireNoError(t, s.MarkNameHistory(ctx, k))
		requireEqual(t, name(), conversation.Name{Session: 7, History: true})
		requireNoError(t, s.BindName(ctx, conversation.NameBinding{Key: k}, 7))
		requireEqual(t, name(), conversation.Name{Session: 7, History: true})
		w.advance(t, 10*testLease)
		must[int](t)(s.ExpireLeases(ctx))
		requireEqual(t, name(), conversation.Name{Session: 7, History: true})
	})
}

func TestNamesBelongToACallerAndAModel(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		keys := []conversation.NameKey{
			{Caller: "a", Model: "b", Name: "c"}, {Caller: "ab", Name: "c"}, {Caller: "a", Model: "bc"}, {Caller: "b", Model: "a", Name: "c"},
			{Caller: "a", Model: "b", Name: "\xff"}, {Caller: "a", Model: "b", Name: "\xfe"},
		}
		for i, k := range keys {
			requireNoError(t, s.BindName(t.Context(), conversation.NameBinding{Key: k}, int64(i+1)))
		}
		for i, k := range keys {
			requireEqual(t, must[conversation.Name](t)(s.Name(t.Context(), k)).Session, int64(i+1))
		}
	})
}

// A claim lasts until ExpireLeases ends it. Extend renews a claim whose lease has expired.
func TestNameClaimExpires(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		for i := range 2 {
			if i == 1 {
				requireNoError(t, s.MarkNameHistory(ctx, nameKey("n")))
			}
			_, claimed, err := s.ClaimName(ctx, nameKey("n"), tokenOf(i))
			if !claimed || err != nil {
				t.Fatalf("ClaimName = %t, %v, want true", claimed, err)
			}
			w.advance(t, 2*testLease)
			if gone := must[[]conversation.Token](t)(s.Extend(ctx, []conversation.Token{tokenOf(i)})); gone != nil {
				t.Fatalf("Extend = %v, want none", gone)
			}
			must[int](t)(s.ExpireLeases(ctx))
			_, _, err = s.ClaimName(ctx, nameKey("n"), tokenOf(9))
			requireError(t, err, conversation.ErrTaken)
			w.advance(t, 2*testLease)
			_, _, err = s.ClaimName(ctx, nameKey("n"), tokenOf(9))
			requireError(t, err, conversation.ErrTaken)
			must[int](t)(s.ExpireLeases(ctx))
		}
		n, claimed, err := s.ClaimName(ctx, nameKey("n"), tokenOf(3))
		if n != (conversation.Name{History: true}) || !claimed || err != nil {
			t.Fatalf("ClaimName = %+v, %t, %v, want a claim of a name with history", n, claimed, err)
		}
	})
}

func TestConcurrentClaimsClaimOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		w.requireOnce(t, s, 100, "ClaimName", func(ctx context.Context, s *Store, i int) (bool, error) {
			_, claimed, err := s.ClaimName(ctx, nameKey("n"), tokenOf(i))
			if !claimed && err == conversation.ErrTaken {
				return false, nil
			}
			return claimed, err
		})
	})
}

func TestSaveBindsTheName(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		for i, b := range []conversation.NameBinding{{Key: nameKey("n"), History: true}, {Key: nameKey("n")}} {
			id := int64(i + 1)
			requireNoError(t, s.Create(ctx, sampleSession(id, ""), newTaking(1)))
			requireError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(2), Session: sampleSession(id, "h"), Bind: &b}), conversation.ErrNotHeld)
			requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: sampleSession(id, "h"), Bind: &b}))
			requireEqual(t, must[conversation.Name](t)(s.Name(ctx, nameKey("n"))), conversation.Name{Session: id, History: true})
		}
	})
}

func TestReplace(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		take := func(id int64, n int) conversation.Session {
			t.Helper()
			return *must[*conversation.Session](t)(s.Take(ctx, id, newTaking(n), conversation.ByID))
		}
		for id := int64(1); id <= 4; id++ {
			putSession(t, s, sampleSession(id, "h"))
		}
		requireNoError(t, s.BindName(ctx, conversation.NameBinding{Key: nameKey("n"), History: true}, 1))
		take(1, 1)
		requireError(t, saveReplacing(ctx, s, tokenOf(1), 1, conversation.StateRetired, sampleSession(2, "h"), true), conversation.ErrNotHeld)
		take(2, 1)
		if err := saveReplacing(ctx, s, tokenOf(1), 1, conversation.StateFree, sampleSession(2, "h"), true); err == nil {
			t.Error("Save of a replacement with state free = nil, want an error")
		}
		requireEqual(t, readSession(t, s, 1).State, conversation.StateTaken)
		requireNoError(t, saveReplacing(ctx, s, tokenOf(1), 1, conversation.StateRetired, sampleSession(2, "h"), true))
		requireEqual(t, must[conversation.Name](t)(s.Name(ctx, nameKey("n"))), conversation.Name{Session: 2, History: true})
		take(2, 2)
		take(3, 2)
		requireNoError(t, saveReplacing(ctx, s, tokenOf(2), 2, conversation.StateRetired, sampleSession(3, "h"), true))
		for _, id := range []int64{1, 2, 3} {
			requireEqual(t, must[*conversation.Session](t)(s.Session(ctx, conversation.OwnerOf("alice"), id)).ID, int64(3))
			_, err := s.Session(ctx, conversation.OwnerOf("bob"), id)
			requireError(t, err, conversation.ErrUnknown)
			requireEqual(t, readSession(t, s, id).ID, int64(3))
		}

		// Without an alias the old id still means the lost session.
		take(3, 3)
		take(4, 3)
		requireNoError(t, saveReplacing(ctx, s, tokenOf(3), 3, conversation.StateLost, sampleSession(4, "h"), false))
		lost := readSession(t, s, 3)
		if lost.State != conversation.StateLost || lost.Head != (conversation.Hash{}) {
			t.Errorf("Session(3) = %+v, want lost and without a head", lost)
		}
		requireEqual(t, must[conversation.Name](t)(s.Name(ctx, nameKey("n"))).Session, int64(4))
		_, err := s.Take(ctx, 3, newTaking(3), conversation.ByID)
		requireError(t, err, conversation.ErrUnknown)
	})
}

// A session whose lease has expired can still be replaced, unless another token has taken it.
func TestReplaceAfterTheLeaseExpired(t *testing.T) {
	for _, isTaken := range []bool{false, true} {
		leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
			ctx := t.Context()
			putSession(t, s, sampleSession(1, "h"))
			must[*conversation.Session](t)(s.Take(ctx, 1, newTaking(1), conversation.ByID))
			w.advance(t, 2*testLease)
			requireNoError(t, s.Create(ctx, sampleSession(2, ""), newTaking(1)))
			requireEqual(t, must[int](t)(s.ExpireLeases(ctx)), 1)
			if isTaken {
				must[*conversation.Session](t)(s.Take(ctx, 1, newTaking(2), conversation.ByID))
			}
			requireNoError(t, saveReplacing(ctx, s, tokenOf(1), 1, conversation.StateRetired, sampleSession(2, "h"), true))
			want := int64(2)
			if isTaken {
				want = 1
			}
			requireEqual(t, readSession(t, s, 1).ID, want)
			requireEqual(t, readSession(t, s, 2).State, conversation.StateFree)
		})
	}
}
