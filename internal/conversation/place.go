package conversation

import (
	"context"

	"achuan/internal/chat"
)

// place finds the turn its session and sets the session up.
func (t *turn) place() error {
	switch ref := t.request.Session; {
	case ref.ID != 0:
		return t.placeByID(ref.ID)
	case ref.Name != "":
		return t.placeByName(name{t.request.Caller.ID, t.request.Model, ref.Name})
	default:
		return t.placeWhole()
	}
}

// placeByID goes on in the session that the client named.
func (t *turn) placeByID(id int64) error {
	rest, _ := afterLastAnswer(t.request.Transcript())
	if len(rest) == 0 {
		return chat.Invalid(chat.CodeInvalidValue, "messages",
			"With a session id only what follows the last assistant message is sent, and nothing follows it.")
	}
	s, err := t.holdByID(id)
	if err != nil {
		return err
	}
	if s == nil {
		return t.placeWhole() // a made-up id, or one that the platform lost
	}
	return t.continueIn(s, rest)
}

// holdByID finds and takes the session with that id; nil means that there is no
// such session any more and the conversation starts anew.
func (t *turn) holdByID(id int64) (*session, error) {
	caller := t.request.Caller.ID
	for {
		s := t.engine.known.session(caller, id)
		switch {
		case s == nil && caller != chat.AnonymousID, s != nil && s.caller != caller:
			return nil, notFound()
		case s == nil && t.engine.Shared:
			return nil, nil
		case s == nil:
			var err error
			if s, err = t.discover(id); s == nil || err != nil {
				return nil, err
			}
		}
		if err := t.hold(s); err != nil {
			return nil, err
		}
		// While it waited, the session may have been replaced.
		if t.engine.known.session(caller, id) == s {
			return s, nil
		}
		t.letGo()
	}
}

// discover reads a session that achuan did not make from the platform's list.
func (t *turn) discover(id int64) (*session, error) {
	found, err := t.engine.Platform.FindSession(t.client, id)
	if lost(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return t.engine.known.add(&session{id: id, caller: t.request.Caller.ID, platform: found, known: true}), nil
}

// placeByName goes on in the session that the name means. A name that has come
// with a history is a mere scope: each chat in it is placed by its transcript.
func (t *turn) placeByName(n name) error {
	t.name = &n
	transcript := t.request.Transcript()
	if !lone(transcript) {
		t.history = true
		return t.placeWhole()
	}
	if t.engine.known.name(n).history {
		return t.placeWhole()
	}
	release, err := t.engine.names.take(t.client, n)
	if err != nil {
		return err
	}
	t.holds = append(t.holds, release)
	meant := t.engine.known.name(n)
	if meant.history {
		return t.placeWhole()
	}
	if meant.session == 0 {
		if err := t.placeWhole(); err != nil {
			return err
		}
		// From now on, so that a first turn that fails does not lose its question.
		t.engine.known.rename(n, t.session.id, false)
		return nil
	}
	s, err := t.holdByID(meant.session)
	if err != nil {
		return err
	}
	if s == nil {
		return t.placeWhole()
	}
	return t.continueIn(s, transcript)
}

// continueIn places the turn in a session it holds: rest is what is new.
func (t *turn) continueIn(s *session, rest []chat.Message) error {
	if s.unseen {
		return t.rebuild(s, rest)
	}
	t.at(s, chat.PlacementContinued, newText(rest, t.engine.Render))
	err := t.engine.setUp(t.client, s, t.request)
	if lost(err) {
		return t.recover()
	}
	return err
}

// placeWhole makes a new session for the whole transcript.
func (t *turn) placeWhole() error {
	transcript := t.request.Transcript()
	placement := chat.PlacementReplayed
	if _, answered := afterLastAnswer(transcript); !answered {
		placement = chat.PlacementNew
	}
	return t.placeNew(placement, wholeText(transcript, t.engine.Render), nil)
}

// placeNew makes a session, takes it, sets it up, and sends text there. What the
// request does not name is as in preset, by default the platform's own.
func (t *turn) placeNew(p chat.Placement, text string, preset *chat.Settings) error {
	ctx := t.setUpContext()
	created, err := t.engine.Platform.CreateSession(ctx, t.request.Model)
	if err != nil {
		return err
	}
	if preset == nil {
		preset = &created.Settings
	}
	s := &session{
		id: created.ID, caller: t.request.Caller.ID, made: true,
		preset: *preset, platform: created, known: true,
	}
	s.preset.ContextCount = mostContext
	t.engine.known.add(s)
	if err := t.hold(s); err != nil {
		return err
	}
	t.at(s, p, text)
	err = t.engine.setUp(ctx, s, t.request)
	if lost(err) {
		return lostAgain(err)
	}
	return err
}

// setUpContext is the client's interest while nothing has been asked, and the
// turn's own life afterwards.
func (t *turn) setUpContext() context.Context {
	if t.recovered {
		return t.life
	}
	return t.client
}

// setUp brings the session's settings to what the request asks for.
func (e *Engine) setUp(ctx context.Context, s *session, r *chat.Request) error {
	base := s.platform.Settings
	if s.made {
		base = s.preset
	}
	want := s.platform
	want.Settings = settingsFor(base, r)
	if s.known && want.Settings == s.platform.Settings {
		return nil
	}
	s.known = false
	got, err := e.Platform.UpdateSession(ctx, want)
	if err != nil {
		return err
	}
	s.platform, s.known = got, true
	// The platform's word on the context is believed; the rest is as it was asked,
	// for the platform client has compared it.
	s.platform.Settings = want.Settings
	s.platform.ContextCount = got.ContextCount
	s.preset.ContextCount = got.ContextCount
	return nil
}

// hold takes the session, waiting in its line.
func (t *turn) hold(s *session) error {
	release, err := t.engine.sessions.take(t.client, s.id)
	if err != nil {
		return err
	}
	t.holds = append(t.holds, release)
	return nil
}

// letGo gives back what was taken last.
func (t *turn) letGo() {
	last := len(t.holds) - 1
	t.holds[last]()
	t.holds = t.holds[:last]
}

func notFound() *chat.Error {
	return &chat.Error{
		Kind: chat.KindNotFound, Code: chat.CodeSessionNotFound, Param: "session",
		Message: "No such session. Leave the session id out to start a new one.",
	}
}
