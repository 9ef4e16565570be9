package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// storeTimeout bounds a write that no client waits for.
const storeTimeout = 5 * time.Second

// detachedContext returns a context for what must be written even when the client has left or the
// turn has been cancelled.
func (t *turn) detachedContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.valueCtx, storeTimeout)
}

// finish ends a turn whose answer the platform has ended. It commits the new state of the session
// before the client sees the end of its answer.
func (t *turn) finish(done chat.Event) {
	s := t.session
	if s.Exchanges != Uncounted {
		s.Exchanges += t.answeredQuestions
	}
	s.Turns++
	s.EndUnknown, s.LastUsed = false, time.Time{}
	s.LastExchange = exchangeDigest(t.question, done.Stored)
	s.State, s.Head, s.Verified = StateFree, Hash{}, t.resumed == nil || !t.resumed.mayRepeat
	t.recordInstructions(true)
	if len(t.files) == 0 {
		t.engine.texts.accept(t.question)
	}
	switch {
	case t.isCut || done.Diverged || t.isForged:
		s.State = StateDirty // it holds another answer than the client
	case t.resumed.isForeign():
		s.State, s.Exchanges = StateDirty, Uncounted // another turn has asked there too
	case !t.nextHead.IsZero() && s.Addressing != ByID && s.Addressing != Throwaway:
		withoutIDs := t.request.LegacyCalls || t.request.CallsWithoutIDs
		s.Head = continueFrom(t.nextHead).withKey(t.engine.opts.CallKey).add(t.recording.message(withoutIDs)).head
	}
	t.takeRebuilt()
	t.replacing = t.planReplacement()
	t.engine.takenHere.CompareAndDelete(s.ID, t.token) // before the commit makes it free for others
	t.clientState.commitWhole(t)
	if t.finalEvent != nil {
		t.ready.add(*t.finalEvent)
		t.recording.record(*t.finalEvent)
		t.keepAnswer()
	}
	t.isOver = true
	t.logger.DebugContext(t.turnCtx, "turn ended", telemetry.KeySession, s.ID, telemetry.KeyState, s.State,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.releaseAll()
	t.engine.turnEnded(s)
}

// fail ends a turn whose answer is not whole. A question that was refused before any work has
// changed nothing, so the session becomes what it was. When a proxy may have lost the platform's
// reply, the session becomes unverified, so that the next turn compares it with the platform's
// records.
func (t *turn) fail(err error) {
	e := chat.AsError(err)
	if !t.isSent {
		t.engine.unasked.add(t.token)
	}
	if s := t.session; s != nil {
		switch unasked := !t.isSent || e.NotAsked && t.answeredQuestions == 0; {
		case t.resumed.isWaiting(): // the next repetition resumes the interrupted turn
			*s = t.original
		case t.engine.lifeCtx.Err() != nil && t.isSent: // the platform finishes the answer, as after a crash
			s.State, s.Head, s.EndUnknown, s.Exchanges = StateDirty, Hash{}, true, t.original.Exchanges
		case unasked, e.MaybeAsked && t.answeredQuestions == 0:
			s.State, s.Head, s.EndUnknown = t.original.State, t.original.Head, t.original.EndUnknown
			s.Verified = s.Verified && unasked
			t.forgetRequest(s)
			if unasked && t.isUnusedCreation() {
				s.Addressing = Throwaway
			}
		default:
			s.State, s.Head, s.Exchanges = StateDirty, Hash{}, Uncounted
			s.EndUnknown = !e.EndSeen && !t.isAnswered()
			s.LastUsed = time.Time{}
			t.recordInstructions(t.answeredQuestions > 0)
			t.forgetRequest(s)
		}
	}
	if s := t.session; s != nil && s.Addressing == Throwaway && !t.isStored {
		t.deleteUnstoredSoon(s.ID) // no clean-up would find it
	}
	t.replacing = t.restoreOld()
	if t.isCut { // its client has the end of its answer already
		t.clientState.commitWhole(t)
	} else {
		t.clientState.commitFailed(t, err)
	}
	t.isOver = true
	t.logger.DebugContext(t.turnCtx, "turn failed", telemetry.KeySession, t.sessionID(), telemetry.KeyCode, e.Code,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.releaseAll()
	if t.session != nil {
		t.engine.turnEnded(t.session)
	}
}

// forgetRequest removes the turn's request from a session, because the turn has failed and a
// repetition has to be asked. The request of an interrupted turn stays.
func (t *turn) forgetRequest(s *Session) {
	if s.Turn == t.token || t.resumed != nil {
		s.Request = Hash{}
	}
}

// isUnusedCreation reports whether this turn created its session, which is empty, and no name or
// client refers to it, so that it can be deleted. The first session of a name stays: it serves
// the name's next question.
func (t *turn) isUnusedCreation() bool {
	isNamed := t.binding != nil && !t.binding.History
	return t.session.ID == t.created && !isNamed && !isIDKnown(t.request.Streamed, time.Since(t.started))
}

// idKnownAfter is how long after its start a turn certainly keeps the session's id to itself. The
// headers of a stream, which contain the id, wait up to 10 s for the first event, and the request
// had arrived before the turn started.
const idKnownAfter = 5 * time.Second

// isIDKnown reports whether the client of a refused question may have received the session's id:
// only a stream's headers precede an error, and not at once.
func isIDKnown(streamed bool, after time.Duration) bool { return streamed && after >= idKnownAfter }

// save commits the new state of the session. A session that is certainly not in the store is not
// saved, because no request finds it again.
func (t *turn) save(s Commit) {
	if t.session == nil || !t.isStored && !t.maybeStored {
		return
	}
	s.Session, s.Replaces = *t.session, t.replacing
	t.commit(s)
}

// commit ends a taking of the turn, now or when the store is available again.
func (t *turn) commit(s Commit) {
	s.Token = t.token
	if t.original.State == StateRetired && s.Session.ID == t.original.ID {
		s.Session.State, s.Session.Head = StateRetired, Hash{} // another session has replaced it: see resume
	}
	end := func(ctx context.Context, store Store) error {
		err := store.Save(ctx, s)
		if !errors.Is(err, ErrNotHeld) {
			return err
		}
		// The turn has ended, whatever happened to its session. Clients that wait for it must
		// learn so.
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
	switch err := end(ctx, t.engine.opts.Store); {
	case errors.Is(err, ErrNotHeld) && t.maybeStored: // Create has not stored it
	case errors.Is(err, ErrNotHeld):
		t.logger.WarnContext(ctx, "the session was not held any more at the end of its turn; its conversation continues in a new one",
			telemetry.KeySession, s.Session.ID)
	case err != nil:
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
		t.engine.addPending(pendingWrite{token: t.token, commit: end})
	}
}

// release ends something else that the turn has taken, now or when the store is available again.
func (t *turn) release(end func(ctx context.Context, store Store) error) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	if err := end(ctx, t.engine.opts.Store); err != nil && !isCertain(err) {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
		t.engine.undoInBackground(t.token, end)
	}
}

// replacedSession is a session that another one replaces when that has answered. Until then the
// old one holds the conversation, because the turn in the new one may fail.
type replacedSession struct {
	original Session // as it was when it was taken
	state    State   // its state after that
	alias    bool
}

// planReplacement returns what the commit of the turn's session replaces. One commit does both,
// so that names and ids always lead to the session with the whole conversation, also after a
// crash.
func (t *turn) planReplacement() *Replacement {
	r := t.replaces
	switch {
	case r == nil:
		return nil
	case t.isStored:
		return &Replacement{Old: r.original.ID, State: r.state, Alias: r.alias}
	}
	t.commit(Commit{Session: asUnused(r.original, t.token)}) // no request finds the new one again
	return nil
}

// restoreOld makes the session that was to be replaced the turn's again, because the turn has
// failed. The client may know the id of the new one already, so that id becomes an alias of the
// old one.
func (t *turn) restoreOld() *Replacement {
	r := t.replaces
	if r == nil {
		return nil
	}
	made, wasStored := t.session, t.isStored
	if made.Addressing == Throwaway {
		t.deleteUnstoredSoon(made.ID)
	}
	was := asUnused(r.original, t.token)
	t.session, t.isStored = &was, true
	if !wasStored {
		return nil
	}
	return &Replacement{Old: made.ID, State: StateRetired, Alias: true}
}
