package store

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// takingFor is a taking for a request.
func takingFor(n int, request string) conversation.Taking {
	return conversation.Taking{
		Token: token(n), Request: hash(request), Sent: conversation.SentText{Size: 7, Digest: hash("sent")}, Question: hash("question"),
	}
}

func entered(t testing.TB, s *Store, turn conversation.StoredTurn, retried bool) conversation.TurnResult {
	t.Helper()
	return must[conversation.TurnResult](t)(s.AttachOrBegin(t.Context(), conversation.TurnRequest{Turn: turn, Retried: retried}))
}

// interrupt lets the processes die that have taken something.
func interrupt(t *testing.T, w world, s *Store) {
	t.Helper()
	if s.HasLeases() {
		w.pass(t, 2*testLease)
		must[int](t)(s.ExpireLeases(t.Context()))
		return
	}
	check(t, s.each(t.Context(), []string{dirtyTaken}))
}

// isOf compares what a session was taken for.
func isOf(t *testing.T, s *conversation.Session, want conversation.Taking) {
	t.Helper()
	if s == nil {
		t.Fatalf("no session, want one of turn %v", want.Token)
	}
	same(t, conversation.Taking{Token: s.Turn, Request: s.Request, Sent: s.Sent, Question: s.Question}, want)
	if s.State != conversation.StateDirty || !s.EndUnknown || s.Head != (conversation.Hash{}) || s.Taken.IsZero() {
		t.Errorf("session %d is %+v, want one that is dirty, unseen and without a head", s.ID, s)
	}
}

// A session whose taking was not ended is found by the request that it was taken for:
// by whichever way it was taken, with a key or without.
func TestInterruptedTakingIsResumed(t *testing.T) {
	takers := map[string]func(t *testing.T, s *Store, id int64, tk conversation.Taking){
		"created": func(t *testing.T, s *Store, id int64, tk conversation.Taking) {
			n := sample(id, "")
			n.Head = conversation.Hash{}
			check(t, s.Create(t.Context(), n, tk))
		},
		"matched": func(t *testing.T, s *Store, id int64, tk conversation.Taking) {
			put(t, s, sample(id, "matched"))
			c := claim("matched", 0)
			c.Taking = tk
			if found, _, err := s.Match(t.Context(), c); err != nil || found == nil {
				t.Fatal(found, err)
			}
		},
		"taken": func(t *testing.T, s *Store, id int64, tk conversation.Taking) {
			put(t, s, sample(id, "taken"))
			must[*conversation.Session](t)(s.Take(t.Context(), id, tk, conversation.ByName))
		},
	}
	everywhere(t, func(t *testing.T, w world, s *Store) {
		n := 0
		for name, take := range takers {
			for range 1 {
				for _, key := range []string{"", "k"} {
					n += 10
					request := name + key
					tk := takingFor(n, request)
					take(t, s, int64(n), tk)
					if r := entered(t, s, asked(n+1, request, ""), false); r.Running == nil || r.Running.Token != tk.Token || r.Interrupted != nil {
						t.Errorf("%s: under a lease %+v, want it running", name, r)
					}
					interrupt(t, w, s)
					for _, other := range []conversation.StoredTurn{asked(n+2, request+"!", ""), {Token: token(n + 2), Caller: "bob", Request: hash(request)}} {
						if r := entered(t, s, other, true); r != (conversation.TurnResult{}) {
							t.Errorf("%s: another request found %+v", name, r)
						}
					}
					if key != "" {
						key += name + string(rune('a'+n))
					}
					turn := asked(n+3, request, key)
					isOf(t, entered(t, s, turn, false).Interrupted, tk)
					if r := entered(t, s, asked(n+4, request, ""), true); r.Interrupted != nil || r.Ended != nil {
						t.Errorf("%s: resumed twice: %+v", name, r)
					}
					// Its process dies too: the answer is still that of the first.
					interrupt(t, w, s)
					again := entered(t, s, asked(n+5, request, ""), false).Interrupted
					isOf(t, again, tk)
					again.State, again.EndUnknown, again.Request = conversation.StateFree, false, conversation.Hash{}
					check(t, s.Save(t.Context(), conversation.Commit{Token: token(n + 5), Session: *again}))
					same(t, entered(t, s, asked(n+6, request, ""), true), conversation.TurnResult{})
				}
			}
		}
	})
}

// Another request that takes an interrupted session and gives it back leaves it to be
// found.
func TestInterruptedTakingOutlivesAnother(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		put(t, s, sample(1, "h"))
		tk := takingFor(1, "r")
		must[*conversation.Session](t)(s.Take(t.Context(), 1, tk, conversation.ByID))
		interrupt(t, w, s)
		other := must[*conversation.Session](t)(s.Take(t.Context(), 1, takingFor(2, "other"), conversation.ByID))
		isOf(t, other, tk)
		check(t, s.Save(t.Context(), conversation.Commit{Token: token(2), Session: *other}))
		isOf(t, entered(t, s, asked(3, "r", ""), false).Interrupted, tk)
	})
}

func TestInterruptedTakingIsForgotten(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		check(t, s.Create(t.Context(), conversation.Session{ID: 1, Caller: "alice"}, takingFor(1, "r")))
		interrupt(t, w, s)
		w.pass(t, conversation.ResumeWindow+time.Minute)
		same(t, entered(t, s, asked(2, "r", ""), false), conversation.TurnResult{})
	})
}

func TestOneResumes(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		replicas := w.replicas(t, s)
		check(t, s.Create(t.Context(), conversation.Session{ID: 1, Caller: "alice"}, takingFor(1000, "r")))
		interrupt(t, w, s)
		var resumed atomic.Int32
		crowd(t.Context(), 50, func(ctx context.Context, i int) {
			found, err := replicas[i%len(replicas)].AttachOrBegin(ctx, conversation.TurnRequest{Turn: asked(i, "r", "")})
			if found.Interrupted != nil {
				resumed.Add(1)
			}
			if err != nil {
				t.Error(err)
			}
		})
		if resumed.Load() != 1 {
			t.Fatalf("%d resumed", resumed.Load())
		}
	})
}

// A session whose turn has just ended answers a marked repetition.
func TestEndedTakingIsFound(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		end := func(n int, used time.Time, change func(*conversation.Session)) {
			tk := takingFor(n, "r")
			n1 := sample(int64(n), "")
			n1.Head = conversation.Hash{}
			check(t, s.Create(t.Context(), n1, tk))
			ended := session(t, s, int64(n))
			ended.State, ended.LastUsed = conversation.StateFree, used
			change(&ended)
			check(t, s.Save(t.Context(), conversation.Commit{Token: tk.Token, Session: ended}))
		}
		now := time.Now()
		if w.now != nil {
			now = w.now()
		}
		end(1, now, func(s *conversation.Session) { s.Request = conversation.Hash{} }) // failed
		end(2, now.Add(-2*conversation.RepeatWindow), func(*conversation.Session) {})  // too old
		same(t, entered(t, s, asked(9, "r", ""), true), conversation.TurnResult{})
		end(3, now, func(*conversation.Session) {})
		same(t, entered(t, s, asked(9, "r", ""), false), conversation.TurnResult{})
		for range 2 { // it is not taken
			found := entered(t, s, asked(9, "r", ""), true).Ended
			if found == nil || found.ID != 3 || found.Turn != token(3) || found.State != conversation.StateFree {
				t.Fatalf("found %+v, want session 3", found)
			}
		}
	})
}

// The turn of a key does not go before its session, although its lease began earlier: its
// repetition would find neither the turn nor the interrupted session.
func TestTurnDoesNotExpireBeforeItsSession(t *testing.T) {
	withLeases(t, func(t *testing.T, w world, s *Store) {
		enter(t, s, asked(1, "r", "k"), false)
		w.pass(t, testLease/2)
		check(t, s.Create(t.Context(), conversation.Session{ID: 1, Caller: "alice"}, takingFor(1, "r")))
		w.pass(t, testLease*3/4)
		must[int](t)(s.ExpireLeases(t.Context()))
		if found := entered(t, s, asked(2, "r", "k"), false); found.Turn == nil || found.Turn.Token != token(1) {
			t.Errorf("Enter = %+v, want the turn whose session is taken", found)
		}
		w.pass(t, testLease)
		must[int](t)(s.ExpireLeases(t.Context()))
		isOf(t, entered(t, s, asked(3, "r", "k"), false).Interrupted, takingFor(1, "r"))
	})
}

// The clean-up leaves an interrupted session to the repetition of its request.
func TestInterruptedThrowawayIsNotDue(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		thrown := conversation.Session{ID: 1, Caller: "alice", Made: true, Addressing: conversation.Throwaway}
		check(t, s.Create(t.Context(), thrown, takingFor(1, "r")))
		interrupt(t, w, s)
		same(t, due(t, s, time.Time{}, time.Time{}, 2, 9), []int64(nil))
		isOf(t, entered(t, s, asked(3, "r", ""), false).Interrupted, takingFor(1, "r"))
		check(t, s.Release(t.Context(), token(3), 0, conversation.Hash{}))
		w.pass(t, conversation.ResumeWindow+time.Minute)
		same(t, due(t, s, time.Time{}, time.Time{}, 4, 9), []int64{1})
	})
}

// A client that had attached to a turn gives it back, but not one that is gone.
func TestReleaseTurn(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		left := asked(1, "r", "")
		left.Left = true
		check(t, s.SaveTurn(t.Context(), left))
		same(t, enter(t, s, asked(2, "r", ""), true).Token, token(1))
		same(t, enter(t, s, asked(3, "r", ""), true), (*conversation.StoredTurn)(nil))
		check(t, s.ReleaseTurn(t.Context(), token(1), true))
		same(t, enter(t, s, asked(4, "r", ""), false).Token, token(1))
		check(t, s.Forget(t.Context(), token(1)))
		check(t, s.ReleaseTurn(t.Context(), token(1), true))
		same(t, enter(t, s, asked(5, "r", ""), true), (*conversation.StoredTurn)(nil))
	})
}

// A replaced session is not looked at for the request of the turn that replaced it, but for
// that of a turn that was interrupted there.
func TestReplacedSessionForgetsTheRequest(t *testing.T) {
	everywhere(t, func(t *testing.T, w world, s *Store) {
		for id, isInterrupted := range map[int64]bool{1: false, 2: true} {
			put(t, s, sample(id, "h"))
			earlier, tk := takingFor(int(10*id), "earlier"), takingFor(int(10*id+1), "r")
			if isInterrupted {
				must[*conversation.Session](t)(s.Take(t.Context(), id, earlier, conversation.ByID))
				interrupt(t, w, s)
			}
			must[*conversation.Session](t)(s.Take(t.Context(), id, tk, conversation.ByID))
			check(t, s.Create(t.Context(), sample(100+id, ""), tk))
			check(t, replace(t.Context(), s, tk.Token, id, conversation.StateRetired, sample(100+id, ""), true))
			found := entered(t, s, asked(int(10*id+2), "earlier", ""), false).Interrupted
			if !isInterrupted {
				same(t, found, (*conversation.Session)(nil))
				same(t, session(t, s, id).Request, conversation.Hash{})
				continue
			}
			if found == nil || found.ID != id || found.State != conversation.StateRetired || found.Turn != earlier.Token {
				t.Errorf("Enter = %+v, want session %d", found, id)
			}
			same(t, entered(t, s, asked(99, "r", ""), true), conversation.TurnResult{})
		}
	})
}
