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
	_, after, _ := t.usual.history.splitAnswer()
	rest := after.shown
	if len(rest) == 0 {
		return chat.Invalid(chat.CodeInvalidValue, "messages",
			"With a session id only what follows the last assistant message is sent, and nothing follows it.")
	}
	content := contentOfRest(rest, t.renderer())
	if err := t.checkSize(content, ""); err != nil {
		return err
	}
	t.prepare(content, Hash{})
	found, err := t.takeByID(id)
	if err != nil {
		return err
	}
	if !found {
		return t.placeWhole(NameKey{}, false) // the client invented the id, or the platform lost the session
	}
	return t.resumeSession(rest, content)
}

// takeByID takes the session with that id. It returns false when there is no such session any
// more and the conversation gets a new session.
func (t *turn) takeByID(id int64) (bool, error) {
	caller := t.request.Caller.ID
	owner := OwnerOf(caller)
	for {
		s, err := t.engine.opts.Store.Session(t.clientCtx, owner, id)
		switch {
		case errors.Is(err, ErrUnknown) && caller != chat.AnonymousID:
			return false, notFoundError()
		case errors.Is(err, ErrUnknown) && t.engine.opts.Shared:
			return false, nil
		case errors.Is(err, ErrUnknown):
			if found, err := t.takeForeign(id); !errors.Is(err, ErrTaken) {
				return found, err
			}
			// The store has it meanwhile, for this caller or for another one.
			if _, err = t.engine.opts.Store.Session(t.clientCtx, owner, id); errors.Is(err, ErrUnknown) {
				return false, notFoundError()
			}
			continue
		case err != nil:
			return false, t.storeError(err)
		}
		if s.State == StateLost || s.State == StateRetired || !s.CreatedByAchuan && t.engine.opts.Shared {
			return false, unknownIDError(t.request.Caller.ID)
		}
		taken, err := t.take(s.ID, ByID)
		if taken || !errors.Is(err, ErrUnknown) {
			return taken, err
		}
		// The session was replaced or deleted while the turn waited.
	}
}

// unknownIDError returns the error for an id that means nothing any more; nil for anonymous
// callers, whose conversation gets a new session.
func unknownIDError(caller string) error {
	if caller != chat.AnonymousID {
		return notFoundError()
	}
	return nil
}

// takeForeign takes a session that achuan did not create, as the platform's list shows it.
// ErrTaken says that the store has it.
func (t *turn) takeForeign(id int64) (bool, error) {
	found, err := t.engine.opts.Platform.FindSession(t.clientCtx, id)
	if isLost(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := time.Now()
	s := &Session{
		ID: id, Caller: t.request.Caller.ID, Addressing: ByID, State: StateFree, Exchanges: Uncounted,
		Preset: found.Settings, Settings: found.Settings, SettingsKnown: true, Object: found.Object,
		Created: now,
	}
	switch err = t.engine.opts.Store.Create(t.clientCtx, *s, t.taking); {
	case errors.Is(err, ErrTaken):
		return false, ErrTaken
	case err != nil:
		t.engine.undoCreation(t.token, id)
		return false, t.storeError(err)
	}
	t.taking.describe(s)
	t.trackTaken(s, now)
	t.isDiscovered = true
	return true, nil
}

// resumeSession continues a session that was taken by its id or name. If the session's last turn
// was interrupted and asked the same, it is answered from the records. It rebuilds the session
// when the end of its last turn is not known, when a turn may run in it that the store has lost,
// or when its first exchange would not fit the model's context any more.
func (t *turn) resumeSession(rest []chat.Message, content chat.Content) error {
	s := t.session
	if s.EndUnknown && !s.MaybeTaken && s.Request == t.fingerprint {
		t.resumeTaken() // the process that asked this died while the request waited for the session
		return nil
	}
	if s.EndUnknown || s.MaybeTaken {
		t.replayReason = telemetry.ReplayUnfinished
		return t.rebuild(rest)
	}
	if s.CreatedByAchuan {
		if s.Head.IsZero() && t.engine.needsVerification(s) {
			s.Exchanges = Uncounted
		}
		if err := t.countExchanges(); err != nil && !isLost(err) {
			return err
		}
		if s.Exchanges != Uncounted && !fitsContext(s, t.input.Repairs) {
			t.replayReason = telemetry.ReplayContext
			return t.rebuild(rest)
		}
	}
	return t.continueIn(content)
}

// countExchanges reads how many exchanges the session has when that is not known.
func (t *turn) countExchanges() error {
	if t.session.Exchanges != Uncounted {
		return nil
	}
	if err := t.markUnasked(); err != nil {
		return err
	}
	page, err := t.engine.opts.Platform.Records(t.clientCtx, t.session.ID, 1)
	if err == nil {
		t.session.Exchanges = page.Total
	}
	return err
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
