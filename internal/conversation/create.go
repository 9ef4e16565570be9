package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// newSession describes the session that a turn creates.
type newSession struct {
	placement chat.Placement
	content   chat.Content
	head      Hash           // lineage after the content; zero: not known
	preset    *chat.Settings // the values for what a request does not name; nil means the platform's own
}

// placeNew creates a session, sets it up and places the turn there.
func (t *turn) placeNew(n newSession) error {
	if err := t.checkSize(n.content, t.input.Preamble); err != nil {
		return err
	}
	// The client does not cancel this call: a session that was created while the client left
	// would be in no store, and no clean-up would delete it.
	created, err := t.engine.opts.Platform.CreateSession(t.turnCtx, t.request.Model)
	if err != nil {
		return err
	}
	if n.preset == nil {
		n.preset = &created.Settings
	}
	s := &Session{
		ID: created.ID, Caller: t.request.Caller.ID, CreatedByAchuan: true,
		Addressing: t.addressing(), Name: t.scope().Name,
		State: StateFree, Verified: true, Preset: *n.preset, Settings: created.Settings, Object: created.Object,
		Created: time.Now(),
	}
	s.Preset.ContextCount = maxContext
	s.SettingsKnown = settingsFor(s.Preset, &t.input) == s.Settings
	t.prepare(n.content, n.head)
	if err := t.create(t.turnCtx, s); err != nil {
		return err
	}
	t.created = s.ID
	t.nextHead = n.head
	if n.placement != chat.PlacementNew {
		t.engine.opts.Metrics.Replayed(t.replayReason)
	}
	if err := t.setPlaced(n.placement, n.content); err != nil {
		return err
	}
	err = t.setUp(t.setUpContext())
	if isLost(err) {
		return lostError(err)
	}
	return err
}

// create stores a new session as taken. When the store is not available, the session serves only
// this answer. Nothing is lost, because the client sends the whole transcript again. A client
// that continues by id, name or key does not, so it gets an error.
func (t *turn) create(ctx context.Context, s *Session) error {
	asked := time.Now()
	err := t.engine.opts.Store.Create(ctx, *s, t.taking)
	switch {
	case err == nil:
		t.taking.describe(s)
		t.trackTaken(s, asked)
		return nil
	case errors.Is(err, ErrTaken):
		return &chat.Error{
			Kind: chat.KindBackend, Code: chat.CodeBackendError, Cause: err,
			Message: "The platform gave a new session the id of another one. Try again.",
		}
	case ctx.Err() != nil:
		t.engine.undoCreation(t.token, s.ID)
		t.deleteUnstored(s.ID)
		return context.Cause(ctx)
	}
	t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	if t.hasKey() || t.request.Session != (chat.SessionRef{}) && !t.isSideTask {
		t.engine.undoCreation(t.token, s.ID)
		t.deleteUnstored(s.ID)
		return storeUnavailableError(err) // the next request could not find the session
	}
	t.setSession(s, false)
	t.maybeStored = true
	return nil
}

// deleteUnstored deletes a created session that the store does not have, so that no clean-up
// would find it.
func (t *turn) deleteUnstored(id int64) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	t.engine.deleteUnstored(ctx, id)
}

func (e *Engine) deleteUnstored(ctx context.Context, id int64) {
	if err := e.deleteOnPlatform(ctx, id); err != nil {
		e.opts.Logger.WarnContext(ctx, "a useless session stays on the platform", telemetry.KeySession, id, telemetry.KeyError, err)
	}
}

// deleteUnstoredSoon is deleteUnstored in the background, for when the client waits for an error.
func (t *turn) deleteUnstoredSoon(id int64) {
	t.engine.background(t.turnCtx, func(context.Context) { t.deleteUnstored(id) })
}

// addressing says how later requests reach the session of this turn.
func (t *turn) addressing() Addressing {
	switch {
	case t.isSideTask:
		return Throwaway
	case t.request.Session.ID != 0:
		return ByID
	case t.binding != nil:
		return ByName
	}
	return ByLineage
}
