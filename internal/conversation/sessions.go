package conversation

import (
	"context"
	"errors"
	"slices"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// ListSessions returns the sessions that the owner sees, latest used first, and how many there
// are.
func (e *Engine) ListSessions(ctx context.Context, owner Owner, offset, limit int) ([]chat.SessionInfo, int, error) {
	list, total, err := e.opts.Store.Sessions(ctx, owner, offset, limit)
	if err != nil {
		return nil, 0, e.clientError(ctx, err)
	}
	infos := make([]chat.SessionInfo, len(list))
	for i := range list {
		infos[i] = list[i].info()
	}
	return infos, total, nil
}

func (s *Session) info() chat.SessionInfo {
	return chat.SessionInfo{
		ID: s.ID, Model: s.Settings.Model, Owner: s.Caller, Name: s.Name, State: string(s.State), Turns: s.Turns,
		Created: s.Created, Used: s.LastUsed,
	}
}

// GetSession returns one session. An id that was replaced means the session that replaced it.
func (e *Engine) GetSession(ctx context.Context, owner Owner, id int64) (chat.SessionInfo, error) {
	s, err := e.findSession(ctx, owner, id)
	if err != nil {
		return chat.SessionInfo{}, err
	}
	return s.info(), nil
}

func (e *Engine) findSession(ctx context.Context, owner Owner, id int64) (*Session, error) {
	s, err := e.opts.Store.Session(ctx, owner, id)
	if err == nil && (s.State == StateLost || s.State == StateRetired) {
		err = ErrUnknown
	}
	if err != nil {
		return nil, e.clientError(ctx, err)
	}
	return s, nil
}

// ListMessages returns a page of the records that the platform keeps of a session, oldest first, from
// page 1. The platform's own pages are newest first. They are reversed, so the first page may be
// shorter than the others.
func (e *Engine) ListMessages(ctx context.Context, owner Owner, id int64, page int) (chat.RecordPage, error) {
	s, err := e.findSession(ctx, owner, id)
	if err != nil {
		return chat.RecordPage{}, err
	}
	p, err := e.opts.Platform.Records(ctx, s.ID, 1)
	switch {
	case isLost(err):
		return chat.RecordPage{}, notFoundError()
	case err != nil:
		return chat.RecordPage{}, err
	}
	// A host that does not count pages has sent all records.
	pages := max(p.Pages, min(len(p.Records), 1))
	theirs := pages - page + 1
	if theirs > 1 {
		if p, err = e.opts.Platform.Records(ctx, s.ID, theirs); err != nil {
			return chat.RecordPage{}, err
		}
	}
	p.Page, p.Pages = page, pages
	if theirs < 1 {
		p.Records = nil
	}
	slices.Reverse(p.Records)
	return p, nil
}

// maxReadings bounds how often all records of a session are read when they change during the
// reading.
const maxReadings = 3

// readAllRecords reads all records of a session, newest first. It starts again when records that
// were added or deleted meanwhile have moved others to other pages.
func (e *Engine) readAllRecords(ctx context.Context, id int64) ([]chat.Record, error) {
	for range maxReadings {
		records, changed, err := e.readRecordsOnce(ctx, id)
		if err != nil || !changed {
			return records, err
		}
	}
	return nil, &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeBackendUnavailable, RetryAfter: time.Second, NotAsked: true,
		Message: "The session changes on the platform while it is read. Try again.",
	}
}

// readRecordsOnce reads all records once. isChanged says that some may be missing.
func (e *Engine) readRecordsOnce(ctx context.Context, id int64) (records []chat.Record, isChanged bool, err error) {
	seen := map[int64]bool{}
	total := 0
	for page := 1; ; page++ {
		p, err := e.opts.Platform.Records(ctx, id, page)
		if err != nil {
			return nil, false, err
		}
		if len(p.Records) == 0 {
			return records, isChanged, nil
		}
		isChanged = isChanged || page > 1 && p.Total != total
		total = p.Total
		for _, r := range p.Records {
			isChanged = isChanged || r.ID != 0 && seen[r.ID]
			seen[r.ID] = true
		}
		records = append(records, p.Records...)
		if page >= p.Pages {
			return records, isChanged, nil
		}
	}
}

// createTimeout bounds the creation of a session that no turn waits for.
const createTimeout = 30 * time.Second

// CreateSession creates a session for a caller who wants its id before there is a question. It continues
// when the caller leaves, because otherwise a session could stay that only the platform knows.
func (e *Engine) CreateSession(ctx context.Context, caller chat.Caller, model string) (chat.SessionInfo, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	created, err := e.opts.Platform.CreateSession(ctx, model)
	if err != nil {
		return chat.SessionInfo{}, err
	}
	now := time.Now()
	s := Session{
		ID: created.ID, Caller: caller.ID, CreatedByAchuan: true, Addressing: ByID, State: StateFree, Verified: true,
		SettingsKnown: true, Preset: created.Settings, Settings: created.Settings, Object: created.Object,
		Created: now,
	}
	s.Preset.ContextCount = maxContext
	token := newToken()
	err = e.opts.Store.Create(ctx, s, Taking{Token: token})
	if err == nil {
		err = e.opts.Store.Save(ctx, Commit{Token: token, Session: s})
	}
	switch {
	case err == nil:
		s.LastUsed = now
		return s.info(), nil
	case !isCertain(err):
		e.undoCreation(token, s.ID)
		e.background(ctx, func(ctx context.Context) { e.deleteUnstored(ctx, s.ID) })
	}
	return chat.SessionInfo{}, e.clientError(ctx, err)
}

// DeleteSession deletes a session, on the platform too if achuan created it. It fails with session_busy
// while the session answers.
func (e *Engine) DeleteSession(ctx context.Context, owner Owner, id int64) error {
	s, err := e.findSession(ctx, owner, id)
	if err != nil {
		return err
	}
	token, asked := newToken(), time.Now()
	taken, err := e.opts.Store.Take(ctx, s.ID, Taking{Token: token}, s.Addressing)
	if err != nil {
		if !isCertain(err) {
			e.undoTaking(token, s.ID, Hash{})
		}
		return e.clientError(ctx, err)
	}
	e.leases.begin(token, asked)
	defer e.leases.drop(token)
	if taken.CreatedByAchuan {
		err = e.deleteOnPlatform(ctx, s.ID)
	}
	// From here on the caller cannot cancel, because a session must not stay half deleted.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err != nil {
		e.undoTaking(token, s.ID, Hash{}) // the platform did not delete it, so it stays as it was
		return err
	}
	if err := e.opts.Store.Delete(ctx, s.ID, token); err != nil {
		if !isCertain(err) {
			e.undoCreation(token, s.ID) // it no longer exists on the platform
		}
		return e.clientError(ctx, err)
	}
	return nil
}

// clientError returns what a client gets for an error of the store.
func (e *Engine) clientError(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, ErrUnknown):
		return notFoundError()
	case errors.Is(err, ErrTaken):
		return busyError()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	e.storeFailed(ctx, telemetry.StoreRead, err)
	return storeUnavailableError(err)
}
