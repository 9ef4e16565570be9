package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// place finds the turn its session and sets the session up.
func (t *turn) place() error {
	switch ref := t.request.Session; {
	case t.aside():
		return t.placeAside()
	case ref.ID != 0:
		return t.placeByID(ref.ID)
	case ref.Name != "":
		return t.placeByName(NameKey{t.request.Caller.ID, t.request.Model, ref.Name})
	default:
		return t.placeByLineage(NameKey{})
	}
}

// scope is the scope of the turn's lineage.
func (t *turn) scope() NameKey {
	if t.bind == nil {
		return NameKey{}
	}
	return t.bind.Key
}

func (t *turn) origin(scope NameKey) *lineage {
	return origin(t.request.Caller.ID, t.engine.Host, scope)
}

// placeByLineage goes on in a free session that holds exactly the transcript up to
// its last answer, or else in a new one with the whole of it.
func (t *turn) placeByLineage(scope NameKey) error {
	transcript := t.request.Transcript()
	rest, answered := afterLastAnswer(transcript)
	if !answered || len(rest) == 0 {
		return t.placeWhole(scope, false)
	}
	prefix := t.origin(scope).add(transcript[:len(transcript)-len(rest)]...).head
	want := settingsFor(t.engine.usualPreset(), &t.q)
	for gone := false; ; gone = true {
		asked := time.Now()
		s, once, err := t.engine.Store.Match(t.client, Claim{Caller: t.request.Caller.ID, Head: prefix, Prefer: want, Token: t.token})
		if err != nil {
			if t.client.Err() != nil {
				return context.Cause(t.client)
			}
			t.engine.storeFailed(t.client, err)
			return t.placeWhole(scope, false)
		}
		if s == nil {
			return t.placeWhole(scope, once && !gone)
		}
		_, busy := t.engine.asked.Load(s.ID)
		t.taken(s, asked)
		if busy {
			// A turn has it that the store has forgotten, as one does that crashed.
			s.State, s.Unseen, s.Head = StateDirty, true, Hash{}
			t.give(*s)
			continue
		}
		sound, err := t.sound(s)
		if err != nil {
			return err
		}
		if sound {
			t.head = from(prefix).add(rest...).head
			return t.continueIn(rest)
		}
		// Never matched again: it is not what its head says, or has no more room.
		s.Head = Hash{}
		t.give(*s)
	}
}

// taken notes that the store gave the turn a session, by a call begun at asked.
func (t *turn) taken(s *Session, asked time.Time) {
	t.engine.leases.begin(t.token, asked)
	release, ok := t.engine.sessions.tryTake(s.ID)
	if !ok {
		release = func() {} // someone in line for it has its place already
	}
	t.hold(s.ID, release)
	t.use(s, true)
}

// hold notes in this process that the turn has a session, until it is given back.
func (t *turn) hold(id int64, release func()) {
	t.engine.asked.LoadOrStore(id, t.token)
	t.holds = append(t.holds, func() {
		t.engine.asked.CompareAndDelete(id, t.token)
		release()
	})
}

// use makes s the turn's session. It is taken; stored says that the store knows.
func (t *turn) use(s *Session, stored bool) {
	t.session, t.before, t.stored = s, *s, stored
}

// sound reports whether a session that was taken still is what its head says, and
// has room for the turn.
func (t *turn) sound(s *Session) (bool, error) {
	if !t.fits(s) {
		return false, nil
	}
	if s.Verified && time.Since(s.Used) <= t.engine.VerifyIdle {
		return true, nil
	}
	same, err := t.engine.unchanged(t.client, s)
	switch {
	case t.client.Err() != nil:
		return false, context.Cause(t.client)
	case lost(err):
		return false, nil
	case err != nil:
		t.log.WarnContext(t.client, "a session could not be compared with the platform; its conversation goes on in a new one",
			telemetry.KeySession, s.ID, telemetry.KeyError, err)
		return false, nil
	}
	s.Verified = same
	return same, nil
}

// fits reports whether the platform would still add all that the session holds to
// the question and to each of its repairs.
func (t *turn) fits(s *Session) bool {
	return s.Exchanges != Uncounted && s.Exchanges+t.q.Repairs <= s.Settings.ContextCount
}

// continueIn places the turn in the session it has: rest is what is new.
func (t *turn) continueIn(rest []chat.Message) error {
	t.at(chat.PlacementContinued, newText(rest, t.engine.Render))
	err := t.setUp(t.client)
	if lost(err) {
		return t.recover()
	}
	return err
}

// placeWhole makes a new session for the whole transcript. known says that some
// session has been where the transcript was last answered.
func (t *turn) placeWhole(scope NameKey, known bool) error {
	transcript := t.request.Transcript()
	placement := chat.PlacementReplayed
	if _, answered := afterLastAnswer(transcript); !answered {
		placement = chat.PlacementNew
	} else if known {
		placement = chat.PlacementForked
	}
	return t.placeNew(newPlace{
		placement: placement, text: wholeText(transcript, t.engine.Render),
		head: t.origin(scope).add(transcript...).head,
	})
}

// newPlace is what a new session is made for.
type newPlace struct {
	placement chat.Placement
	text      string
	head      Hash           // lineage of the text; zero: not known
	preset    *chat.Settings // what a request that names nothing means; nil is the platform's own
}

// placeNew makes a session, sets it up, and sends text there.
func (t *turn) placeNew(n newPlace) error {
	ctx := t.setUpContext()
	created, err := t.engine.Platform.CreateSession(ctx, t.request.Model)
	if err != nil {
		return err
	}
	if n.preset == nil {
		n.preset = &created.Settings
	}
	now := time.Now()
	s := &Session{
		ID: created.ID, Caller: t.request.Caller.ID, Made: true, Reach: t.reach(), Name: t.scope().Name,
		State: StateFree, Verified: true, Preset: *n.preset, Settings: created.Settings, Object: created.Object,
		Created: now, Used: now,
	}
	s.Preset.ContextCount = mostContext
	s.Known = settingsFor(s.Preset, &t.q) == s.Settings
	if err := t.keep(ctx, s); err != nil {
		return err
	}
	t.head = n.head
	t.at(n.placement, n.text)
	err = t.setUp(ctx)
	if lost(err) {
		return lostAgain(err)
	}
	return err
}

// keep stores a new session as taken. When the store is not to be had, the session
// serves this answer alone: nothing is lost, for nobody finds it again.
func (t *turn) keep(ctx context.Context, s *Session) error {
	asked := time.Now()
	err := t.engine.Store.Create(ctx, *s, t.token)
	switch {
	case err == nil:
		t.taken(s, asked)
		return nil
	case errors.Is(err, ErrTaken):
		return &chat.Error{
			Kind: chat.KindBackend, Code: chat.CodeBackendError, Cause: err,
			Message: "The platform gave a new session the id of another one. Try again.",
		}
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	t.engine.storeFailed(ctx, err)
	t.use(s, false)
	return nil
}

// reach is how the session of this turn may be come back to.
func (t *turn) reach() Reach {
	switch {
	case t.aside():
		return ReachThrowaway
	case t.request.Session.ID != 0:
		return ReachID
	case t.bind != nil:
		return ReachName
	}
	return ReachLineage
}

// setUpContext is the client's interest while nothing has been asked, and the
// turn's own life afterwards.
func (t *turn) setUpContext() context.Context {
	if t.recovered {
		return t.life
	}
	return t.client
}

// setUp brings the session's settings to what the request asks for. That they are
// about to change is committed first: a crash in between must not leave them
// believed.
func (t *turn) setUp(ctx context.Context) error {
	s := t.session
	base := s.Settings
	if s.Made {
		base = s.Preset
	}
	want := settingsFor(base, &t.q)
	if s.Known && want == s.Settings {
		return nil
	}
	if !s.Made {
		var err error
		if want, err = t.refresh(ctx); err != nil || s.Settings == want {
			return err
		}
	}
	if s.Known && t.stored {
		if err := t.engine.Store.Unknow(ctx, s.ID, t.token); err != nil {
			return t.unset(ctx, err)
		}
	}
	s.Known = false
	got, err := t.engine.Platform.UpdateSession(ctx, chat.Session{ID: s.ID, Settings: want, Object: s.Object})
	if err != nil {
		return err
	}
	// The platform's word on the context is believed; the rest is as it was asked,
	// for the platform client has compared it.
	s.Settings, s.Object, s.Known = want, got.Object, true
	s.Settings.ContextCount = got.ContextCount
	s.Preset.ContextCount = got.ContextCount
	if s.Made {
		t.engine.preset.Store(&s.Preset)
	}
	return nil
}

// usualPreset is what sessions that achuan made are set to where a request names
// nothing, as far as it is known.
func (e *Engine) usualPreset() chat.Settings {
	if p := e.preset.Load(); p != nil {
		return *p
	}
	return chat.Settings{}
}

// unset says why settings are not touched when the store cannot be told.
func (t *turn) unset(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, ErrNotHeld):
		return leaseLost()
	}
	t.engine.storeFailed(ctx, err)
	return storeUnavailable(err)
}

// refresh reads a session that achuan did not make anew, because its owner may
// have changed it elsewhere, and returns what it is to be set to.
func (t *turn) refresh(ctx context.Context) (chat.Settings, error) {
	s := t.session
	found, err := t.engine.Platform.FindSession(ctx, s.ID)
	if err != nil {
		return chat.Settings{}, err
	}
	s.Settings, s.Object, s.Known = found.Settings, found.Object, true
	return settingsFor(s.Settings, &t.q), nil
}

// letGo gives back what was taken last.
func (t *turn) letGo() {
	last := len(t.holds) - 1
	t.holds[last]()
	t.holds = t.holds[:last]
}
