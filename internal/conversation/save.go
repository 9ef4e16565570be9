package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// storeTimeout bounds a write that nobody's interest bounds any more.
const storeTimeout = 5 * time.Second

// detachedContext is a context for what must be written although the client, or the turn,
// has been given up.
func (t *turn) detachedContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(t.turnCtx), storeTimeout)
}

// finish ends a turn whose answer the platform has ended. What the session is now
// is committed before the client sees the end of its answer.
func (t *turn) finish(done chat.Event) {
	s := t.session
	if s.Exchanges != Uncounted {
		s.Exchanges += t.answeredQuestions
	}
	s.Turns++
	s.EndUnknown, s.LastUsed = false, time.Now()
	s.LastExchange = exchangeDigest(t.question, done.Stored)
	s.State, s.Head, s.Verified = StateFree, Hash{}, t.resumed == nil || !t.resumed.uncertain
	t.noteTold(true)
	switch {
	case t.isCut || done.Diverged || t.isForged:
		s.State = StateDirty // it holds another answer than its client has
	case t.resumed.isForeign():
		s.State, s.Exchanges = StateDirty, Uncounted // somebody else has asked there too
	case !t.nextHead.IsZero() && s.Addressing != ByID && s.Addressing != Throwaway:
		s.Head = continueFrom(t.nextHead).add(t.recording.message(t.request.LegacyCalls)).head
	}
	t.takeRebuilt()
	t.replacing = t.planReplacement()
	t.engine.takenHere.CompareAndDelete(s.ID, t.token) // before it is free for others
	t.clientState.commitWhole(t)
	if t.finalEvent != nil {
		t.ready = append(t.ready, *t.finalEvent)
		t.recording.record(*t.finalEvent)
		t.remember()
	}
	t.isOver = true
	t.logger.DebugContext(t.turnCtx, "turn ended", telemetry.KeySession, s.ID, telemetry.KeyState, s.State,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.releaseAll()
	t.engine.ended(s)
}

// fail ends a turn whose answer is not whole. A question that was refused before
// any work has changed nothing: the session goes back as it was taken. Where a proxy
// may have lost the platform's reply, it goes back unverified: the next turn compares
// it with the platform's records.
func (t *turn) fail(err error) {
	e := chat.AsError(err)
	if !t.isSent {
		t.engine.unasked.add(t.token)
	}
	if s := t.session; s != nil {
		switch unasked := !t.isSent || e.NotAsked && t.answeredQuestions == 0; {
		case t.resumed.isWaiting(): // the next repetition resumes it
			*s = t.original
		case t.engine.lifeCtx.Err() != nil && t.isSent: // the platform goes on with it, as in a crash
			s.State, s.Head, s.EndUnknown, s.Exchanges = StateDirty, Hash{}, true, t.original.Exchanges
		case unasked, e.MaybeAsked && t.answeredQuestions == 0:
			s.State, s.Head, s.EndUnknown = t.original.State, t.original.Head, t.original.EndUnknown
			s.Verified = s.Verified && unasked
			t.freeRequest(s)
			if unasked && t.holdsNothing() {
				s.Addressing = Throwaway
			}
		default:
			s.State, s.Head, s.Exchanges = StateDirty, Hash{}, Uncounted
			s.EndUnknown = !e.EndSeen && !t.answered()
			s.LastUsed = time.Now()
			t.noteTold(t.answeredQuestions > 0)
			t.freeRequest(s)
		}
	}
	if s := t.session; s != nil && s.Addressing == Throwaway && !t.isStored {
		t.abandonSoon(s.ID) // no clean-up finds it
	}
	t.replacing = t.restoreOld()
	if t.isCut { // its client has had the end of its answer, and more was not for it
		t.clientState.commitWhole(t)
	} else {
		t.clientState.commitFailed(t, err)
	}
	t.isOver = true
	t.logger.DebugContext(t.turnCtx, "turn failed", telemetry.KeySession, t.sessionID(), telemetry.KeyCode, e.Code,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.releaseAll()
	if t.session != nil {
		t.engine.ended(t.session)
	}
}

// freeRequest takes the turn's request off a session, because the turn has failed: a
// repetition is asked. What an interrupted turn was for stays.
func (t *turn) freeRequest(s *Session) {
	if s.Turn == t.token || t.resumed != nil {
		s.Request = Hash{}
	}
}

// holdsNothing reports whether the turn's session, which holds nothing, was made by this
// turn and means nothing to anybody, so that it would only stay on the account. The
// first session of a name serves the name's next question.
func (t *turn) holdsNothing() bool {
	isNamed := t.binding != nil && !t.binding.History
	return t.session.ID == t.createdSession && !isNamed && !isIDKnown(t.request.Streamed, time.Since(t.started))
}

// idKnownAfter is how long after its start a turn surely keeps the session's id to itself.
// A stream's headers, which tell it, wait for 10 s for the first event; the request had
// arrived before the turn started.
const idKnownAfter = 5 * time.Second

// isIDKnown reports whether the client of a question that was refused may have been told
// the session's id: only a stream's headers come before an error, and not at once.
func isIDKnown(streamed bool, after time.Duration) bool { return streamed && after >= idKnownAfter }

// answered reports whether the last question has been answered to its end, so
// that nothing more comes into the session.
func (t *turn) answered() bool { return t.answeredQuestions > 0 && t.stream == nil }

func (t *turn) sessionID() int64 {
	if w := t.placed.Load(); w != nil {
		return w.session
	}
	return 0
}

// save commits what the session is from now on. A session that is not in the store
// (which could not be had) is nobody's: it is not found again. One that may be there
// is found again if it is.
func (t *turn) save(s Commit) {
	if t.session == nil || !t.isStored && !t.maybeStored {
		return
	}
	s.Session, s.Replaces = *t.session, t.replacing
	t.commit(s)
}

// commit ends a taking of the turn's, now or when the store is back.
func (t *turn) commit(s Commit) {
	s.Token = t.token
	if t.original.State == StateRetired && s.Session.ID == t.original.ID {
		s.Session.State, s.Session.Head = StateRetired, Hash{} // another has its place: see resume
	}
	end := func(ctx context.Context, store Store) error {
		err := store.Save(ctx, s)
		if !errors.Is(err, ErrNotHeld) {
			return err
		}
		// The turn has ended, whatever became of its session: nobody waits for it in vain.
		var failed error
		switch {
		case s.Turn != nil && s.Turn.Whole:
			failed = store.SaveTurn(ctx, *s.Turn)
		case s.Failed:
			failed = store.Forget(ctx, s.Token)
		}
		if failed != nil {
			return failed
		}
		return err
	}
	ctx, cancel := t.detachedContext()
	defer cancel()
	switch err := end(ctx, t.engine.Store); {
	case errors.Is(err, ErrNotHeld) && t.maybeStored: // it is not there
	case errors.Is(err, ErrNotHeld):
		t.logger.WarnContext(ctx, "the session was not held any more at the end of its turn; its conversation goes on in a new one",
			telemetry.KeySession, s.Session.ID)
	case err != nil:
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
		t.engine.addPending(pendingWrite{token: t.token, commit: end})
	}
}

// release ends something else that the turn has taken, now or when the store is back.
func (t *turn) release(end func(ctx context.Context, store Store) error) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	if err := end(ctx, t.engine.Store); err != nil && !isCertain(err) {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
		t.engine.undoInBackground(t.token, end)
	}
}

// returnSession gives a session back, as it was taken, that another was to replace, when
// that did not come about. If the turn has it still, its end does that.
func (t *turn) returnSession(before Session) {
	if t.session.ID != before.ID {
		t.commit(Commit{Session: t.unused(before)})
	}
}

// unused returns a session as it is when the turn asked nothing in it: a repetition of
// the turn's request is not to look for its answer there.
func (t *turn) unused(s Session) Session {
	if s.Turn == t.token {
		s.Request = Hash{}
	}
	return s
}

// replacedSession is a session whose place another takes once that has answered. Until
// then it is the one that holds the conversation: the new one may come to nothing.
type replacedSession struct {
	original Session // as it was when it was taken
	state    State   // what it becomes
	alias    bool
}

// planReplacement is what a Save of the turn's session does with the session that it was made
// in the place of. Both are one commit: a crash leaves all of the conversation in the
// one that names and ids lead to.
func (t *turn) planReplacement() *Replacement {
	r := t.replaces
	switch {
	case r == nil:
		return nil
	case t.isStored:
		return &Replacement{Old: r.original.ID, State: r.state, Alias: r.alias}
	}
	t.commit(Commit{Session: t.unused(r.original)}) // nobody finds the new one again
	return nil
}

// restoreOld gives the conversation back to the session that the turn's was to
// replace. Its client may know the new id already, which means the old one then.
func (t *turn) restoreOld() *Replacement {
	r := t.replaces
	if r == nil {
		return nil
	}
	made, wasStored := t.session, t.isStored
	if made.Addressing == Throwaway {
		t.abandonSoon(made.ID)
	}
	was := t.unused(r.original)
	t.session, t.isStored = &was, true
	if !wasStored {
		return nil
	}
	return &Replacement{Old: made.ID, State: StateRetired, Alias: true}
}

// releaseSession returns a session that was taken and is not used after all.
func (t *turn) releaseSession(s Session) {
	t.commit(Commit{Session: t.unused(s)})
	t.session, t.isStored = nil, false
	t.untrack()
}
