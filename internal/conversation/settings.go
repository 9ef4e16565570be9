package conversation

import (
	"context"
	"errors"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

const (
	// maxContext is the largest contextCount that the platform's own front end offers: the
	// number of earlier exchanges that the platform adds to each question.
	maxContext = 65
	// minTemperature replaces 0, which the platform reads as "not set".
	minTemperature = 0.01
)

// settingsFor returns base with what a request names. base is the platform's preset for a session
// that achuan created, and the session's own settings for any other. The context count stays that
// of base.
func settingsFor(base chat.Settings, q *Question) chat.Settings {
	s, r := base, q.Request
	s.Model = r.Model
	if q.Prompt != "" {
		s.Prompt = q.Prompt
	}
	if r.Temperature != nil {
		s.Temperature = max(*r.Temperature, minTemperature)
	}
	if r.PresencePenalty != nil {
		s.PresencePenalty = *r.PresencePenalty
	}
	if r.FrequencyPenalty != nil {
		s.FrequencyPenalty = *r.FrequencyPenalty
	}
	if r.MaxTokens != nil {
		s.MaxTokens = *r.MaxTokens
	}
	return s
}

// setUpContext returns the context of setUp: the client can cancel it until a question was asked,
// and after that only the end of the turn.
func (t *turn) setUpContext() context.Context {
	if t.isRecovered {
		return t.turnCtx
	}
	return t.clientCtx
}

// setUp sets the session to what the request asks for. Before the PUT it commits that the
// settings are about to change, so that no turn relies on them after a crash in between.
func (t *turn) setUp(ctx context.Context) error {
	s := t.session
	base := s.Settings
	switch {
	case s.CreatedByAchuan:
		base = s.Preset
	case !t.isDiscovered:
		if err := t.markUnasked(); err != nil {
			return err
		}
		if err := t.refreshSettings(ctx); err != nil {
			return err
		}
		base = s.Settings
	}
	want := settingsFor(base, &t.input)
	if s.SettingsKnown && want == s.Settings {
		return t.markAsking(ctx)
	}
	if t.isStored {
		t.isUnasked = true
	}
	if t.isStored && s.ID != t.created { // a created session is stored as one without settings
		if err := t.engine.opts.Store.MarkSettingsUnknown(ctx, s.ID, t.token); err != nil {
			return t.settingsError(ctx, err)
		}
	}
	s.SettingsKnown = false
	update := chat.Session{
		ID: s.ID, Settings: want, Object: s.Object, Fresh: s.ID == t.created || !s.CreatedByAchuan,
	}
	if s.ID == t.created && !t.engine.opts.NoTitles && !t.isSideTask {
		update.Title = title(t.engine.opts.TitlePrefix, t.request.Messages)
	}
	got, err := t.engine.opts.Platform.UpdateSession(ctx, update)
	if err != nil {
		return err
	}
	// The platform decides the context count. The rest is as it was asked: the platform
	// client has compared it.
	s.Settings, s.Object, s.SettingsKnown = want, got.Object, true
	s.Settings.ContextCount = got.ContextCount
	s.Preset.ContextCount = got.ContextCount
	if s.CreatedByAchuan {
		t.engine.preset.Store(&s.Preset)
	}
	return t.markAsking(ctx)
}

// markUnasked commits that the question is not sent yet, before the turn reads what the platform
// has of its session. If the process dies until markAsking is called, a repetition of the request
// is asked at once. Without a call of markUnasked or a PUT, the question follows the taking at
// once, and a repetition waits for its record.
func (t *turn) markUnasked() error {
	if t.isUnasked || !t.isStored || t.session.EndUnknown {
		return nil // the session of an unknown end keeps what it was taken for
	}
	t.isUnasked = true
	if err := t.engine.opts.Store.MarkUnasked(t.clientCtx, t.session.ID, t.token); err != nil {
		return t.settingsError(t.clientCtx, err)
	}
	return nil
}

// markAsking commits that the question is sent next, when the store says that it is not.
func (t *turn) markAsking(ctx context.Context) error {
	if !t.isUnasked || !t.isStored {
		return nil
	}
	if err := t.engine.opts.Store.MarkAsking(ctx, t.session.ID, t.token, t.session.Exchanges); err != nil {
		return t.settingsError(ctx, err)
	}
	t.isUnasked = false
	return nil
}

// knownPreset returns the preset of the session that was set up last, as a guess of what sessions
// of achuan are set to; the zero Settings when there was none.
func (e *Engine) knownPreset() chat.Settings {
	if p := e.preset.Load(); p != nil {
		return *p
	}
	return chat.Settings{}
}

// settingsError returns the error for a request whose settings cannot be changed because the
// store fails.
func (t *turn) settingsError(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrNotHeld):
		return leaseError()
	}
	t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	return storeUnavailableError(err)
}

// refreshSettings reads the settings of a session that achuan did not create, because its owner
// may have changed them elsewhere. A session that the list does not show is not lost: only the
// platform's answer to an update or a question proves that.
func (t *turn) refreshSettings(ctx context.Context) error {
	s := t.session
	found, err := t.engine.opts.Platform.FindSession(ctx, s.ID)
	if isLost(err) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Settings, s.Object, s.SettingsKnown = found.Settings, found.Object, true
	return nil
}
