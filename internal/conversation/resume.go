package conversation

import (
	"context"
	"slices"
	"strings"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

const (
	minRecordPoll   = 250 * time.Millisecond // between two looks for a record, at first
	maxRecordPoll   = 3 * time.Second        // between two looks for a record
	maxRecordErrors = 4                      // looks that fail in a row
	// maxRepairWait bounds the wait for the record of a repair that the interrupted turn
	// may have asked for. No record shows whether it had.
	maxRepairWait = time.Minute
	// maxClockSkew is how far the platform's clock may be behind the store's.
	maxClockSkew = 2 * time.Minute
)

// resumption answers a turn from the platform's records, because the process that asked
// the question died. The platform went on with the answer and stored it.
type resumption struct {
	was       Session       // as the interrupted taking left it
	until     time.Time     // how long the question's record may take
	records   []chat.Record // newer than what was passed on, oldest first
	found     bool          // the question's record was found
	late      bool          // it was not there at first, so no repair had been asked yet
	hasOthers bool          // the session holds a question that is not the turn's
	uncertain bool          // a repair was asked that may have been asked before
}

// enter asks the store where the answer to a request is, and returns when it asked. It
// is not interrupted when the client leaves: nobody would know then what is taken. A
// taking for the same request whose process may be dead is waited for: until its lease is
// extended, because the process lives, or until it runs out.
func (e *Engine) enter(ctx context.Context, entry TurnRequest) (found TurnResult, asked time.Time, err error) {
	for before := time.Duration(0); ; {
		asked = time.Now()
		found, err = e.enterOnce(ctx, entry)
		if err != nil || found.Running == nil || entry.Turn.Key != (Hash{}) {
			return found, asked, err
		}
		left := found.Running.Lease
		isExtended := before > 0 && left > before || !e.Store.HasLeases() // the only process is alive
		isAlive := !entry.Retried && left > e.Lease-e.Lease*2/5           // extended at its last beat
		if _, isHere := e.liveTurns.Load(found.Running.Token); isHere || isAlive || isExtended {
			return found, asked, nil
		}
		before = left
		if err := sleep(ctx, pollInterval); err != nil {
			return TurnResult{}, asked, err
		}
	}
}

// undoEntry gives back what Enter may have taken, when its outcome is unknown.
func (e *Engine) undoEntry(entry TurnRequest) {
	e.undoTaking(entry.Turn.Token, 0, Hash{})
	if entry.Turn.Key != (Hash{}) {
		e.undoTurn(entry.Turn.Token)
	}
}

func (e *Engine) enterOnce(ctx context.Context, entry TurnRequest) (TurnResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return e.Store.AttachOrBegin(ctx, entry)
}

// resume places the turn in the session of an interrupted turn for the same request,
// which Enter took at the moment asked.
func (t *turn) resume(s *Session, asked time.Time) {
	t.trackTaken(s, asked)
	t.resumed = &resumption{was: *s, until: s.Taken.Add(maxDetached)}
	t.nextHead = s.Question
	// The name of a session that was rebuilt meanwhile means the one that has its place.
	if name := t.request.Session.Name; name != "" && !t.isSideTask() && s.State != StateRetired {
		t.binding = &NameBinding{Key: NameKey{t.request.Caller.ID, t.request.Model, name}, History: !isLoneMessage(t.request.Transcript())}
	}
	setCallSeed(t.input.Shaper, s.Turn)
	t.noteTools()
	t.placed.Store(&placed{s.ID, chat.PlacementAttached})
	t.engine.Metrics.Attached(telemetry.AttachInterrupted)
	t.logger.InfoContext(t.turnCtx, "answering from the platform's records: the turn that asked was interrupted", telemetry.KeySession, s.ID)
}

// openRecord returns the stored answer to the question of a resumed turn, or to the
// repair that comes next. It waits for the record. nil means that t.text is to be asked;
// by then the turn may have another session.
func (t *turn) openRecord() (chat.Stream, error) {
	r := t.resumed
	if r.found {
		return t.openRepair()
	}
	for wait := minRecordPoll; ; wait = min(wait*3/2, maxRecordPoll) {
		records, err := t.newRecords()
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(records, func(rec chat.Record) bool { return r.was.Sent.isIn(rec.UserText, t.input.Preamble) })
		switch {
		case at >= 0:
			r.found, r.hasOthers, r.records = true, at > 0, records[at+1:]
			return t.playRecord(records[at]), nil
		case slices.ContainsFunc(records, func(rec chat.Record) bool { return r.was.mayFollow(rec) }):
			return nil, t.askAfterAll(false) // somebody has gone on there: the question was never asked
		case r.was.Unasked || t.engine.unasked.has(r.was.Turn) || time.Now().After(r.until):
			return nil, t.askAfterAll(len(records) == 0)
		}
		r.late = true
		if err := sleep(t.turnCtx, wait); err != nil {
			return nil, err
		}
	}
}

// openRepair is openRecord for a repair.
func (t *turn) openRepair() (chat.Stream, error) {
	r, repair := t.resumed, describeText(t.question)
	until := time.Now().Add(maxRepairWait)
	for wait := minRecordPoll; ; wait = min(wait*3/2, maxRecordPoll) {
		switch {
		case len(r.records) > 0 && repair.isIn(r.records[0].UserText, ""):
			record := r.records[0]
			r.records = r.records[1:]
			return t.playRecord(record), nil
		case len(r.records) > 0:
			r.hasOthers = true
			return nil, nil //nolint:nilnil // the repair is asked
		case r.late || time.Now().After(until):
			r.uncertain = !r.late
			return nil, nil //nolint:nilnil // the repair is asked
		}
		if err := sleep(t.turnCtx, wait); err != nil {
			return nil, err
		}
		records, err := t.newRecords()
		if err != nil {
			return nil, err
		}
		r.records = records[min(t.answeredQuestions, len(records)):]
	}
}

// newRecords reads the records that came into the session after it was taken, oldest
// first. It repeats what fails.
func (t *turn) newRecords() ([]chat.Record, error) {
	for failed := 1; ; failed++ {
		page, err := t.engine.Platform.Records(t.turnCtx, t.resumed.was.ID, 1)
		if err == nil {
			records := t.resumed.was.newerThanKnown(page)
			slices.Reverse(records)
			return records, nil
		}
		if isLost(err) || failed == maxRecordErrors || t.turnCtx.Err() != nil {
			return nil, err
		}
		if err := sleep(t.turnCtx, maxRecordPoll); err != nil {
			return nil, err
		}
	}
}

// newerThanKnown returns the records of the newest page that the session did not hold
// when it was taken, newest first.
func (s *Session) newerThanKnown(page chat.RecordPage) []chat.Record {
	records := slices.Clone(page.Records)
	if s.Exchanges != Uncounted {
		return records[:min(max(page.Total-s.Exchanges, 0), len(records))]
	}
	for i, r := range records {
		if !s.mayFollow(r) || exchangeDigest(r.UserText, r.AIText) == s.LastExchange {
			return records[:i]
		}
	}
	return records
}

// mayFollow reports whether a record may be younger than the session's last taking.
func (s *Session) mayFollow(r chat.Record) bool {
	return r.Created.IsZero() || r.Created.After(s.Taken.Add(-maxClockSkew))
}

// playRecord passes a stored answer on as if the platform streamed it.
func (t *turn) playRecord(r chat.Record) chat.Stream {
	t.question, t.isSent = r.UserText, true
	if p := t.input.Preamble; p != "" && strings.HasPrefix(normalStoredText(r.UserText), normalStoredText(p)) {
		t.preambleDigest = digestOf("achuan preamble 1", p)
	}
	return &recordStream{events: recordEvents(r)}
}

// askAfterAll gives the session back and places the turn as any other, because its
// question was never asked. unchanged says that the session holds what it held before.
func (t *turn) askAfterAll(unchanged bool) error {
	s := t.resumed.was
	s.State, s.Request = StateDirty, Hash{}
	if unchanged {
		s.State, s.EndUnknown, s.Head, s.Verified = StateFree, false, t.headBefore(s.Question), false
		if s.Made && s.Turns == 0 && s.Exchanges == 0 && s.Addressing != ByID && (t.binding == nil || t.binding.History) {
			s.Addressing = Throwaway // nobody comes back to an empty session
		}
	}
	t.resumed, t.binding, t.nextHead = nil, nil, Hash{}
	t.releaseSession(s)
	t.engine.ended(&s)
	setCallSeed(t.input.Shaper, t.token)
	t.started = time.Now()
	t.logger.InfoContext(t.turnCtx, "an interrupted turn had not asked its question, which is asked now", telemetry.KeySession, s.ID)
	return t.place()
}

// headBefore returns the lineage before the question, if the question is the end of the
// request's transcript.
func (t *turn) headBefore(question Hash) Hash {
	transcript := t.request.Transcript()
	rest, answered := afterLastAnswer(transcript)
	if !answered || question.IsZero() {
		return Hash{}
	}
	prefix := t.origin(t.scope()).add(transcript[:len(transcript)-len(rest)]...).head
	if continueFrom(prefix).add(rest...).head != question {
		return Hash{}
	}
	return prefix
}

// isWaiting reports whether a resumed turn has found nothing yet.
func (r *resumption) isWaiting() bool { return r != nil && !r.found }

// isForeign reports whether the session of a resumed turn holds what is not the turn's.
func (r *resumption) isForeign() bool { return r != nil && (r.hasOthers || len(r.records) > 0) }

// sleep waits, and fails with the context's cause when that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// recordStream is a stored answer. It implements chat.Stream.
type recordStream struct{ events []chat.Event }

// Next returns the next event.
func (s *recordStream) Next() (chat.Event, error) {
	ev := s.events[0]
	s.events = s.events[1:]
	return ev, nil
}

// Close does nothing.
func (*recordStream) Close() error { return nil }

// recordEvents are the events of a stored answer, as the platform client streams them.
func recordEvents(r chat.Record) []chat.Event {
	var events []chat.Event
	if r.Reasoning != "" {
		events = append(events, chat.Event{Kind: chat.EventReasoning, Text: r.Reasoning})
	}
	if r.Text != "" {
		events = append(events, chat.Event{Kind: chat.EventText, Text: r.Text})
	}
	usage := r.Usage
	usage.Estimated = usage == chat.Usage{}
	return append(events, chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Usage: usage, Stored: r.AIText})
}
