package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// place finds or creates the session of the turn and sets it up.
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

// placeSafely is place with a panic as its error. It releases what the turn has taken by then.
func (t *turn) placeSafely() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = t.engine.logPanic(t.turnCtx, v)
			if t.binding != nil {
				t.claimedName = &t.binding.Key // the store may have claimed it
			}
			t.engine.undoTaking(t.token, 0, Hash{}) // after the writes of the turn's end
		}
	}()
	return t.place()
}

// scope returns the scope of the turn's lineage.
func (t *turn) scope() NameKey {
	if t.binding == nil {
		return NameKey{}
	}
	return t.binding.Key
}

func (t *turn) origin(scope NameKey) *lineage {
	return origin(t.request.Caller.ID, t.engine.Host, scope)
}

// placeByLineage continues a free session that holds exactly the transcript up to its last
// answer. Without one, it replays the whole transcript into a new session.
func (t *turn) placeByLineage(scope NameKey) error {
	t.replayReason = telemetry.ReplayHistory
	isKnown := false
	for r := range t.readings(scope) {
		isPlaced, wasHead, err := t.continueFromReading(r)
		if isPlaced || err != nil {
			return err
		}
		isKnown = isKnown || wasHead
	}
	return t.placeWhole(scope, isKnown && t.replayReason == telemetry.ReplayHistory)
}

// continueFromReading continues a free session with the head of the reading. isPlaced reports
// whether the turn has a session, and wasHead whether any session had that head once.
func (t *turn) continueFromReading(r reading) (isPlaced, wasHead bool, err error) {
	text := textOfRest(r.rest.shown, t.render)
	t.prepare(text, continueFrom(r.prefix).add(r.rest.messages...).head)
	query := HeadQuery{
		Caller: t.request.Caller.ID, Head: r.head, Prefer: settingsFor(t.engine.knownPreset(), &t.input), Taking: t.taking,
		Instructions: instructionsDigest(t.request), Tools: toolsDigest(t.request),
	}
	for {
		asked := time.Now()
		s, wasKnown, err := t.matchHead(query)
		if err != nil {
			if t.clientCtx.Err() != nil {
				return false, false, context.Cause(t.clientCtx)
			}
			t.engine.storeFailed(t.clientCtx, telemetry.StoreRead, err)
			return true, false, t.placeWhole(t.scope(), false)
		}
		if s == nil {
			return false, wasKnown, nil
		}
		_, busy := t.engine.takenHere.Load(s.ID)
		t.trackTaken(s, asked)
		if busy {
			// A turn has it whose taking the store has lost, for example in a crash.
			s.State, s.EndUnknown, s.Head = StateDirty, true, Hash{}
			t.releaseSession(*s)
			continue
		}
		isSound, err := t.isUnchanged(s)
		if err != nil {
			return false, false, err
		}
		if isSound {
			t.nextHead = t.taking.Question
			return true, true, t.continueIn(text)
		}
		// It must not match again: it differs from its head, or its context is full.
		s.Head = Hash{}
		t.releaseSession(*s)
	}
}

// matchHead takes a session by its head. It is not cancelled when the client leaves, because
// nobody would know then whether the session is taken.
func (t *turn) matchHead(c HeadQuery) (*Session, bool, error) {
	ctx, cancel := t.detachedContext()
	defer cancel()
	s, once, err := t.engine.Store.Match(ctx, c)
	if err != nil {
		t.engine.undoTaking(t.token, 0, c.Head)
	}
	return s, once, err
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
	t.session, t.original, t.isStored = s, *s, isStored
}

// isUnchanged reports whether a session that was taken still is what its head says, and whether
// the turn fits its context.
func (t *turn) isUnchanged(s *Session) (bool, error) {
	if !t.fitsContext(s) {
		t.replayReason = telemetry.ReplayContext
		return false, nil
	}
	t.replayReason = telemetry.ReplayChanged // kept only if the session has changed
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
		t.logger.WarnContext(t.clientCtx, "a session could not be compared with the platform; its conversation continues in a new one",
			telemetry.KeySession, s.ID, telemetry.KeyError, err)
		return false, nil
	}
	s.Verified = same
	return same, nil
}

// fitsContext reports whether the platform would still show the model all exchanges of the
// session, with the question and each of its repairs.
func (t *turn) fitsContext(s *Session) bool {
	return s.Exchanges != Uncounted && s.Exchanges+t.input.Repairs <= s.Settings.ContextCount
}

// prepare describes the taking of a session for the turn. text is what is sent, and head the
// lineage after it (zero: not known).
func (t *turn) prepare(text string, head Hash) {
	t.taking = Taking{Token: t.token, Request: t.fingerprint, Sent: describeText(text), Question: head}
}

// continueIn places the turn in the session that it has. text is what is new.
func (t *turn) continueIn(text string) error {
	t.setPlaced(chat.PlacementContinued, text)
	err := t.setUp(t.clientCtx)
	if isLost(err) {
		return t.replaceLost()
	}
	return err
}

// placeWhole creates a session for the whole transcript. isKnown says that another session holds,
// or held, the transcript up to its last answer.
func (t *turn) placeWhole(scope NameKey, isKnown bool) error {
	placement := chat.PlacementReplayed
	if _, answered := afterLastAnswer(t.history.messages); !answered {
		placement = chat.PlacementNew
	} else if isKnown {
		placement, t.replayReason = chat.PlacementForked, telemetry.ReplayFork
	}
	return t.placeNew(newSession{
		placement: placement, text: textOfTranscript(t.history.shown, t.render),
		head: t.origin(scope).add(t.history.messages...).head,
	})
}

// newSession describes the session that a turn creates.
type newSession struct {
	placement chat.Placement
	text      string
	head      Hash           // lineage after the text; zero: not known
	preset    *chat.Settings // the values for what a request does not name; nil means the platform's own
}

// placeNew creates a session, sets it up and places the turn there.
func (t *turn) placeNew(n newSession) error {
	// The client does not cancel this call: a session that was created while the client left
	// would be in no store, and no clean-up would delete it.
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

// create stores a new session as taken. When the store is not available, the session serves this
// answer alone. Nothing is lost, because the client sends the whole transcript again. A client
// that continues by id, name or key does not, so it gets an error.
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
		t.deleteUnstored(s.ID)
		return context.Cause(ctx)
	}
	t.engine.storeFailed(ctx, telemetry.StoreWrite, err)
	if t.hasKey() || t.request.Session != (chat.SessionRef{}) && !t.isSideTask() {
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
		e.Logger.WarnContext(ctx, "a useless session stays on the platform", telemetry.KeySession, id, telemetry.KeyError, err)
	}
}

// deleteUnstoredSoon is deleteUnstored in the background, for when the client waits for an error.
func (t *turn) deleteUnstoredSoon(id int64) {
	t.engine.background(t.turnCtx, func(context.Context) { t.deleteUnstored(id) })
}

// addressing says how later requests reach the session of this turn.
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

// untrack releases what was tracked last.
func (t *turn) untrack() {
	last := len(t.releases) - 1
	t.releases[last]()
	t.releases = t.releases[:last]
}
