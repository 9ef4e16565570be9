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
	case t.isSideTask():
		return t.placeSideTask()
	case ref.ID != 0:
		return t.placeByID(ref.ID)
	case ref.Name != "":
		return t.placeByName(NameKey{t.request.Caller.ID, t.request.Model, ref.Name})
	default:
		return t.placeByLineage(NameKey{})
	}
}

// placeSafely is place for which a panic is an error: what the turn has taken by then is
// given back.
func (t *turn) placeSafely() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = t.engine.panicked(t.turnCtx, v)
			if t.binding != nil {
				t.claimedName = &t.binding.Key // it may be
			}
			t.engine.undoTaking(t.token, 0, Hash{}) // after what its end commits
		}
	}()
	return t.place()
}

// scope is the scope of the turn's lineage.
func (t *turn) scope() NameKey {
	if t.binding == nil {
		return NameKey{}
	}
	return t.binding.Key
}

func (t *turn) origin(scope NameKey) *lineage {
	return origin(t.request.Caller.ID, t.engine.Host, scope)
}

// placeByLineage goes on in a free session that holds exactly the transcript up to
// its last answer, or else in a new one with the whole of it.
func (t *turn) placeByLineage(scope NameKey) error {
	t.replayReason = telemetry.ReplayHistory
	isKnown := false
	for r := range t.readings(scope) {
		isPlaced, wasHead, err := t.continueReading(r)
		if isPlaced || err != nil {
			return err
		}
		isKnown = isKnown || wasHead
	}
	return t.placeWhole(scope, isKnown && t.replayReason == telemetry.ReplayHistory)
}

// continueReading goes on in a free session with the reading's head. It reports whether
// the turn has its place, and whether some session had that head once.
func (t *turn) continueReading(r reading) (isPlaced, wasHead bool, err error) {
	text := newText(r.rest.shown, t.render)
	t.prepare(text, continueFrom(r.prefix).add(r.rest.messages...).head)
	claim := HeadQuery{
		Caller: t.request.Caller.ID, Head: r.head, Prefer: settingsFor(t.engine.knownPreset(), &t.input), Taking: t.taking,
		Instructions: instructionsDigest(t.request), Tools: toolsDigest(t.request),
	}
	for {
		asked := time.Now()
		s, once, err := t.match(claim)
		if err != nil {
			if t.clientCtx.Err() != nil {
				return false, false, context.Cause(t.clientCtx)
			}
			t.engine.storeFailed(t.clientCtx, telemetry.StoreRead, err)
			return true, false, t.placeWhole(t.scope(), false)
		}
		if s == nil {
			return false, once, nil
		}
		_, busy := t.engine.takenHere.Load(s.ID)
		t.trackTaken(s, asked)
		if busy {
			// A turn has it that the store has forgotten, as one does that crashed.
			s.State, s.EndUnknown, s.Head = StateDirty, true, Hash{}
			t.releaseSession(*s)
			continue
		}
		sound, err := t.isUnchanged(s)
		if err != nil {
			return false, false, err
		}
		if sound {
			t.nextHead = t.taking.Question
			return true, true, t.continueIn(text)
		}
		// Never matched again: it is not what its head says, or has no more room.
		s.Head = Hash{}
		t.releaseSession(*s)
	}
}

// match takes a session by its head. Who leaves meanwhile does not interrupt it:
// nobody would know then whether the session is taken, and it could not be put back.
func (t *turn) match(c HeadQuery) (*Session, bool, error) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	s, once, err := t.engine.Store.Match(ctx, c)
	if err != nil {
		t.engine.undoTaking(t.token, 0, c.Head)
	}
	return s, once, err
}

// trackTaken notes that the store gave the turn a session, by a call begun at asked.
func (t *turn) trackTaken(s *Session, asked time.Time) {
	t.engine.leases.begin(t.token, asked)
	release, ok := t.engine.sessions.tryTake(s.ID)
	if !ok {
		release = func() {} // someone in line for it has its place already
	}
	t.track(s.ID, release)
	t.setSession(s, true)
}

// track notes in this process that the turn has a session, until it is given back.
func (t *turn) track(id int64, release func()) {
	t.engine.takenHere.LoadOrStore(id, t.token)
	t.releases = append(t.releases, func() {
		t.engine.takenHere.CompareAndDelete(id, t.token)
		release()
	})
}

// setSession makes s the turn's session. It is taken; stored says that the store knows.
func (t *turn) setSession(s *Session, stored bool) {
	if t.maybeStored {
		t.engine.undoCreation(t.token, t.session.ID)
		t.maybeStored = false
	}
	t.session, t.original, t.isStored = s, *s, stored
}

// isUnchanged reports whether a session that was taken still is what its head says, and
// has room for the turn.
func (t *turn) isUnchanged(s *Session) (bool, error) {
	if !t.fitsContext(s) {
		t.replayReason = telemetry.ReplayContext
		return false, nil
	}
	t.replayReason = telemetry.ReplayChanged // unless it turns out to be sound
	if !t.engine.needsVerification(s) {
		return true, nil
	}
	same, err := t.engine.matchesRecords(t.clientCtx, s)
	switch {
	case t.clientCtx.Err() != nil:
		return false, context.Cause(t.clientCtx)
	case isLost(err):
		t.replayReason = telemetry.ReplayLost
		return false, nil
	case err != nil:
		t.logger.WarnContext(t.clientCtx, "a session could not be compared with the platform; its conversation goes on in a new one",
			telemetry.KeySession, s.ID, telemetry.KeyError, err)
		return false, nil
	}
	s.Verified = same
	return same, nil
}

// fitsContext reports whether the platform would still add all that the session holds to
// the question and to each of its repairs.
func (t *turn) fitsContext(s *Session) bool {
	return s.Exchanges != Uncounted && s.Exchanges+t.input.Repairs <= s.Settings.ContextCount
}

// prepare describes the taking of a session for the turn: text is sent there, after
// which its lineage is head (zero: not known).
func (t *turn) prepare(text string, head Hash) {
	t.taking = Taking{Token: t.token, Request: t.fingerprint, Sent: describeText(text), Question: head}
}

// continueIn places the turn in the session it has: text is what is new.
func (t *turn) continueIn(text string) error {
	t.setPlaced(chat.PlacementContinued, text)
	err := t.setUp(t.clientCtx)
	if isLost(err) {
		return t.recover()
	}
	return err
}

// placeWhole makes a new session for the whole transcript. known says that some
// session has been where the transcript was last answered.
func (t *turn) placeWhole(scope NameKey, known bool) error {
	placement := chat.PlacementReplayed
	if _, answered := afterLastAnswer(t.history.messages); !answered {
		placement = chat.PlacementNew
	} else if known {
		placement, t.replayReason = chat.PlacementForked, telemetry.ReplayFork
	}
	return t.placeNew(newSession{
		placement: placement, text: wholeText(t.history.shown, t.render),
		head: t.origin(scope).add(t.history.messages...).head,
	})
}

// newSession is what a new session is made for.
type newSession struct {
	placement chat.Placement
	text      string
	head      Hash           // lineage of the text; zero: not known
	preset    *chat.Settings // what a request that names nothing means; nil is the platform's own
}

// placeNew makes a session, sets it up, and sends text there.
func (t *turn) placeNew(n newSession) error {
	// For the turn's life, and not for as long as the client stays: a session that was
	// made while somebody left would be known to nobody, and never be deleted.
	created, err := t.engine.Platform.CreateSession(t.turnCtx, t.request.Model)
	if err != nil {
		return err
	}
	if n.preset == nil {
		n.preset = &created.Settings
	}
	now := time.Now()
	s := &Session{
		ID: created.ID, Caller: t.request.Caller.ID, Made: true, Addressing: t.addressing(), Name: t.scope().Name,
		State: StateFree, Verified: true, Preset: *n.preset, Settings: created.Settings, Object: created.Object,
		Created: now, LastUsed: now,
	}
	s.Preset.ContextCount = maxContext
	s.SettingsKnown = settingsFor(s.Preset, &t.input) == s.Settings
	t.prepare(n.text, n.head)
	if err := t.create(t.turnCtx, s); err != nil {
		return err
	}
	t.createdSession = s.ID
	t.nextHead = n.head
	if n.placement != chat.PlacementNew {
		t.engine.Metrics.Replayed(t.replayReason)
	}
	t.setPlaced(n.placement, n.text)
	err = t.setUp(t.setUpContext())
	if isLost(err) {
		return lostError(err)
	}
	return err
}

// create stores a new session as taken. When the store is not to be had, the session
// serves this answer alone: nothing is lost, for its client sends the whole
// transcript again. One that comes back by id, name or key does not.
func (t *turn) create(ctx context.Context, s *Session) error {
	asked := time.Now()
	err := t.engine.Store.Create(ctx, *s, t.taking)
	switch {
	case err == nil:
		t.taking.describe(s, asked)
		t.trackTaken(s, asked)
		return nil
	case errors.Is(err, ErrTaken):
		return &chat.Error{
			Kind: chat.KindBackend, Code: chat.CodeBackendError, Cause: err,
			Message: "The platform gave a new session the id of another one. Try again.",
		}
	case ctx.Err() != nil:
		t.engine.undoCreation(t.token, s.ID)
		t.abandon(s.ID)
		return context.Cause(ctx)
	}
	t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	if t.keyed() || t.request.Session != (chat.SessionRef{}) && !t.isSideTask() {
		t.engine.undoCreation(t.token, s.ID)
		t.abandon(s.ID)
		return storeUnavailableError(err) // its next request could not find it
	}
	t.setSession(s, false)
	t.maybeStored = true
	return nil
}

// abandon deletes a session that was made and that nobody would find: not even the
// clean-up.
func (t *turn) abandon(id int64) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	t.engine.abandon(ctx, id)
}

func (e *Engine) abandon(ctx context.Context, id int64) {
	if err := e.delete(ctx, id); err != nil {
		e.Logger.WarnContext(ctx, "a session that is of no use stays on the platform", telemetry.KeySession, id, telemetry.KeyError, err)
	}
}

// abandonSoon is abandon for when its client waits for an error.
func (t *turn) abandonSoon(id int64) {
	t.engine.background(t.turnCtx, func(context.Context) { t.abandon(id) })
}

// addressing is how the session of this turn may be come back to.
func (t *turn) addressing() Addressing {
	switch {
	case t.isSideTask():
		return Throwaway
	case t.request.Session.ID != 0:
		return ByID
	case t.binding != nil:
		return ByName
	}
	return ByLineage
}

// untrack gives back what was taken last.
func (t *turn) untrack() {
	last := len(t.releases) - 1
	t.releases[last]()
	t.releases = t.releases[:last]
}
