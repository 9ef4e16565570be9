package conversation

import (
	"context"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// place finds or creates the session of the turn and sets it up.
func (t *turn) place() error {
	switch ref := t.request.Session; {
	case t.isSideTask:
		return t.placeWhole(NameKey{}, false)
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

// origin begins the lineage of the request in a scope.
func (t *turn) origin(scope NameKey) *lineage {
	return origin(t.request.Caller.ID, t.engine.opts.Host, scope).withKey(t.engine.opts.CallKey)
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
	content := contentOfRest(r.rest.shown, t.renderer())
	if err := t.checkSize(content, ""); err != nil {
		return false, false, err
	}
	t.prepare(content, r.whole)
	query := HeadQuery{
		Caller: t.request.Caller.ID, Head: r.head, Taking: t.taking,
		Prefer:       settingsFor(t.engine.knownPreset(), &t.input),
		Instructions: t.instructions, Tools: t.tools,
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
			return true, true, t.continueIn(content)
		}
		// It must not match again: it differs from its head, or its context is full.
		s.Head = Hash{}
		t.releaseSession(*s)
	}
}

// isUnchanged reports whether a session that was taken still is what its head says, and whether
// the turn fits its context.
func (t *turn) isUnchanged(s *Session) (bool, error) {
	if !fitsContext(s, t.input.Repairs) {
		t.replayReason = telemetry.ReplayContext
		return false, nil
	}
	t.replayReason = telemetry.ReplayChanged // kept only if the session has changed
	if !t.engine.needsVerification(s) {
		return true, nil
	}
	if err := t.markUnasked(); err != nil {
		if t.clientCtx.Err() != nil {
			return false, err
		}
		t.engine.storeFailed(t.clientCtx, telemetry.StoreWrite, err)
		return false, nil // as when the store does not answer to Match
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
func fitsContext(s *Session, repairs int) bool {
	return s.Exchanges != Uncounted && s.Exchanges+repairs <= s.Settings.ContextCount
}

// continueIn places the turn in the session that it has. content is what is new.
func (t *turn) continueIn(content chat.Content) error {
	if err := t.setPlaced(chat.PlacementContinued, content); err != nil {
		return err
	}
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
	if _, answered := afterLastAnswer(t.usual.history.messages); !answered {
		placement = chat.PlacementNew
	} else if isKnown {
		placement, t.replayReason = chat.PlacementForked, telemetry.ReplayFork
	}
	return t.placeNew(newSession{
		placement: placement, content: contentOfTranscript(t.usual.history.shown, t.renderer()),
		head: t.wholeIn(scope),
	})
}

// replaceLost moves the turn from a session that the platform lost to a new one with the whole
// transcript.
func (t *turn) replaceLost() error {
	old, original, wasStored := *t.session, t.original, t.isStored
	if t.stream != nil {
		t.stream.Close()
		t.stream = nil
	}
	t.isRecovered, t.isSent, t.replayReason = true, false, telemetry.ReplayLost
	t.resumed = nil // the records are lost too
	if err := t.placeWhole(t.scope(), false); err != nil {
		if wasStored {
			t.returnSession(original)
		}
		return err
	}
	switch {
	case wasStored && original.State == StateRetired:
		t.returnSession(original) // another session has replaced it already
	case wasStored:
		t.replaces = &replacedSession{original, StateLost, old.CreatedByAchuan}
	}
	t.logger.InfoContext(t.turnCtx, "lost session replaced", telemetry.KeyReplaced, old.ID,
		telemetry.KeySession, t.session.ID, telemetry.KeyPlacement, t.placed.Load().placement)
	return nil
}

// setPlaced records the placement of the turn and what it asks.
func (t *turn) setPlaced(p chat.Placement, content chat.Content) error {
	if err := t.writeQuestion(content); err != nil {
		return err
	}
	t.placed.Store(&placed{t.session.ID, p})
	return nil
}

// placed is the session that answers, and how the request got it.
type placed struct {
	session   int64
	placement chat.Placement
}

// placement is the session that a turn has, and what the turn does with it.
type placement struct {
	placed    atomic.Pointer[placed] // the session and how the request got it, for other goroutines
	session   *Session               // taken; the turn writes its new state here
	original  Session                // as it was when it was taken
	taking    Taking                 // what the session is taken for
	isStored  bool                   // the session is in the store, taken under the turn's token
	isUnasked bool                   // the store has it as one whose question is not sent yet
	// maybeStored says that it is not known whether the session is in the store.
	maybeStored  bool
	created      int64 // id of the session that this turn created last; 0 for none
	isDiscovered bool  // the turn found its session in the platform's list
	isRecovered  bool  // the turn has replaced a lost session

	nextHead     Hash                   // lineage of the session after the question; zero: not known
	replayReason telemetry.ReplayReason // why the turn replays, for the metrics
	binding      *NameBinding           // the name that means the session when it has answered; nil for none
	claimedName  *NameKey               // the name that the turn has claimed and that means nothing yet
	resumed      *resumption            // for an interrupted turn; nil for one that is asked
	replaces     *replacedSession       // the session that this one replaces when it has answered; nil for none
	replacing    *Replacement           // what the turn's end replaces; nil for nothing
	releases     []func()               // release what was taken in this process, in that order
}

// scope returns the scope of the turn's lineage.
func (p *placement) scope() NameKey {
	if p.binding == nil {
		return NameKey{}
	}
	return p.binding.Key
}

// sessionID returns the id of the session that answers, on any goroutine; 0 before the turn is
// placed.
func (p *placement) sessionID() int64 {
	if w := p.placed.Load(); w != nil {
		return w.session
	}
	return 0
}

// untrack releases what was tracked last.
func (p *placement) untrack() {
	last := len(p.releases) - 1
	p.releases[last]()
	p.releases = p.releases[:last]
}
