package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// storeWait bounds a write that nobody's interest bounds any more.
const storeWait = 5 * time.Second

// lasting is a context for what must be written although the client, or the turn,
// has been given up.
func (t *turn) lasting() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(t.life), storeWait)
}

// finish ends a turn whose answer the platform has ended. What the session is now
// is committed before the client sees the end of its answer.
func (t *turn) finish(done chat.Event) {
	s := t.session
	if s.Exchanges != Uncounted {
		s.Exchanges += t.asked
	}
	s.Turns++
	s.Unseen, s.Used = false, time.Now()
	s.Last = exchangeDigest(t.text, done.Stored)
	s.State, s.Head, s.Verified = StateFree, Hash{}, t.resumed == nil || !t.resumed.uncertain
	t.noteTold(true)
	switch {
	case t.cut || done.Diverged || t.isForged:
		s.State = StateDirty // it holds another answer than its client has
	case t.resumed.isForeign():
		s.State, s.Exchanges = StateDirty, Uncounted // somebody else has asked there too
	case !t.head.IsZero() && s.Reach != ReachID && s.Reach != ReachThrowaway:
		s.Head = from(t.head).add(t.tape.message(t.request.LegacyCalls)).head
	}
	t.takeRebuilt()
	t.replacing = t.replaces()
	t.engine.asked.CompareAndDelete(s.ID, t.token) // before it is free for others
	t.presence.whole(t)
	if t.final != nil {
		t.ready = append(t.ready, *t.final)
		t.tape.record(*t.final)
		t.remember()
	}
	t.over = true
	t.log.DebugContext(t.life, "turn ended", telemetry.KeySession, s.ID, telemetry.KeyState, s.State,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.end()
	t.engine.ended(s)
}

// fail ends a turn whose answer is not whole. A question that was refused before
// any work has changed nothing: the session goes back as it was taken. Where a proxy
// may have lost the platform's reply, it goes back unverified: the next turn compares
// it with the platform's records.
func (t *turn) fail(err error) {
	e := chat.AsError(err)
	if !t.sent {
		t.engine.unasked.add(t.token)
	}
	if s := t.session; s != nil {
		switch unasked := !t.sent || e.NotAsked && t.asked == 0; {
		case t.resumed.isWaiting(): // the next repetition resumes it
			*s = t.before
		case t.engine.life.Err() != nil && t.sent: // the platform goes on with it, as in a crash
			s.State, s.Head, s.Unseen, s.Exchanges = StateDirty, Hash{}, true, t.before.Exchanges
		case unasked, e.MaybeAsked && t.asked == 0:
			s.State, s.Head, s.Unseen = t.before.State, t.before.Head, t.before.Unseen
			s.Verified = s.Verified && unasked
			t.freeRequest(s)
			if unasked && t.isOfNoUse() {
				s.Reach = ReachThrowaway
			}
		default:
			s.State, s.Head, s.Exchanges = StateDirty, Hash{}, Uncounted
			s.Unseen = !e.EndSeen && !t.answered()
			s.Used = time.Now()
			t.noteTold(t.asked > 0)
			t.freeRequest(s)
		}
	}
	if s := t.session; s != nil && s.Reach == ReachThrowaway && !t.stored {
		t.abandonSoon(s.ID) // no clean-up finds it
	}
	t.replacing = t.handBack()
	if t.cut { // its client has had the end of its answer, and more was not for it
		t.presence.whole(t)
	} else {
		t.presence.failed(t, err)
	}
	t.over = true
	t.log.DebugContext(t.life, "turn failed", telemetry.KeySession, t.sessionID(), telemetry.KeyCode, e.Code,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Millisecond))
	t.end()
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

// isOfNoUse reports whether the turn's session, which holds nothing, was made by this
// turn and means nothing to anybody, so that it would only stay on the account. The
// first session of a name serves the name's next question.
func (t *turn) isOfNoUse() bool {
	isNamed := t.bind != nil && !t.bind.History
	return t.session.ID == t.made && !isNamed && !isTold(t.request.Streamed, time.Since(t.started))
}

// toldAfter is how long after its start a turn surely keeps the session's id to itself.
// A stream's headers, which tell it, wait for 10 s for the first event; the request had
// arrived before the turn started.
const toldAfter = 5 * time.Second

// isTold reports whether the client of a question that was refused may have been told
// the session's id: only a stream's headers come before an error, and not at once.
func isTold(streamed bool, after time.Duration) bool { return streamed && after >= toldAfter }

// answered reports whether the last question has been answered to its end, so
// that nothing more comes into the session.
func (t *turn) answered() bool { return t.asked > 0 && t.stream == nil }

func (t *turn) sessionID() int64 {
	if w := t.where.Load(); w != nil {
		return w.session
	}
	return 0
}

// save commits what the session is from now on. A session that is not in the store
// (which could not be had) is nobody's: it is not found again. One that may be there
// is found again if it is.
func (t *turn) save(s Save) {
	if t.session == nil || !t.stored && !t.maybeStored {
		return
	}
	s.Session, s.Replaces = *t.session, t.replacing
	t.commit(s)
}

// commit ends a taking of the turn's, now or when the store is back.
func (t *turn) commit(s Save) {
	s.Token = t.token
	if t.before.State == StateRetired && s.Session.ID == t.before.ID {
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
			failed = store.Leave(ctx, *s.Turn)
		case s.Failed:
			failed = store.Forget(ctx, s.Token)
		}
		if failed != nil {
			return failed
		}
		return err
	}
	ctx, cancel := t.lasting()
	defer cancel()
	switch err := end(ctx, t.engine.Store); {
	case errors.Is(err, ErrNotHeld) && t.maybeStored: // it is not there
	case errors.Is(err, ErrNotHeld):
		t.log.WarnContext(ctx, "the session was not held any more at the end of its turn; its conversation goes on in a new one",
			telemetry.KeySession, s.Session.ID)
	case err != nil:
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
		t.engine.owe(debt{token: t.token, pay: end})
	}
}

// release ends something else that the turn has taken, now or when the store is back.
func (t *turn) release(end func(ctx context.Context, store Store) error) {
	ctx, cancel := t.lasting()
	defer cancel()
	if err := end(ctx, t.engine.Store); err != nil && !isCertain(err) {
		t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
		t.engine.undo(t.token, end)
	}
}

// putBack gives a session back, as it was taken, that another was to replace, when
// that did not come about. If the turn has it still, its end does that.
func (t *turn) putBack(before Session) {
	if t.session.ID != before.ID {
		t.commit(Save{Session: t.unused(before)})
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

// replaced is a session whose place another takes once that has answered. Until
// then it is the one that holds the conversation: the new one may come to nothing.
type replaced struct {
	was   Session // as it was when it was taken
	state State   // what it becomes
	alias bool
}

// replaces is what a Save of the turn's session does with the session that it was made
// in the place of. Both are one commit: a crash leaves all of the conversation in the
// one that names and ids lead to.
func (t *turn) replaces() *Replacement {
	r := t.instead
	switch {
	case r == nil:
		return nil
	case t.stored:
		return &Replacement{Old: r.was.ID, State: r.state, Alias: r.alias}
	}
	t.commit(Save{Session: t.unused(r.was)}) // nobody finds the new one again
	return nil
}

// handBack gives the conversation back to the session that the turn's was to
// replace. Its client may know the new id already, which means the old one then.
func (t *turn) handBack() *Replacement {
	r := t.instead
	if r == nil {
		return nil
	}
	made, wasStored := t.session, t.stored
	if made.Reach == ReachThrowaway {
		t.abandonSoon(made.ID)
	}
	was := t.unused(r.was)
	t.session, t.stored = &was, true
	if !wasStored {
		return nil
	}
	return &Replacement{Old: made.ID, State: StateRetired, Alias: true}
}

// give returns a session that was taken and is not used after all.
func (t *turn) give(s Session) {
	t.commit(Save{Session: t.unused(s)})
	t.session, t.stored = nil, false
	t.letGo()
}
