package conversation

import (
	"errors"
	"time"

	"achuan/internal/chat"
)

// take takes a session by its id, and waits in line for it. It returns ErrUnknown when the
// session does not exist any more.
func (t *turn) take(id int64, addressing Addressing) (bool, error) {
	release, err := t.engine.sessions.take(t.clientCtx, id, t.newPoller().deadline)
	if err != nil {
		return false, err
	}
	isHeld := false
	defer func() {
		if !isHeld {
			release()
		}
	}()
	wait := t.newPoller()
	for {
		asked := time.Now()
		s, err := t.takeNow(id, addressing)
		switch {
		case err == nil:
			isHeld = true
			t.track(id, release)
			t.engine.leases.begin(t.token, asked)
			if t.binding != nil {
				s.Name = t.binding.Key.Name
			}
			t.setSession(s, true)
			return true, nil
		case errors.Is(err, ErrTaken): // by another replica, or by a turn that matched its head meanwhile
			err = wait.next(t.clientCtx)
		case !errors.Is(err, ErrUnknown):
			err = t.storeError(err)
		}
		if err != nil {
			return false, err
		}
	}
}

// takeNow takes a session that no turn has. Like matchHead, it is not cancelled when the client
// leaves.
func (t *turn) takeNow(id int64, addressing Addressing) (*Session, error) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	s, err := t.engine.opts.Store.Take(ctx, id, t.taking, addressing)
	if err != nil && !isCertain(err) {
		t.engine.undoTaking(t.token, id, Hash{})
	}
	return s, err
}

// matchHead takes a session by its head. It is not cancelled when the client leaves, because
// then it would not be known whether the session is taken.
func (t *turn) matchHead(c HeadQuery) (*Session, bool, error) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	s, once, err := t.engine.opts.Store.Match(ctx, c)
	if err != nil {
		t.engine.undoTaking(t.token, 0, c.Head)
	}
	return s, once, err
}

// prepare describes the taking of a session for the turn. content is what is sent, and head the
// lineage after it (zero: not known).
func (t *turn) prepare(content chat.Content, head Hash) {
	t.taking = Taking{Token: t.token, Request: t.fingerprint, Sent: describeText(content.Text), Question: head}
}

// trackTaken records that the store gave the turn a session, in a call that began at asked.
func (t *turn) trackTaken(s *Session, asked time.Time) {
	t.engine.leases.begin(t.token, asked)
	release, ok := t.engine.sessions.tryTake(s.ID)
	if !ok {
		release = func() {} // a request that waits for it is in the queue already
	}
	t.track(s.ID, release)
	t.setSession(s, true)
}

// track records in this process that the turn has a session, until release.
func (t *turn) track(id int64, release func()) {
	t.engine.takenHere.LoadOrStore(id, t.token)
	t.releases = append(t.releases, func() {
		t.engine.takenHere.CompareAndDelete(id, t.token)
		release()
	})
}

// setSession makes s, which is taken, the turn's session. isStored says that the store has it.
func (t *turn) setSession(s *Session, isStored bool) {
	if t.maybeStored {
		t.engine.undoCreation(t.token, t.session.ID)
		t.maybeStored = false
	}
	t.session, t.original, t.isStored, t.isUnasked = s, *s, isStored, false
}

// releaseSession releases a session that was taken and is not used after all.
func (t *turn) releaseSession(s Session) {
	t.commit(Commit{Session: asUnused(s, t.token)})
	t.session, t.isStored = nil, false
	t.untrack()
}

// returnSession releases a session as it was taken, when replacing it failed. If the session
// still is the turn's, the end of the turn releases it.
func (t *turn) returnSession(original Session) {
	if t.session.ID != original.ID {
		t.commit(Commit{Session: asUnused(original, t.token)})
	}
}

// asUnused returns a session as it is when the turn asked nothing in it. A repetition of the
// turn's request must not look for its answer there.
func asUnused(s Session, turn Token) Session {
	if s.Turn == turn {
		s.Request = Hash{}
	}
	return s
}
