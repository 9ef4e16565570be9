package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// placeByID continues the session whose id the client sent.
func (t *turn) placeByID(id int64) error {
	_, after, _ := t.history.splitAnswer()
	rest := after.shown
	if len(rest) == 0 {
		return chat.Invalid(chat.CodeInvalidValue, "messages",
			"With a session id only what follows the last assistant message is sent, and nothing follows it.")
	}
	text := textOfRest(rest, t.render)
	t.prepare(text, Hash{})
	found, err := t.takeByID(id)
	if err != nil {
		return err
	}
	if !found {
		return t.placeWhole(NameKey{}, false) // the id was made up, or the platform lost the session
	}
	return t.resumeSession(rest, text)
}

// takeByID takes the session with that id. It returns false when there is no such session any
// more and the conversation starts anew.
func (t *turn) takeByID(id int64) (bool, error) {
	caller := t.request.Caller.ID
	owner := OwnerOf(caller)
	for {
		s, err := t.engine.Store.Session(t.clientCtx, owner, id)
		switch {
		case errors.Is(err, ErrUnknown) && caller != chat.AnonymousID:
			return false, notFoundError()
		case errors.Is(err, ErrUnknown) && t.engine.Shared:
			return false, nil
		case errors.Is(err, ErrUnknown):
			if found, err := t.takeForeign(id); !errors.Is(err, ErrTaken) {
				return found, err
			}
			// The store has it meanwhile, for this caller or for another one.
			if _, err = t.engine.Store.Session(t.clientCtx, owner, id); errors.Is(err, ErrUnknown) {
				return false, notFoundError()
			}
			continue
		case err != nil:
			return false, t.storeError(err)
		}
		if s.State == StateLost || s.State == StateRetired || !s.Made && t.engine.Shared {
			return false, t.unknownIDError()
		}
		taken, err := t.take(s.ID, ByID)
		if taken || !errors.Is(err, ErrUnknown) {
			return taken, err
		}
		// The session was replaced or deleted while the turn waited.
	}
}

// unknownIDError returns the error for an id that means nothing any more; nil for anonymous
// callers, whose conversation starts anew.
func (t *turn) unknownIDError() error {
	if t.request.Caller.ID != chat.AnonymousID {
		return notFoundError()
	}
	return nil
}

// takeForeign takes a session that achuan did not create, as the platform's list shows it.
// ErrTaken says that the store has it.
func (t *turn) takeForeign(id int64) (bool, error) {
	found, err := t.engine.Platform.FindSession(t.clientCtx, id)
	if isLost(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := time.Now()
	s := &Session{
		ID: id, Caller: t.request.Caller.ID, Addressing: ByID, State: StateFree, Exchanges: Uncounted,
		Preset: found.Settings, Settings: found.Settings, SettingsKnown: true, Object: found.Object, Created: now, LastUsed: now,
	}
	switch err = t.engine.Store.Create(t.clientCtx, *s, t.taking); {
	case errors.Is(err, ErrTaken):
		return false, ErrTaken
	case err != nil:
		t.engine.undoCreation(t.token, id)
		return false, t.storeError(err)
	}
	t.taking.describe(s, now)
	t.trackTaken(s, now)
	t.isDiscovered = true
	return true, nil
}

// placeByName continues the session that the name means. A name that was once used with a history
// is only a scope: each chat in it is placed by its transcript.
func (t *turn) placeByName(k NameKey) error {
	t.binding = &NameBinding{Key: k}
	transcript := t.request.Transcript()
	n, err := t.engine.Store.Name(t.clientCtx, k)
	if err != nil {
		return t.storeError(err)
	}
	if !isLoneMessage(transcript) {
		t.binding.History = true
		if !n.History {
			if err := t.engine.Store.MarkNameHistory(t.clientCtx, k); err != nil {
				return t.storeError(err)
			}
		}
		return t.placeByLineage(k)
	}
	if n.History {
		return t.placeWhole(k, false)
	}
	release, err := t.engine.names.take(t.clientCtx, k, t.newPoller().deadline)
	if err != nil {
		return err
	}
	t.releases = append(t.releases, release)
	return t.placeByLoneName(k)
}

// placeByLoneName places a lone message. The turn holds the name in t.engine.names.
func (t *turn) placeByLoneName(k NameKey) error {
	wait := t.newPoller()
	transcript := t.request.Transcript()
	text := textOfRest(transcript, t.render)
	t.prepare(text, Hash{})
	for {
		n, claimed, err := t.engine.Store.ClaimName(t.clientCtx, k, t.token)
		switch {
		case errors.Is(err, ErrTaken): // on another replica
			if err := wait.next(t.clientCtx); err != nil {
				return err
			}
			continue
		case err != nil:
			t.claimedName = &k // the store may have claimed it
			return t.storeError(err)
		case claimed:
			return t.placeFirst(k)
		case n.History:
			return t.placeWhole(k, false)
		}
		taken, err := t.take(n.Session, ByName)
		switch {
		case errors.Is(err, ErrUnknown):
			// The session was replaced or deleted, so the name is read again.
			if again, err := t.engine.Store.Name(t.clientCtx, k); err != nil || again.Session == n.Session {
				return t.placeLostName(k, err)
			}
			continue
		case err != nil || !taken:
			return err
		}
		if s := t.session; s.State == StateFree && !s.Head.IsZero() && !s.MaybeTaken {
			isSound, err := t.isUnchanged(s)
			if err != nil {
				return err
			}
			if isSound {
				t.nextHead = continueFrom(s.Head).add(transcript...).head
			}
		}
		return t.resumeSession(transcript, text)
	}
}

// placeLostName starts the name's conversation anew, because its session is lost.
func (t *turn) placeLostName(k NameKey, err error) error {
	if err != nil {
		return t.storeError(err)
	}
	return t.placeWhole(k, false)
}

// placeFirst creates the first session of a name that was claimed. The name means it from then
// on, also when its first turn fails.
func (t *turn) placeFirst(k NameKey) error {
	t.claimedName = &k
	t.engine.leases.begin(t.token, time.Now())
	if err := t.placeWhole(k, false); err != nil {
		return err
	}
	switch err := t.engine.Store.BindName(t.clientCtx, *t.binding, t.session.ID); {
	case errors.Is(err, ErrTaken): // the claim expired, and another turn created the name's session
		return leaseError()
	case err != nil:
		return t.storeError(err)
	}
	t.claimedName = nil
	return nil
}

// resumeSession continues a session that was taken by its id or name. If the session's last turn
// was interrupted and asked the same, it is answered from the records. It rebuilds the session
// when the end of its last turn is not known, when a turn may run in it that the store has lost,
// or when its first exchange would not fit the model's context any more.
func (t *turn) resumeSession(rest []chat.Message, text string) error {
	s := t.session
	if s.EndUnknown && !s.MaybeTaken && s.Request == t.fingerprint {
		t.resumeTaken() // the process that asked this died while the request waited for the session
		return nil
	}
	if s.EndUnknown || s.MaybeTaken {
		t.replayReason = telemetry.ReplayUnfinished
		return t.rebuild(rest)
	}
	if s.Made {
		if s.Head.IsZero() && t.engine.needsVerification(s) {
			s.Exchanges = Uncounted
		}
		if err := t.countExchanges(s); err != nil && !isLost(err) {
			return err
		}
		if s.Exchanges != Uncounted && !t.fitsContext(s) {
			t.replayReason = telemetry.ReplayContext
			return t.rebuild(rest)
		}
	}
	return t.continueIn(text)
}

// countExchanges reads how many exchanges a session has when that is not known.
func (t *turn) countExchanges(s *Session) error {
	if s.Exchanges != Uncounted {
		return nil
	}
	page, err := t.engine.Platform.Records(t.clientCtx, s.ID, 1)
	if err == nil {
		s.Exchanges = page.Total
	}
	return err
}

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
	s, err := t.engine.Store.Take(ctx, id, t.taking, addressing)
	if err != nil && !isCertain(err) {
		t.engine.undoTaking(t.token, id, Hash{})
	}
	return s, err
}

// poller waits for a change in the store, as long as a request may wait in line.
type poller struct{ deadline time.Time }

// newPoller returns a poller whose time began with the turn, however many things the turn waits
// for.
func (t *turn) newPoller() poller { return poller{t.started.Add(maxWait)} }

// next waits for the next look, and fails with session_busy after the last one.
func (p poller) next(ctx context.Context) error {
	if time.Now().After(p.deadline) {
		return busyError()
	}
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// storeError returns the error for a request by id or name when the store is not available.
func (t *turn) storeError(err error) error {
	if t.clientCtx.Err() != nil {
		return context.Cause(t.clientCtx)
	}
	t.engine.storeFailed(t.clientCtx, telemetry.StoreRead, err)
	return storeUnavailableError(err)
}

func notFoundError() *chat.Error {
	return &chat.Error{
		Kind: chat.KindNotFound, Code: chat.CodeSessionNotFound, Param: "session",
		Message: "No such session. Leave the session id out to start a new one.",
	}
}
