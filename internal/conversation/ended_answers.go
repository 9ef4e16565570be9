package conversation

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"achuan/internal/chat"
)

// maxEndedBytes bounds the bytes of all answers in endedAnswers.
const maxEndedBytes = 16 << 20

// endedAnswers keeps the answers that clients got within the last RepeatWindow. A server does not
// know whether its client received what it wrote, so a repetition that an SDK marks gets the
// answer again. One repetition has a recording at a time: take removes it, and keep stores it
// again when that client has received the answer.
type endedAnswers struct {
	mu        sync.Mutex
	byRequest map[Hash][]*endedAnswer // oldest first
	byToken   map[Token]*endedAnswer
	queue     []*endedAnswer // oldest first; may contain answers that isGone
	size      int
}

// endedAnswer is the answer of one turn.
type endedAnswer struct {
	token     Token
	request   Hash
	session   int64
	recording *recording
	size      int
	kept      time.Time
	isGone    bool
}

// keep keeps the answer of a whole turn.
func (r *endedAnswers) keep(token Token, request Hash, session int64, answer *recording) {
	it := &endedAnswer{
		token: token, request: request, session: session,
		recording: answer, size: answer.size(), kept: time.Now(),
	}
	if it.size > maxEndedBytes/4 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byRequest == nil {
		r.byRequest, r.byToken = make(map[Hash][]*endedAnswer), make(map[Token]*endedAnswer)
	}
	r.removeToken(token)
	r.byRequest[request], r.byToken[token] = append(r.byRequest[request], it), it
	r.queue = append(r.queue, it)
	r.size += it.size
	r.trim()
}

// take removes and returns the newest answer to a request, nil for none. No other client gets it
// until keep stores it again.
func (r *endedAnswers) take(request Hash) *endedAnswer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trim()
	list := r.byRequest[request]
	if len(list) == 0 {
		return nil
	}
	it := list[len(list)-1]
	r.remove(it)
	return it
}

// drop deletes the answer of a turn whose client has left, because the store has it.
func (r *endedAnswers) drop(token Token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeToken(token)
}

// expire deletes the answers that are too old.
func (r *endedAnswers) expire() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trim()
}

// trim deletes the answers that are too old or beyond maxEndedBytes. The caller holds r.mu.
func (r *endedAnswers) trim() {
	old := time.Now().Add(-RepeatWindow)
	for len(r.queue) > 0 && (r.queue[0].isGone || r.size > maxEndedBytes || r.queue[0].kept.Before(old)) {
		if it := r.queue[0]; !it.isGone {
			r.remove(it)
		}
		r.queue[0] = nil
		r.queue = r.queue[1:]
	}
}

// remove deletes one answer. The caller holds r.mu.
func (r *endedAnswers) remove(it *endedAnswer) {
	it.isGone = true
	r.size -= it.size
	delete(r.byToken, it.token)
	list := r.byRequest[it.request]
	switch i := slices.Index(list, it); {
	case len(list) == 1:
		delete(r.byRequest, it.request)
	case i == 0: // mostly, and without moving the others: a load test has many equal requests
		list[0] = nil
		r.byRequest[it.request] = list[1:]
	default:
		r.byRequest[it.request] = slices.Delete(list, i, i+1)
	}
}

// removeToken removes the answer of a turn, if there is one. The caller holds r.mu.
func (r *endedAnswers) removeToken(token Token) {
	if it := r.byToken[token]; it != nil {
		r.remove(it)
	}
}

// keepAnswer keeps the turn's answer for a repetition, unless the store keeps it for a client
// that has left.
func (t *turn) keepAnswer() {
	if t.clientState.isKeptByStore() {
		return
	}
	t.engine.endedAnswers.keep(t.token, t.fingerprint, t.sessionID(), t.recording)
}

// repeatEnded returns the answer of a turn for the same request that has just ended whole, nil
// for none. The answer comes from memory, or from the platform's records when another process ran
// the turn.
func (e *Engine) repeatEnded(ctx context.Context, q Question, request Hash, ended *Session) *Answer {
	if !q.Request.Retried {
		return nil
	}
	if it := e.endedAnswers.take(request); it != nil {
		return e.attachTo(ctx, q, it)
	}
	if ended == nil {
		return nil
	}
	if answer := e.deriveAnswer(ctx, q, ended); answer != nil {
		it := &endedAnswer{token: ended.Turn, request: request, session: ended.ID, recording: answer}
		return e.attachTo(ctx, q, it)
	}
	return nil
}

// deriveAnswer makes the answer of a session's last turn from the platform's records. It returns
// nil when they do not show it.
func (e *Engine) deriveAnswer(ctx context.Context, q Question, s *Session) *recording {
	shaper := q.Shaper
	if shaper != nil {
		if q.NewShaper == nil {
			return nil
		}
		shaper = q.NewShaper() // q.Shaper is for one answer only
		e.setCallSeed(shaper, s.Turn)
		if reader, ok := shaper.(ToolReader); ok && !s.Tools.IsZero() {
			reader.SessionHadTools()
		}
	}
	page, err := e.opts.Platform.Records(ctx, s.ID, 1)
	if err != nil || len(page.Records) == 0 {
		return nil
	}
	if newest := page.Records[0]; exchangeDigest(newest.UserText, newest.AIText) != s.LastExchange {
		return nil
	}
	first := 0
	for first < len(page.Records) && !s.Sent.isIn(page.Records[first].UserText, q.Preamble) {
		first++
	}
	if first > q.Repairs || first == len(page.Records) {
		return nil
	}
	made := new(recording)
	for i := first; i >= 0; i-- {
		if strings.Contains(page.Records[i].AIText, "[[") {
			return nil // it may contain markers, which a turn removes
		}
		repair, err := shapeRecord(shaper, page.Records[i], made)
		switch {
		case err != nil:
			return nil
		case repair == "":
			return made.wholeOrNil()
		case i == 0 || !describeText(repair).isIn(page.Records[i-1].UserText, ""):
			return nil
		}
	}
	return nil
}

// shapeRecord shapes one stored answer and records what its client gets.
func shapeRecord(shaper Shaper, r chat.Record, made *recording) (repair string, err error) {
	for _, ev := range recordEvents(r) {
		if shaper == nil {
			made.record(ev)
			continue
		}
		if repair, err = shaper.Shape(ev, made.record); repair != "" || err != nil || made.wholeOrNil() != nil {
			return repair, err
		}
	}
	return "", nil
}
