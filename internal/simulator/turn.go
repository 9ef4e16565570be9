package simulator

import (
	"net/http"
	"slices"
	"time"
)

// Turn is one question, as the platform received it and as the model saw it.
type Turn struct {
	Number int    // number of the exchange in its session: stored records + 1
	TaskID string // the id on its frames

	SessionID, UserID int64
	Settings                // of the session when the question came
	Entry             Model // of the model
	History           []Exchange
	Text              string
	Files             []File
	// PictureURL is the URL of the picture, for a model that draws; "" for other models.
	PictureURL string

	Header http.Header // of the request, a copy
	Body   []byte      // of the request, as sent

	// Overlapped says that another turn of the session was in flight when this one came. Without a Pace or a gate,
	// answers take no time and do not overlap.
	Overlapped bool
	Started    time.Time
	Ended      time.Time // when the answer was complete, before its last frames are sent; zero in flight
	ClientGone bool      // the client left before the whole reply was sent
	Answer     string    // the aiText of the record; "" in flight and without a record

	// Refused is the text with which a check of the platform refused the question (session, filter, length, file
	// name, model, Reply.Refused). The model did not see the question. "" for other turns.
	Refused string
}

// Exchange is an earlier question of the session and its answer.
type Exchange struct{ User, AI string }

// File is one entry of the request's files.
type File struct {
	Name string `json:"name"`
	Data string `json:"data"` // a data: URL
}

// turn is a Turn with what its player needs. Simulator.mu guards its Turn.
type turn struct {
	Turn
	session       *session // nil when the question was refused
	contextTokens int      // see session.contextTokens
	ip            string
}

// Turns returns the turns that reached the model, oldest first.
func (s *Simulator) Turns() []Turn {
	return slices.DeleteFunc(s.Attempts(), func(t Turn) bool { return t.Refused != "" })
}

// Attempts returns the turns of all questions with a valid login, including the refused ones, oldest first.
func (s *Simulator) Attempts() []Turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Turn, len(s.turns))
	for i, t := range s.turns {
		all[i] = t.Turn
	}
	return all
}

// InFlight returns the number of turns whose answer is not complete.
func (s *Simulator) InFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.inFlight
}

// addTurn stores a turn for Attempts. The caller holds mu.
func (s *Simulator) addTurn(t *turn) {
	s.turns = append(s.turns, t)
	if limit := s.opts.KeepTurns; limit > 0 && len(s.turns) > limit {
		s.turns = slices.Delete(s.turns, 0, len(s.turns)-limit)
	}
	s.notifyChange()
}

// enterSession starts the turn in its session and sets what the model sees. The caller holds mu.
func (s *Simulator) enterSession(t *turn, x *session) {
	t.session = x
	t.contextTokens = x.contextTokens()
	t.Settings = x.Settings
	t.Number = len(x.exchanges) + 1
	for _, e := range x.visibleExchanges() {
		t.History = append(t.History, Exchange{e.UserText, e.AIText})
	}
	t.Overlapped = x.inFlight > 0
	x.inFlight++
	s.inFlight++
}

// visibleExchanges returns the exchanges that the model sees.
func (x *session) visibleExchanges() []exchange {
	return x.exchanges[max(len(x.exchanges)-x.ContextCount, 0):]
}

func (s *Simulator) markRefused(t *turn, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Refused = reason
	s.notifyChange()
}

// endTurn ends a turn and returns its record with its id and time. When shouldStore is true and the session still
// exists, it stores the record.
func (s *Simulator) endTurn(t *turn, r Record, shouldStore bool) Record {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Ended = now
	r.Updated = formatTime(now)
	s.notifyChange()
	if t.session == nil {
		return r
	}
	t.session.inFlight--
	s.inFlight--
	r.ID = s.ids.nextRecord()
	if shouldStore && s.sessions[t.SessionID] == t.session {
		t.Answer = r.AIText
		t.session.appendRecord(r)
		s.markUsed(t.session)
	}
	return r
}

// appendRecord adds a record to the session. The caller holds Simulator.mu.
func (x *session) appendRecord(r Record) {
	x.exchanges = append(x.exchanges, exchange{r, Tokens(r.UserText) + Tokens(r.AIText)})
	x.Updated = r.Updated
}

func (s *Simulator) markClientGone(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ClientGone = true
	s.notifyChange()
}
