package store

import (
	"context"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// takingFor returns a taking for a request.
func takingFor(n int, request string) conversation.Taking {
	return conversation.Taking{
		Token: tokenOf(n), Request: hashOf(request), Sent: conversation.SentText{Size: 7, Digest: hashOf("sent")}, Question: hashOf("question"),
	}
}

func attachOrBegin(t testing.TB, s *Store, turn conversation.StoredTurn, retried bool) conversation.TurnResult {
	t.Helper()
	request := conversation.TurnRequest{Turn: turn, Retried: retried}
	return must[conversation.TurnResult](t)(s.AttachOrBegin(t.Context(), request))
}

// interruptTakings expires all leases, as if the processes had died.
func interruptTakings(t *testing.T, w testDatabase, s *Store) {
	t.Helper()
	if s.HasLeases() {
		w.advance(t, 2*testLease)
		must[int](t)(s.ExpireLeases(t.Context()))
		return
	}
	requireNoError(t, s.execEach(t.Context(), []string{expireAllSessions}))
}

// requireTaking checks what a session was taken for.
func requireTaking(t *testing.T, s *conversation.Session, want conversation.Taking) {
	t.Helper()
	if s == nil {
		t.Fatalf("session = none, want one of turn %v", want.Token)
	}
	requireEqual(t, conversation.Taking{Token: s.Turn, Request: s.Request, Sent: s.Sent, Question: s.Question}, want)
	if s.State != conversation.StateDirty || !s.EndUnknown || s.Head != (conversation.Hash{}) || s.Taken.IsZero() {
		t.Errorf("session %d = %+v, want it dirty and without a head", s.ID, s)
	}
}

// A repetition of a request finds the session of its interrupted taking, however the session
// was taken, with a key or without.
func TestInterruptedTakingIsResumed(t *testing.T) {
	takers := map[string]func(t *testing.T, s *Store, id int64, tk conversation.Taking){
		"created": func(t *testing.T, s *Store, id int64, tk conversation.Taking) {
			n := sampleSession(id, "")
			n.Head = conversation.Hash{}
			requireNoError(t, s.Create(t.Context(), n, tk))
		},
		"matched": func(t *testing.T, s *Store, id int64, tk conversation.Taking) {
			putSession(t, s, sampleSession(id, "matched"))
			c := newHeadQuery("matched", 0)
			c.Taking = tk
			if found, _, err := s.Match(t.Context(), c); err != nil || found == nil {
				t.Fatalf("Match(matched) = %+v, %v, want the session", found, err)
			}
		},
		"taken": func(t *testing.T, s *Store, id int64, tk conversation.Taking) {
			putSession(t, s, sampleSession(id, "taken"))
			must[*conversation.Session](t)(s.Take(t.Context(), id, tk, conversation.ByName))
		},
	}
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		n := 0
		for name, take := range takers {
			for _, key := range []string{"", "k"} {
				n += 10
				request := name + key
				tk := takingFor(n, request)
				take(t, s, int64(n), tk)
				if r := attachOrBegin(t, s, newTurn(n+1, request, ""), false); r.Running == nil || r.Running.Token != tk.Token || r.Interrupted != nil {
					t.Errorf("%s: AttachOrBegin under a lease = %+v, want Running", name, r)
				}
				interruptTakings(t, w, s)
				for _, other := range []conversation.StoredTurn{newTurn(n+2, request+"!", ""), {Token: tokenOf(n + 2), Caller: "bob", Request: hashOf(request)}} {
					if r := attachOrBegin(t, s, other, true); r != (conversation.TurnResult{}) {
						t.Errorf("%s: AttachOrBegin of another request = %+v, want none", name, r)
					}
				}
				if key != "" {
					key += name + string(rune('a'+n))
				}
				turn := newTurn(n+3, request, key)
				requireTaking(t, attachOrBegin(t, s, turn, false).Interrupted, tk)
				if r := attachOrBegin(t, s, newTurn(n+4, request, ""), true); r.Interrupted != nil || r.Ended != nil {
					t.Errorf("%s: second AttachOrBegin = %+v, want no session", name, r)
				}
				// The second process dies, too. The session still has the answer for the first one.
				interruptTakings(t, w, s)
				again := attachOrBegin(t, s, newTurn(n+5, request, ""), false).Interrupted
				requireTaking(t, again, tk)
				again.State, again.EndUnknown, again.Request = conversation.StateFree, false, conversation.Hash{}
				requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: tokenOf(n + 5), Session: *again}))
				requireEqual(t, attachOrBegin(t, s, newTurn(n+6, request, ""), true), conversation.TurnResult{})
			}
		}
	})
}

// An interrupted taking is still found after another request has taken and released the
// session.
func TestInterruptedTakingIsFoundAfterAnother(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		putSession(t, s, sampleSession(1, "h"))
		tk := takingFor(1, "r")
		must[*conversation.Session](t)(s.Take(t.Context(), 1, tk, conversation.ByID))
		interruptTakings(t, w, s)
		other := must[*conversation.Session](t)(s.Take(t.Context(), 1, takingFor(2, "other"), conversation.ByID))
		requireTaking(t, other, tk)
		requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: tokenOf(2), Session: *other}))
		requireTaking(t, attachOrBegin(t, s, newTurn(3, "r", ""), false).Interrupted, tk)
	})
}

// When a turn moved on to another session before its process died, its answer is only there.
func TestOnlyTheLastSessionOfATurnIsResumed(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		for id := range int64(2) {
			requireNoError(t, s.Create(t.Context(), conversation.Session{ID: id + 1, Caller: "alice"}, takingFor(1, "r")))
		}
		interruptTakings(t, w, s)
		found := attachOrBegin(t, s, newTurn(2, "r", ""), false).Interrupted
		requireTaking(t, found, takingFor(1, "r"))
		found.State, found.EndUnknown = conversation.StateFree, false
		requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: tokenOf(2), Session: *found}))
		again := attachOrBegin(t, s, newTurn(3, "r", ""), true)
		if found.ID != 2 || again.Interrupted != nil || again.Running != nil {
			t.Errorf("resumed session %d, and then %+v, want session 2 and none", found.ID, again)
		}
	})
}

func TestInterruptedTakingIsForgotten(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		requireNoError(t, s.Create(t.Context(), conversation.Session{ID: 1, Caller: "alice"}, takingFor(1, "r")))
		interruptTakings(t, w, s)
		w.advance(t, conversation.ResumeWindow+time.Minute)
		requireEqual(t, attachOrBegin(t, s, newTurn(2, "r", ""), false), conversation.TurnResult{})
	})
}

func TestConcurrentRequestsResumeOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		requireNoError(t, s.Create(t.Context(), conversation.Session{ID: 1, Caller: "alice"}, takingFor(1000, "r")))
		interruptTakings(t, w, s)
		w.requireOnce(t, s, 50, "AttachOrBegin", func(ctx context.Context, s *Store, i int) (bool, error) {
			found, err := s.AttachOrBegin(ctx, conversation.TurnRequest{Turn: newTurn(i, "r", "")})
			return found.Interrupted != nil, err
		})
	})
}

// A session whose turn has just ended answers a marked repetition.
func TestEndedTakingIsFound(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		end := func(n int, used time.Time, change func(*conversation.Session)) {
			tk := takingFor(n, "r")
			n1 := sampleSession(int64(n), "")
			n1.Head = conversation.Hash{}
			requireNoError(t, s.Create(t.Context(), n1, tk))
			ended := readSession(t, s, int64(n))
			ended.State, ended.LastUsed = conversation.StateFree, used
			change(&ended)
			requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: tk.Token, Session: ended}))
		}
		now := time.Now()
		if w.now != nil {
			now = w.now()
		}
		end(1, now, func(s *conversation.Session) { s.Request = conversation.Hash{} }) // failed
		end(2, now.Add(-2*conversation.RepeatWindow), func(*conversation.Session) {})  // too old
		requireEqual(t, attachOrBegin(t, s, newTurn(9, "r", ""), true), conversation.TurnResult{})
		end(3, now, func(*conversation.Session) {})
		requireEqual(t, attachOrBegin(t, s, newTurn(9, "r", ""), false), conversation.TurnResult{})
		for range 2 { // it is not taken the first time
			found := attachOrBegin(t, s, newTurn(9, "r", ""), true).Ended
			if found == nil || found.ID != 3 || found.Turn != tokenOf(3) || found.State != conversation.StateFree {
				t.Fatalf("AttachOrBegin = %+v, want session 3 ended", found)
			}
		}
	})
}

// A turn does not expire before its session, although its lease began earlier. Otherwise a
// repetition would find neither the turn nor the interrupted session.
func TestTurnDoesNotExpireBeforeItsSession(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		attachedTurn(t, s, newTurn(1, "r", "k"), false)
		w.advance(t, testLease/2)
		requireNoError(t, s.Create(t.Context(), conversation.Session{ID: 1, Caller: "alice"}, takingFor(1, "r")))
		w.advance(t, testLease*3/4)
		must[int](t)(s.ExpireLeases(t.Context()))
		if found := attachOrBegin(t, s, newTurn(2, "r", "k"), false); found.Turn == nil || found.Turn.Token != tokenOf(1) {
			t.Errorf("AttachOrBegin = %+v, want the turn whose session is taken", found)
		}
		w.advance(t, testLease)
		must[int](t)(s.ExpireLeases(t.Context()))
		requireTaking(t, attachOrBegin(t, s, newTurn(3, "r", "k"), false).Interrupted, takingFor(1, "r"))
	})
}

// Clean-up does not take an interrupted session that a repetition may still resume.
func TestInterruptedThrowawayIsNotTaken(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		thrown := conversation.Session{ID: 1, Caller: "alice", CreatedByAchuan: true, Addressing: conversation.Throwaway}
		requireNoError(t, s.Create(t.Context(), thrown, takingFor(1, "r")))
		interruptTakings(t, w, s)
		requireEqual(t, takeExpiredIDs(t, s, time.Time{}, time.Time{}, 2, 9), []int64(nil))
		requireTaking(t, attachOrBegin(t, s, newTurn(3, "r", ""), false).Interrupted, takingFor(1, "r"))
		requireNoError(t, s.Release(t.Context(), tokenOf(3), 0, conversation.Hash{}))
		w.advance(t, conversation.ResumeWindow+time.Minute)
		requireEqual(t, takeExpiredIDs(t, s, time.Time{}, time.Time{}, 4, 9), []int64{1})
	})
}

// A client that had attached to a turn can release it. Releasing a turn that has gone does
// nothing.
func TestReleaseTurn(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		left := newTurn(1, "r", "")
		left.ClientLeft = true
		requireNoError(t, s.SaveTurn(t.Context(), left))
		requireEqual(t, attachedTurn(t, s, newTurn(2, "r", ""), true).Token, tokenOf(1))
		requireEqual(t, attachedTurn(t, s, newTurn(3, "r", ""), true), (*conversation.StoredTurn)(nil))
		requireNoError(t, s.ReleaseTurn(t.Context(), tokenOf(1), true))
		requireEqual(t, attachedTurn(t, s, newTurn(4, "r", ""), false).Token, tokenOf(1))
		requireNoError(t, s.Forget(t.Context(), tokenOf(1)))
		requireNoError(t, s.ReleaseTurn(t.Context(), tokenOf(1), true))
		requireEqual(t, attachedTurn(t, s, newTurn(5, "r", ""), true), (*conversation.StoredTurn)(nil))
	})
}

// A repetition does not find a replaced session by the request of the turn that replaced it,
// but by that of a turn that was interrupted in it.
func TestReplacedSessionForgetsTheRequest(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		for id, isInterrupted := range map[int64]bool{1: false, 2: true} {
			putSession(t, s, sampleSession(id, "h"))
			earlier, tk := takingFor(int(10*id), "earlier"), takingFor(int(10*id+1), "r")
			if isInterrupted {
				must[*conversation.Session](t)(s.Take(t.Context(), id, earlier, conversation.ByID))
				interruptTakings(t, w, s)
			}
			must[*conversation.Session](t)(s.Take(t.Context(), id, tk, conversation.ByID))
			requireNoError(t, s.Create(t.Context(), sampleSession(100+id, ""), tk))
			requireNoError(t, saveReplacing(t.Context(), s, tk.Token, id, conversation.StateRetired, sampleSession(100+id, ""), true))
			found := attachOrBegin(t, s, newTurn(int(10*id+2), "earlier", ""), false).Interrupted
			if !isInterrupted {
				requireEqual(t, found, (*conversation.Session)(nil))
				requireEqual(t, readSession(t, s, id).Request, conversation.Hash{})
				continue
			}
			if found == nil || found.ID != id || found.State != conversation.StateRetired ||
				found.Turn != earlier.Token {
				t.Errorf("AttachOrBegin = %+v, want session %d", found, id)
			}
			requireEqual(t, attachOrBegin(t, s, newTurn(99, "r", ""), true), conversation.TurnResult{})
		}
	})
}
