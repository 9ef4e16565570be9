package simulator

import (
	"net/http"
	"slices"
	"time"
)

// Turn is one question as the platform got it and as the model saw it.
type Turn struct {
	Number int    // of the exchange in its session, from 1: stored records + 1
	TaskID string // the id on its frames

	SessionID, UserID int64
	Settings                // of the session when the question came; Prompt is what the model was told
	Entry             Model // of the model list
	History           []Exchange
	Text              string
	Files             []File
	// PictureURL is where the picture of a model that draws will be; "" for others.
	PictureURL string

	Header http.Header // of the request, a copy
	Body   []byte      // of the request, as sent

	// Overlapped says that another turn was in flight in the session when this one
	// came. Without Pace an answer is made in no time: look for overlaps with a
	// Pace or a gate.
	Overlapped bool
	Started    time.Time
	Ended      time.Time // when the answer was made, before its last frames leave; zero in flight
	ClientGone bool      // the client left before it had been sent everything
	Answer     string    // what was stored as aiText; "" in flight and when nothing was stored

	// Refused is why the platform's own checks turned the question away (unknown
	// session, filter, length, file name, model, Reply.Refused): the model saw
	// nothing. "" for the others.
	Refused string
}

// Exchange is an earlier question of the session and its answer.
type Exchange struct{ User, AI string }

// File is one entry of the request's files.
type File struct {
	Name string `json:"name"`
	Data string `json:"data"` // a data: URL
}

// turn is a Turn under way. Simulator.mu guards its Turn.
type turn struct {
	Turn
	session *session // nil when the session is unknown
	context int      // tokens that the model sees before the text
	ip      string
}

// Turns returns the questions that reached the model, oldest first.
func (s *Simulator) Turns() []Turn {
	return slices.DeleteFunc(s.Attempts(), func(t Turn) bool { return t.Refused != "" })
}

// Attempts returns all questions whose sender was logged in, those included that
// were refused before they reached the model, oldest first.
func (s *Simulator) Attempts() []Turn {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Turn, len(s.turns))
	for i, t := range s.turns {
		all[i] = t.Turn
	}
	return all
}

// InFlight returns how many answers are being made.
func (s *Simulator) InFlight() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flying
}

// keep remembers a turn for Turns. The caller holds mu.
func (s *Simulator) keep(t *turn) {
	s.turns = append(s.turns, t)
	if most := s.opts.KeepTurns; most > 0 && len(s.turns) > most {
		s.turns = slices.Delete(s.turns, 0, len(s.turns)-most)
	}
	s.touch()
}

// see lets the turn into its session: it fills in what the model sees. The caller
// holds mu.
func (s *Simulator) see(t *turn, x *session) {
	t.session = x
	t.context = x.contextTokens()
	t.Settings = x.Settings
	t.Number = len(x.exchanges) + 1
	for _, e := range x.inContext() {
		t.History = append(t.History, Exchange{e.UserText, e.AIText})
	}
	t.Overlapped = x.inFlight > 0
	x.inFlight++
	s.flying++
}

// inContext are the exchanges that the model sees.
func (x *session) inContext() []exchange {
	return x.exchanges[max(len(x.exchanges)-x.ContextCount, 0):]
}

// refuse marks a turn that the platform's own checks turned away.
func (s *Simulator) refuse(t *turn, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Refused = why
	s.touch()
}

// end ends a turn. Its record gets its id and its time, and is stored when it is
// to be and the session is still there.
func (s *Simulator) end(t *turn, r Record, store bool) Record {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Ended = now
	r.Updated = stamp(now)
	s.touch()
	if t.session == nil {
		return r
	}
	t.session.inFlight--
	s.flying--
	r.ID = s.ids.nextRecord()
	if store && s.sessions[t.SessionID] == t.session {
		t.Answer = r.AIText
		t.session.add(r)
		s.use(t.session)
	}
	return r
}

// add appends a record. The caller holds Simulator.mu.
func (x *session) add(r Record) {
	x.exchanges = append(x.exchanges, exchange{r, Tokens(r.UserText) + Tokens(r.AIText)})
	x.Updated = r.Updated
}

func (s *Simulator) clientGone(t *turn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ClientGone = true
	s.touch()
}
