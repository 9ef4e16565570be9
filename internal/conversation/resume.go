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
	minRecordPoll   = 250 * time.Millisecond // between the first two reads of the records
	maxRecordPoll   = 3 * time.Second        // between two reads of the records
	maxRecordErrors = 4                      // reads that fail in a row
	// maxRepairWait bounds the wait for the record of a repair that the interrupted turn may
	// have asked. Nothing shows whether it did.
	maxRepairWait = time.Minute
	// maxRecordSkew bounds the error when the age of a record is compared with the age of a
	// taking: records and replies have times in whole seconds, and replies take a while.
	maxRecordSkew = 10 * time.Second
)

// resumption answers a turn from the platform's records, because the process that asked the
// question died. The platform finished the answer and stored it.
type resumption struct {
	session    Session       // as the interrupted taking left it
	taken      time.Time     // when the interrupted turn took it, by the clock of this process
	deadline   time.Time     // for the question's record
	records    []chat.Record // newer than those that were played, oldest first
	isFound    bool          // the question's record was found
	wasMissing bool          // the record was missing at first, so no repair had been asked yet
	hasOthers  bool          // the session holds a question of another turn
	mayRepeat  bool          // a repair was asked that the interrupted turn may have asked too
}

// attachOrBegin asks the store where the answer to a request is, and returns when it asked. It is
// not cancelled when the client leaves, because nobody would know then what is taken. When the
// process of a taking for the same request may be dead, it waits until the lease of that taking
// is extended, because the process lives, or runs out.
func (e *Engine) attachOrBegin(
	ctx context.Context, turnRequest TurnRequest,
) (found TurnResult, asked time.Time, err error) {
	for before := time.Duration(0); ; {
		asked = time.Now()
		found, err = e.attachOrBeginOnce(ctx, turnRequest)
		if err != nil || found.Running == nil || turnRequest.Turn.Key != (Hash{}) {
			return found, asked, err
		}
		left := found.Running.Lease
		isExtended := before > 0 && left > before || !e.opts.Store.HasLeases()  // this process is the only one
		isAlive := !turnRequest.Retried && left > e.opts.Lease-e.opts.Lease*2/5 // extended at the last heartbeat
		if _, isHere := e.liveTurns.Load(found.Running.Token); isHere || isAlive || isExtended {
			return found, asked, nil
		}
		before = left
		if err := sleep(ctx, pollInterval); err != nil {
			return TurnResult{}, asked, err
		}
	}
}

// undoAttachOrBegin undoes a call of AttachOrBegin whose outcome is unknown.
func (e *Engine) undoAttachOrBegin(turnRequest TurnRequest) {
	e.undoTaking(turnRequest.Turn.Token, 0, Hash{})
	if turnRequest.Turn.Key != (Hash{}) {
		e.undoTurn(turnRequest.Turn.Token)
	}
}

func (e *Engine) attachOrBeginOnce(ctx context.Context, turnRequest TurnRequest) (TurnResult, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	return e.opts.Store.AttachOrBegin(ctx, turnRequest)
}

// resume places the turn in the session of an interrupted turn for the same request, which
// AttachOrBegin took at the moment asked.
func (t *turn) resume(s *Session, asked time.Time) {
	t.trackTaken(s, asked)
	t.resumeTaken()
}

// resumeTaken is resume for the session that the turn has taken already.
func (t *turn) resumeTaken() {
	s := t.session
	taken := time.Now().Add(-s.ReadAt.Sub(s.Taken)) // the store's clock may differ
	t.resumed = &resumption{session: *s, taken: taken, deadline: taken.Add(maxDetached)}
	t.nextHead = s.Question
	// When the session was rebuilt meanwhile, its name means the session that replaced it.
	if name := t.request.Session.Name; name != "" && !t.isSideTask && s.State != StateRetired {
		t.binding = &NameBinding{
			Key:     NameKey{t.request.Caller.ID, t.request.Model, name},
			History: !isLoneMessage(t.request.Transcript()),
		}
	}
	t.engine.setCallSeed(t.input.Shaper, s.Turn)
	t.tellShaperOfTools()
	t.placed.Store(&placed{s.ID, chat.PlacementAttached})
	t.engine.opts.Metrics.Attached(telemetry.AttachInterrupted)
	t.logger.InfoContext(t.turnCtx, "answering from the platform's records: the turn that asked was interrupted", telemetry.KeySession, s.ID)
}

// openRecord returns the stored answer to the question of a resumed turn, or to its next repair.
// It waits for the record. It returns nil when t.question has to be asked; the turn may have
// another session by then.
func (t *turn) openRecord() (chat.Stream, error) {
	r := t.resumed
	if r.isFound {
		return t.openRepair()
	}
	for wait := minRecordPoll; ; wait = min(wait*3/2, maxRecordPoll) {
		records, read, err := t.newRecords()
		if err != nil {
			return nil, err
		}
		at := slices.IndexFunc(records, func(rec chat.Record) bool {
			return r.session.Sent.isIn(rec.UserText, t.input.Preamble)
		})
		switch {
		case at >= 0:
			r.isFound, r.hasOthers, r.records = true, at > 0, records[at+1:]
			return t.playRecord(records[at]), nil
		case slices.ContainsFunc(records, func(rec chat.Record) bool { return r.isNewer(rec, read) }):
			return nil, t.askAfterAll(false) // another question is there, so the turn's was never asked
		case r.session.Unasked || t.engine.unasked.has(r.session.Turn) || time.Now().After(r.deadline):
			return nil, t.askAfterAll(len(records) == 0)
		}
		r.wasMissing = true
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
		case r.wasMissing || time.Now().After(until):
			r.mayRepeat = !r.wasMissing
			return nil, nil //nolint:nilnil // the repair is asked
		}
		if err := sleep(t.turnCtx, wait); err != nil {
			return nil, err
		}
		records, _, err := t.newRecords()
		if err != nil {
			return nil, err
		}
		r.records = records[min(t.answeredQuestions, len(records)):]
	}
}

// newRecords reads the records that came into the session after it was taken, oldest first. It
// repeats a read that fails.
func (t *turn) newRecords() (records []chat.Record, read readTimes, err error) {
	for failed := 1; ; failed++ {
		read.before = time.Now()
		page, err := t.engine.opts.Platform.Records(t.turnCtx, t.resumed.session.ID, 1)
		if err == nil {
			read.after, read.platform = time.Now(), page.Date
			if read.platform.IsZero() {
				read.platform = read.after
			}
			records := t.resumed.newerThanKnown(page, read)
			slices.Reverse(records)
			return records, read, nil
		}
		if isLost(err) || failed == maxRecordErrors || t.turnCtx.Err() != nil {
			return nil, readTimes{}, err
		}
		if err := sleep(t.turnCtx, maxRecordPoll); err != nil {
			return nil, readTimes{}, err
		}
	}
}

// newerThanKnown returns the records of the newest page that the session did not hold, or may not
// have held, when it was taken. The newest come first.
func (r *resumption) newerThanKnown(page chat.RecordPage, read readTimes) []chat.Record {
	s, records := &r.session, slices.Clone(page.Records)
	if s.Exchanges != Uncounted {
		return records[:min(max(page.Total-s.Exchanges, 0), len(records))]
	}
	for i, rec := range records {
		isOlder := !rec.Created.IsZero() && r.afterTaking(rec, read.after, read) < -maxRecordSkew
		if isOlder || exchangeDigest(rec.UserText, rec.AIText) == s.LastExchange {
			return records[:i]
		}
	}
	return records
}

// isNewer reports whether a record of newerThanKnown came after the taking. The owner may have
// typed in the session since achuan counted its exchanges, so the count alone does not say so.
func (r *resumption) isNewer(rec chat.Record, read readTimes) bool {
	if r.session.Exchanges != Uncounted {
		return rec.Created.IsZero() || r.afterTaking(rec, read.before, read) > -maxRecordSkew
	}
	return !rec.Created.IsZero() && r.afterTaking(rec, read.before, read) > maxRecordSkew
}

// readTimes are the times of a read of records: before the request, after the reply, and the
// platform's own.
type readTimes struct{ before, after, platform time.Time }

// afterTaking returns how long after the taking a record was made, if the platform dated its
// reply at now. It compares ages, because different clocks date the taking and the record. The
// platform dates the reply between read.before and read.after, so these give the bounds.
func (r *resumption) afterTaking(rec chat.Record, now time.Time, read readTimes) time.Duration {
	return now.Sub(r.taken) - read.platform.Sub(rec.Created)
}

// playRecord returns a stored answer as a stream of the platform.
func (t *turn) playRecord(r chat.Record) chat.Stream {
	t.question, t.isSent = r.UserText, true
	if p := t.input.Preamble; p != "" && startsWithPreamble(normalStoredText(r.UserText), p) {
		t.preambleDigest = digestOf("achuan preamble 1", p)
	}
	return &recordStream{events: recordEvents(r)}
}

// startsWithPreamble reports whether a stored question has the preamble in front, as text or in a file.
func startsWithPreamble(question, preamble string) bool {
	return strings.HasPrefix(question, normalStoredText(preamble)) ||
		strings.HasPrefix(question, describeText(preamble).inFile()+preambleEnd)
}

// askAfterAll releases the session and places the turn anew, because its question was never
// asked. isUnchanged says that the session holds what it held before.
func (t *turn) askAfterAll(isUnchanged bool) error {
	s := t.resumed.session
	s.State, s.Request = StateDirty, Hash{}
	// With leases, the process that took the session may be paused in a PUT, so the session
	// stays dirty.
	if isUnchanged && !t.engine.opts.Store.HasLeases() {
		s.State, s.EndUnknown, s.Verified = StateFree, false, false
		s.Head = headBefore(t.origin(t.scope()), t.request.Transcript(), s.Question)
		isNamed := t.binding != nil && !t.binding.History
		if s.CreatedByAchuan && s.Turns == 0 && s.Exchanges == 0 && s.Addressing != ByID && !isNamed {
			s.Addressing = Throwaway // no request uses an empty session again
		}
	}
	t.resumed, t.binding, t.nextHead = nil, nil, Hash{}
	t.releaseSession(s)
	t.engine.turnEnded(&s)
	t.engine.setCallSeed(t.input.Shaper, t.token)
	t.started = time.Now()
	t.logger.InfoContext(t.turnCtx, "an interrupted turn had not asked its question, which is asked now", telemetry.KeySession, s.ID)
	return t.place()
}

// headBefore returns the lineage before the question, if the question is the end of the request's
// transcript. Otherwise it returns zero.
func headBefore(origin *lineage, transcript []chat.Message, question Hash) Hash {
	rest, answered := afterLastAnswer(transcript)
	if !answered || question.IsZero() {
		return Hash{}
	}
	prefix := origin.add(transcript[:len(transcript)-len(rest)]...).head
	if continueFrom(prefix).withKey(origin.key).add(rest...).head != question {
		return Hash{}
	}
	return prefix
}

// isWaiting reports whether a resumed turn has not found its record yet.
func (r *resumption) isWaiting() bool { return r != nil && !r.isFound }

// isForeign reports whether the session of a resumed turn holds exchanges of other turns.
func (r *resumption) isForeign() bool { return r != nil && (r.hasOthers || len(r.records) > 0) }

// sleep waits for d. It returns ctx's cause when ctx ends first.
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

// recordStream streams a stored answer. It implements chat.Stream.
type recordStream struct{ events []chat.Event }

// Next returns the next event.
func (s *recordStream) Next() (chat.Event, error) {
	ev := s.events[0]
	s.events = s.events[1:]
	return ev, nil
}

// Close does nothing.
func (*recordStream) Close() error { return nil }

// recordEvents returns the events of a stored answer, as the platform client streams them.
func recordEvents(r chat.Record) []chat.Event {
	var events []chat.Event
	if r.Reasoning != "" {
		events = append(events, chat.Event{Kind: chat.EventReasoning, Text: r.Reasoning})
	}
	if r.Text != "" {
		events = append(events, chat.Event{Kind: chat.EventText, Text: r.Text})
	}
	usage := r.Usage
	usage.Estimated = usage.PromptTokens == 0 && usage.CompletionTokens == 0
	return append(events, chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Usage: usage, Stored: r.AIText})
}
