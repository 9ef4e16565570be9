package conversation

import (
	"context"
	"errors"
	"slices"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// List returns the sessions that the owner sees, latest used first, and how many there
// are.
func (e *Engine) List(ctx context.Context, owner Owner, offset, limit int) ([]chat.SessionInfo, int, error) {
	list, total, err := e.Store.Sessions(ctx, owner, offset, limit)
	if err != nil {
		return nil, 0, e.failure(ctx, err)
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

// Show returns one session; an id that was replaced means its successor.
func (e *Engine) Show(ctx context.Context, owner Owner, id int64) (chat.SessionInfo, error) {
	s, err := e.find(ctx, owner, id)
	if err != nil {
		return chat.SessionInfo{}, err
	}
	return s.info(), nil
}

func (e *Engine) find(ctx context.Context, owner Owner, id int64) (*Session, error) {
	s, err := e.Store.Session(ctx, owner, id)
	if err == nil && (s.State == StateLost || s.State == StateRetired) {
		err = ErrUnknown
	}
	if err != nil {
		return nil, e.failure(ctx, err)
	}
	return s, nil
}

// Messages returns a page of what the platform keeps of a session, oldest first.
// Its own pages, which are newest first, are turned round: the first may be shorter
// than others.
func (e *Engine) Messages(ctx context.Context, owner Owner, id int64, page int) (chat.RecordPage, error) {
	s, err := e.find(ctx, owner, id)
	if err != nil {
		return chat.RecordPage{}, err
	}
	p, err := e.Platform.Records(ctx, s.ID, 1)
	switch {
	case isLost(err):
		return chat.RecordPage{}, notFoundError()
	case err != nil:
		return chat.RecordPage{}, err
	}
	// A host that does not count pages has sent all there is.
	pages := max(p.Pages, min(len(p.Records), 1))
	theirs := pages - page + 1
	if theirs > 1 {
		if p, err = e.Platform.Records(ctx, s.ID, theirs); err != nil {
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

// maxReadings is how often a session's records are read that change while they are read.
const maxReadings = 3

// records reads all records of a session, newest first. Records that are added or
// deleted meanwhile move the others to other pages: all are read again then.
func (e *Engine) records(ctx context.Context, id int64) ([]chat.Record, error) {
	for range maxReadings {
		records, changed, err := e.readRecords(ctx, id)
		if err != nil || !changed {
			return records, err
		}
	}
	return nil, &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeBackendUnavailable, RetryAfter: time.Second, NotAsked: true,
		Message: "The session changes on the platform while it is read. Try again.",
	}
}

// readRecords reads all records once. changed says that some may be missing.
func (e *Engine) readRecords(ctx context.Context, id int64) (records []chat.Record, changed bool, err error) {
	seen := map[int64]bool{}
	total := 0
	for page := 1; ; page++ {
		p, err := e.Platform.Records(ctx, id, page)
		if err != nil {
			return nil, false, err
		}
		if len(p.Records) == 0 {
			return records, changed, nil
		}
		changed = changed || page > 1 && p.Total != total
		total = p.Total
		for _, r := range p.Records {
			changed = changed || r.ID != 0 && seen[r.ID]
			seen[r.ID] = true
		}
		records = append(records, p.Records...)
		if page >= p.Pages {
			return records, changed, nil
		}
	}
}

// createTimeout bounds the making of a session that no turn waits for.
const createTimeout = 30 * time.Second

// Make makes a session for a caller who wants its id before there is a question. It
// goes on when the caller leaves: a session that only the platform knows would stay.
func (e *Engine) Make(ctx context.Context, caller chat.Caller, model string) (chat.SessionInfo, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), createTimeout)
	defer cancel()
	created, err := e.Platform.CreateSession(ctx, model)
	if err != nil {
		return chat.SessionInfo{}, err
	}
	now := time.Now()
	s := Session{
		ID: created.ID, Caller: caller.ID, Made: true, Addressing: ByID, State: StateFree, Verified: true, SettingsKnown: true,
		Preset: created.Settings, Settings: created.Settings, Object: created.Object, Created: now, LastUsed: now,
	}
	s.Preset.ContextCount = maxContext
	token := newToken()
	err = e.Store.Create(ctx, s, Taking{Token: token})
	if err == nil {
		err = e.Store.Save(ctx, Commit{Token: token, Session: s})
	}
	switch {
	case err == nil:
		return s.info(), nil
	case !isCertain(err):
		e.undoCreation(token, s.ID)
		e.background(ctx, func(ctx context.Context) { e.abandon(ctx, s.ID) })
	}
	return chat.SessionInfo{}, e.failure(ctx, err)
}

// Remove deletes a session, on the platform too if achuan made it. One that is
// answering is session_busy.
func (e *Engine) Remove(ctx context.Context, owner Owner, id int64) error {
	s, err := e.find(ctx, owner, id)
	if err != nil {
		return err
	}
	token, asked := newToken(), time.Now()
	taken, err := e.Store.Take(ctx, s.ID, Taking{Token: token}, s.Addressing)
	if err != nil {
		if !isCertain(err) {
			e.undoTaking(token, s.ID, Hash{})
		}
		return e.failure(ctx, err)
	}
	e.leases.begin(token, asked)
	defer e.leases.drop(token)
	if taken.Made {
		err = e.delete(ctx, s.ID)
	}
	// From here on the caller's interest does not count: half deleted is worse.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	if err != nil {
		e.undoTaking(token, s.ID, Hash{}) // the deletion failed: it stays as it was
		return err
	}
	if err := e.Store.Delete(ctx, s.ID, token); err != nil {
		if !isCertain(err) {
			e.undoCreation(token, s.ID) // it is gone on the platform
		}
		return e.failure(ctx, err)
	}
	return nil
}

// failure is what a client is told of a store's error.
func (e *Engine) failure(ctx context.Context, err error) error {
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
