package store

import (
	"context"
	"sync/atomic"
	"testing"

	"achuan/internal/conversation"
)

// asked is a turn of a request that carries an idempotency key, or none.
func asked(n int, request, key string) conversation.StoredTurn {
	t := conversation.StoredTurn{Token: token(n), Caller: "alice", Request: hash(request)}
	if key != "" {
		t.Key = hash(key)
	}
	return t
}

func enter(t testing.TB, s *Store, turn conversation.StoredTurn, retried bool) *conversation.StoredTurn {
	t.Helper()
	return must[conversation.TurnResult](t)(s.AttachOrBegin(t.Context(), conversation.TurnRequest{Turn: turn, Retried: retried})).Turn
}

func TestKeyIsEnteredOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		first := asked(1, "r", "k")
		same(t, enter(t, s, first, false), (*conversation.StoredTurn)(nil))
		same(t, enter(t, s, asked(2, "r", "k"), false), &first)
		same(t, *must[*conversation.StoredTurn](t)(s.Turn(ctx, token(1))), first)
		_, err := s.AttachOrBegin(ctx, conversation.TurnRequest{Turn: asked(3, "other", "k")})
		wantErr(t, err, conversation.ErrKeyReused)
		bob := asked(4, "other", "k")
		bob.Caller = "bob"
		same(t, enter(t, s, bob, false), (*conversation.StoredTurn)(nil))

		// It may end, and is still the one.
		first.Session, first.Whole, first.Answer = 7, true, []byte("answer")
		check(t, s.SaveTurn(ctx, first))
		same(t, enter(t, s, asked(2, "r", "k"), false), &first)

		check(t, s.Forget(ctx, token(1)))
		_, err = s.Turn(ctx, token(1))
		wantErr(t, err, conversation.ErrUnknown)
		same(t, enter(t, s, asked(3, "other", "k"), false), (*conversation.StoredTurn)(nil))
	})
}

func TestOneEntersWithAKey(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		var begun atomic.Int32
		crowd(t.Context(), 100, func(ctx context.Context, i int) {
			found, err := replicas[i%len(replicas)].AttachOrBegin(ctx, conversation.TurnRequest{Turn: asked(i, "r", "k")})
			if found.Turn == nil {
				begun.Add(1)
			}
			if err != nil {
				t.Error(err)
			}
		})
		if begun.Load() != 1 {
			t.Fatalf("%d turns began", begun.Load())
		}
	})
}

func TestLeftTurnIsAttachedToOnce(t *testing.T) {
	tests := map[string]struct {
		left, silent, retried, attached bool
	}{
		"its client is there":                  {attached: false},
		"its client is there, retried":         {retried: true},
		"left after text":                      {left: true},
		"left after text, retried":             {left: true, retried: true, attached: true},
		"left before text":                     {left: true, silent: true, attached: true},
		"left before text, retried":            {left: true, silent: true, retried: true, attached: true},
		"silent, but its client has come back": {silent: true, retried: true},
	}
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		n := 0
		for name, test := range tests {
			for _, whole := range []bool{false, true} {
				n += 3
				turn := asked(n, name, "")
				turn.Left, turn.Silent, turn.Session = test.left, test.silent, 9
				if turn.Whole = whole; whole {
					turn.Answer = []byte{}
				}
				check(t, s.SaveTurn(t.Context(), turn))
				other := asked(n+1, name, "")
				other.Caller = "bob"
				for _, miss := range []conversation.StoredTurn{other, asked(n+1, name+"!", ""), asked(n+1, name, name)} {
					if found := enter(t, s, miss, true); found != nil {
						t.Errorf("%s: another request attached to %v", name, found)
					}
				}
				check(t, s.Forget(t.Context(), token(n+1)))
				found := enter(t, s, asked(n+1, name, ""), test.retried)
				if (found != nil) != test.attached {
					t.Errorf("%s, whole %v: %v", name, whole, found)
				}
				if found != nil {
					turn.Left = false
					same(t, *found, turn)
					same(t, enter(t, s, asked(n+2, name, ""), true), (*conversation.StoredTurn)(nil))
				}
				check(t, s.Forget(t.Context(), token(n)))
			}
		}
	})
}

// Who attached at another replica may leave in the moment in which the turn ends.
func TestWholeTurnStaysWhole(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		running := asked(1, "r", "k")
		running.Session = 9
		check(t, s.SaveTurn(t.Context(), running))
		whole := running
		whole.Whole, whole.Answer = true, []byte("a")
		check(t, s.SaveTurn(t.Context(), whole))
		running.Left, running.Silent = true, true
		check(t, s.SaveTurn(t.Context(), running))
		whole.Left, whole.Silent = true, true
		same(t, *must[*conversation.StoredTurn](t)(s.Turn(t.Context(), token(1))), whole)
	})
}

func TestOneAttachesToALeftTurn(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		turn := asked(1000, "r", "")
		turn.Left, turn.Silent = true, true
		check(t, s.SaveTurn(t.Context(), turn))
		var attached atomic.Int32
		crowd(t.Context(), 100, func(ctx context.Context, i int) {
			found, err := replicas[i%len(replicas)].AttachOrBegin(ctx, conversation.TurnRequest{Turn: asked(i, "r", "")})
			if found.Turn != nil {
				attached.Add(1)
			}
			if err != nil {
				t.Error(err)
			}
		})
		if attached.Load() != 1 {
			t.Fatalf("%d attached", attached.Load())
		}
	})
}

func TestAttachingByKeyTakesTheLeftTurn(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		enter(t, s, asked(1, "r", "k"), false)
		turn := asked(1, "r", "k")
		turn.Left, turn.Silent = true, true
		check(t, s.SaveTurn(t.Context(), turn))
		_, err := s.AttachOrBegin(t.Context(), conversation.TurnRequest{Turn: asked(2, "other", "k")})
		wantErr(t, err, conversation.ErrKeyReused)
		same(t, must[*conversation.StoredTurn](t)(s.Turn(t.Context(), token(1))).Left, true)
		same(t, enter(t, s, asked(3, "r", "k"), false).Left, false)
		same(t, enter(t, s, asked(4, "r", ""), true), (*conversation.StoredTurn)(nil))
	})
}

// A running turn lasts until Expire ends it; Extend revives one whose lease ran out.
func TestRunningTurnExpires(t *testing.T) {
	withLeases(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		left := asked(2, "r2", "")
		left.Left, left.Silent = true, true
		enter(t, s, asked(1, "r", "k"), false)
		check(t, s.SaveTurn(ctx, left))
		tokens := []conversation.Token{token(1), token(2), token(3)}
		w.pass(t, 2*testLease)
		same(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, token(1))).Whole, false)
		same(t, enter(t, s, asked(9, "r", "k"), false).Token, token(1))
		same(t, must[[]conversation.Token](t)(s.Extend(ctx, tokens)), tokens[2:])
		must[int](t)(s.ExpireLeases(ctx))
		same(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, token(1))).Whole, false)
		w.pass(t, 2*testLease)
		must[int](t)(s.ExpireLeases(ctx))
		for _, tok := range tokens {
			_, err := s.Turn(ctx, tok)
			wantErr(t, err, conversation.ErrUnknown)
		}
		same(t, must[[]conversation.Token](t)(s.Extend(ctx, tokens)), tokens)
		same(t, enter(t, s, asked(9, "r2", ""), true), (*conversation.StoredTurn)(nil))
		same(t, enter(t, s, asked(4, "other", "k"), false), (*conversation.StoredTurn)(nil))

		// Its runner comes back late: the key is another turn's, the answer is its own.
		late := asked(1, "r", "k")
		late.Whole, late.Answer, late.Left = true, []byte("late"), true
		check(t, s.SaveTurn(ctx, late))
		late.Key = conversation.Hash{}
		same(t, *must[*conversation.StoredTurn](t)(s.Turn(ctx, token(1))), late)
		same(t, enter(t, s, asked(5, "other", "k"), false).Token, token(4))
	})
}

func TestAnswersAreKeptForTheirLife(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		enter(t, s, asked(1, "r", "k"), false)
		whole := asked(1, "r", "k")
		whole.Whole, whole.Answer = true, []byte("a")
		check(t, s.SaveTurn(ctx, whole))
		w.pass(t, conversation.AnswerRetention-testLease)
		must[int](t)(s.ExpireLeases(ctx))
		same(t, *enter(t, s, asked(2, "r", "k"), false), whole)
		whole.Left = true // does not begin its life anew
		check(t, s.SaveTurn(ctx, whole))
		w.pass(t, 2*testLease)
		_, err := s.Turn(ctx, token(1))
		wantErr(t, err, conversation.ErrUnknown)
		same(t, enter(t, s, asked(3, "other", "k"), false), (*conversation.StoredTurn)(nil))
	})
}

func TestAnswersBeyondTheRoomGoOldestFirst(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		ctx := t.Context()
		enter(t, s, asked(9, "running", "k"), false)
		for i := range 5 {
			whole := asked(i, "r", "")
			whole.Whole, whole.Answer = true, make([]byte, conversation.MaxAnswerBytes/4)
			check(t, s.SaveTurn(ctx, whole))
			w.pass(t, testLease/60)
		}
		must[int](t)(s.ExpireLeases(ctx))
		_, err := s.Turn(ctx, token(0))
		wantErr(t, err, conversation.ErrUnknown)
		for _, i := range []int{1, 2, 3, 4, 9} {
			must[*conversation.StoredTurn](t)(s.Turn(ctx, token(i)))
		}
	})
}

func TestSaveKeepsOrForgetsTheTurn(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		save := func(n int, change func(*conversation.Commit)) error {
			t.Helper()
			enter(t, s, asked(n, "r", string(rune('a'+n))), false)
			check(t, s.Create(ctx, sample(int64(n), "h"), taking(n)))
			save := conversation.Commit{Token: token(n), Session: sample(int64(n), "h")}
			change(&save)
			return s.Save(ctx, save)
		}
		whole := asked(1, "r", "b")
		whole.Whole, whole.Answer, whole.Session = true, []byte("a"), 1
		check(t, save(1, func(s *conversation.Commit) { s.Turn = &whole }))
		same(t, *must[*conversation.StoredTurn](t)(s.Turn(ctx, token(1))), whole)

		check(t, save(2, func(s *conversation.Commit) { s.Failed = true }))
		_, err := s.Turn(ctx, token(2))
		wantErr(t, err, conversation.ErrUnknown)
		same(t, enter(t, s, asked(20, "other", "c"), false), (*conversation.StoredTurn)(nil))

		// Whether its client has left is Leave's and Enter's to say.
		parted := asked(5, "r", "f")
		check(t, save(5, func(s *conversation.Commit) {
			parted.Whole, parted.Answer, parted.Left, parted.Silent = true, []byte("c"), true, true
			s.Turn = &parted
		}))
		same(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, token(5))).Left, false)

		// Nothing of a taking that has ended is stored.
		lost := asked(3, "r", "d")
		lost.Whole, lost.Answer = true, []byte("b")
		wantErr(t, save(3, func(s *conversation.Commit) {
			s.Token, s.Turn, s.Bind = token(33), &lost, &conversation.NameBinding{Key: key("n")}
		}),
			conversation.ErrNotHeld)
		wantErr(t, save(4, func(s *conversation.Commit) { s.Token, s.Failed = token(44), true }), conversation.ErrNotHeld)
		same(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, token(3))).Whole, false)
		must[*conversation.StoredTurn](t)(s.Turn(ctx, token(4)))
		same(t, must[conversation.Name](t)(s.Name(ctx, key("n"))), conversation.Name{})
	})
}
