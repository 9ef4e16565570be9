package store

import (
	"context"
	"testing"

	"achuan/internal/conversation"
)

// newTurn returns a turn of a request, with an idempotency key unless key is "".
func newTurn(n int, request, key string) conversation.StoredTurn {
	t := conversation.StoredTurn{Token: tokenOf(n), Caller: "alice", Request: hashOf(request)}
	if key != "" {
		t.Key = hashOf(key)
	}
	return t
}

func attachedTurn(t testing.TB, s *Store, turn conversation.StoredTurn, retried bool) *conversation.StoredTurn {
	t.Helper()
	return attachOrBegin(t, s, turn, retried).Turn
}

func TestKeyBeginsOneTurn(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		first := newTurn(1, "r", "k")
		requireEqual(t, attachedTurn(t, s, first, false), (*conversation.StoredTurn)(nil))
		requireEqual(t, attachedTurn(t, s, newTurn(2, "r", "k"), false), &first)
		requireEqual(t, *must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(1))), first)
		_, err := s.AttachOrBegin(ctx, conversation.TurnRequest{Turn: newTurn(3, "other", "k")})
		requireError(t, err, conversation.ErrKeyReused)
		bob := newTurn(4, "other", "k")
		bob.Caller = "bob"
		requireEqual(t, attachedTurn(t, s, bob, false), (*conversation.StoredTurn)(nil))

		// A turn that has ended is still found.
		first.Session, first.Whole, first.Answer = 7, true, []byte("answer")
		requireNoError(t, s.SaveTurn(ctx, first))
		requireEqual(t, attachedTurn(t, s, newTurn(2, "r", "k"), false), &first)

		requireNoError(t, s.Forget(ctx, tokenOf(1)))
		_, err = s.Turn(ctx, tokenOf(1))
		requireError(t, err, conversation.ErrUnknown)
		requireEqual(t, attachedTurn(t, s, newTurn(3, "other", "k"), false), (*conversation.StoredTurn)(nil))
	})
}

func TestConcurrentRequestsWithAKeyBeginOneTurn(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		w.requireOnce(t, s, 100, "AttachOrBegin", func(ctx context.Context, s *Store, i int) (bool, error) {
			found, err := s.AttachOrBegin(ctx, conversation.TurnRequest{Turn: newTurn(i, "r", "k")})
			return found.Turn == nil, err
		})
	})
}

func TestLeftTurnIsAttachedToOnce(t *testing.T) {
	tests := map[string]struct {
		left, noOutput, retried, attached bool
	}{
		"its client waits":                   {attached: false},
		"its client waits, retried":          {retried: true},
		"left after text":                    {left: true},
		"left after text, retried":           {left: true, retried: true, attached: true},
		"left before text":                   {left: true, noOutput: true, attached: true},
		"left before text, retried":          {left: true, noOutput: true, retried: true, attached: true},
		"no text, but a client has attached": {noOutput: true, retried: true},
	}
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		n := 0
		for name, test := range tests {
			for _, whole := range []bool{false, true} {
				n += 3
				turn := newTurn(n, name, "")
				turn.ClientLeft, turn.NoOutput, turn.Session = test.left, test.noOutput, 9
				if turn.Whole = whole; whole {
					turn.Answer = []byte{}
				}
				requireNoError(t, s.SaveTurn(t.Context(), turn))
				other := newTurn(n+1, name, "")
				other.Caller = "bob"
				for _, miss := range []conversation.StoredTurn{other, newTurn(n+1, name+"!", ""), newTurn(n+1, name, name)} {
					if found := attachedTurn(t, s, miss, true); found != nil {
						t.Errorf("%s: AttachOrBegin of another request = %+v, want none", name, found)
					}
				}
				requireNoError(t, s.Forget(t.Context(), tokenOf(n+1)))
				found := attachedTurn(t, s, newTurn(n+1, name, ""), test.retried)
				if (found != nil) != test.attached {
					t.Errorf("%s, whole %t: AttachOrBegin = %+v, want a turn = %t", name, whole, found, test.attached)
				}
				if found != nil {
					turn.ClientLeft = false
					requireEqual(t, *found, turn)
					requireEqual(t, attachedTurn(t, s, newTurn(n+2, name, ""), true), (*conversation.StoredTurn)(nil))
				}
				requireNoError(t, s.Forget(t.Context(), tokenOf(n)))
			}
		}
	})
}

// A client that attached at another replica may leave just when the turn ends.
func TestWholeTurnStaysWhole(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		running := newTurn(1, "r", "k")
		running.Session = 9
		requireNoError(t, s.SaveTurn(t.Context(), running))
		whole := running
		whole.Whole, whole.Answer = true, []byte("a")
		requireNoError(t, s.SaveTurn(t.Context(), whole))
		running.ClientLeft, running.NoOutput = true, true
		requireNoError(t, s.SaveTurn(t.Context(), running))
		whole.ClientLeft, whole.NoOutput = true, true
		requireEqual(t, *must[*conversation.StoredTurn](t)(s.Turn(t.Context(), tokenOf(1))), whole)
	})
}

func TestConcurrentRequestsAttachOnceToALeftTurn(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		turn := newTurn(1000, "r", "")
		turn.ClientLeft, turn.NoOutput = true, true
		requireNoError(t, s.SaveTurn(t.Context(), turn))
		w.requireOnce(t, s, 100, "AttachOrBegin", func(ctx context.Context, s *Store, i int) (bool, error) {
			found, err := s.AttachOrBegin(ctx, conversation.TurnRequest{Turn: newTurn(i, "r", "")})
			return found.Turn != nil, err
		})
	})
}

func TestAttachingByKeyTakesTheLeftTurn(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		attachedTurn(t, s, newTurn(1, "r", "k"), false)
		turn := newTurn(1, "r", "k")
		turn.ClientLeft, turn.NoOutput = true, true
		requireNoError(t, s.SaveTurn(t.Context(), turn))
		_, err := s.AttachOrBegin(t.Context(), conversation.TurnRequest{Turn: newTurn(2, "other", "k")})
		requireError(t, err, conversation.ErrKeyReused)
		requireEqual(t, must[*conversation.StoredTurn](t)(s.Turn(t.Context(), tokenOf(1))).ClientLeft, true)
		requireEqual(t, attachedTurn(t, s, newTurn(3, "r", "k"), false).ClientLeft, false)
		requireEqual(t, attachedTurn(t, s, newTurn(4, "r", ""), true), (*conversation.StoredTurn)(nil))
	})
}

// A running turn lasts until ExpireLeases ends it. Extend renews a turn whose lease has expired.
func TestRunningTurnExpires(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		left := newTurn(2, "r2", "")
		left.ClientLeft, left.NoOutput = true, true
		attachedTurn(t, s, newTurn(1, "r", "k"), false)
		requireNoError(t, s.SaveTurn(ctx, left))
		tokens := []conversation.Token{tokenOf(1), tokenOf(2), tokenOf(3)}
		w.advance(t, 2*testLease)
		requireEqual(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(1))).Whole, false)
		requireEqual(t, attachedTurn(t, s, newTurn(9, "r", "k"), false).Token, tokenOf(1))
		requireEqual(t, must[[]conversation.Token](t)(s.Extend(ctx, tokens)), tokens[2:])
		must[int](t)(s.ExpireLeases(ctx))
		requireEqual(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(1))).Whole, false)
		w.advance(t, 2*testLease)
		must[int](t)(s.ExpireLeases(ctx))
		for _, tok := range tokens {
			_, err := s.Turn(ctx, tok)
			requireError(t, err, conversation.ErrUnknown)
		}
		requireEqual(t, must[[]conversation.Token](t)(s.Extend(ctx, tokens)), tokens)
		requireEqual(t, attachedTurn(t, s, newTurn(9, "r2", ""), true), (*conversation.StoredTurn)(nil))
		requireEqual(t, attachedTurn(t, s, newTurn(4, "other", "k"), false), (*conversation.StoredTurn)(nil))

		// The process of the expired turn returns. Another turn has the key, but the answer is
		// stored.
		late := newTurn(1, "r", "k")
		late.Whole, late.Answer, late.ClientLeft = true, []byte("late"), true
		requireNoError(t, s.SaveTurn(ctx, late))
		late.Key = conversation.Hash{}
		requireEqual(t, *must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(1))), late)
		requireEqual(t, attachedTurn(t, s, newTurn(5, "other", "k"), false).Token, tokenOf(4))
	})
}

func TestAnswersExpire(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		attachedTurn(t, s, newTurn(1, "r", "k"), false)
		whole := newTurn(1, "r", "k")
		whole.Whole, whole.Answer = true, []byte("a")
		requireNoError(t, s.SaveTurn(ctx, whole))
		w.advance(t, conversation.AnswerRetention-testLease)
		must[int](t)(s.ExpireLeases(ctx))
		requireEqual(t, *attachedTurn(t, s, newTurn(2, "r", "k"), false), whole)
		whole.ClientLeft = true // does not extend its retention
		requireNoError(t, s.SaveTurn(ctx, whole))
		w.advance(t, 2*testLease)
		_, err := s.Turn(ctx, tokenOf(1))
		requireError(t, err, conversation.ErrUnknown)
		requireEqual(t, attachedTurn(t, s, newTurn(3, "other", "k"), false), (*conversation.StoredTurn)(nil))
	})
}

func TestOldestAnswersBeyondTheLimitAreDeleted(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		ctx := t.Context()
		attachedTurn(t, s, newTurn(9, "running", "k"), false)
		for i := range 5 {
			whole := newTurn(i, "r", "")
			whole.Whole, whole.Answer = true, make([]byte, conversation.MaxAnswerBytes/4)
			requireNoError(t, s.SaveTurn(ctx, whole))
			w.advance(t, testLease/60)
		}
		must[int](t)(s.ExpireLeases(ctx))
		_, err := s.Turn(ctx, tokenOf(0))
		requireError(t, err, conversation.ErrUnknown)
		for _, i := range []int{1, 2, 3, 4, 9} {
			must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(i)))
		}
	})
}

func TestSaveKeepsOrForgetsTheTurn(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		save := func(n int, change func(*conversation.Commit)) error {
			t.Helper()
			attachedTurn(t, s, newTurn(n, "r", string(rune('a'+n))), false)
			requireNoError(t, s.Create(ctx, sampleSession(int64(n), "h"), newTaking(n)))
			save := conversation.Commit{Token: tokenOf(n), Session: sampleSession(int64(n), "h")}
			change(&save)
			return s.Save(ctx, save)
		}
		whole := newTurn(1, "r", "b")
		whole.Whole, whole.Answer, whole.Session = true, []byte("a"), 1
		requireNoError(t, save(1, func(s *conversation.Commit) { s.Turn = &whole }))
		requireEqual(t, *must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(1))), whole)

		requireNoError(t, save(2, func(s *conversation.Commit) { s.Failed = true }))
		_, err := s.Turn(ctx, tokenOf(2))
		requireError(t, err, conversation.ErrUnknown)
		requireEqual(t, attachedTurn(t, s, newTurn(20, "other", "c"), false), (*conversation.StoredTurn)(nil))

		// Save does not change whether the client has left: SaveTurn and AttachOrBegin do.
		parted := newTurn(5, "r", "f")
		requireNoError(t, save(5, func(s *conversation.Commit) {
			parted.Whole, parted.Answer, parted.ClientLeft, parted.NoOutput = true, []byte("c"), true, true
			s.Turn = &parted
		}))
		requireEqual(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(5))).ClientLeft, false)

		// Save stores nothing of a taking that has ended.
		lost := newTurn(3, "r", "d")
		lost.Whole, lost.Answer = true, []byte("b")
		requireError(t, save(3, func(s *conversation.Commit) {
			s.Token, s.Turn, s.Bind = tokenOf(33), &lost, &conversation.NameBinding{Key: nameKey("n")}
		}),
			conversation.ErrNotHeld)
		requireError(t, save(4, func(s *conversation.Commit) { s.Token, s.Failed = tokenOf(44), true }),
			conversation.ErrNotHeld)
		requireEqual(t, must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(3))).Whole, false)
		must[*conversation.StoredTurn](t)(s.Turn(ctx, tokenOf(4)))
		requireEqual(t, must[conversation.Name](t)(s.Name(ctx, nameKey("n"))), conversation.Name{})
	})
}
