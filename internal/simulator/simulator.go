package simulator

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"
)

// Options describe the platform to simulate. The zero value suits tests: Echo answers at once, in writes of odd
// sizes.
type Options struct {
	// Token is the accepted JWT. Its userId is the account. "" accepts each token that is not empty, is not
	// expired and does not begin with "Bearer ".
	Token string
	// Tokens are further accepted tokens, each with the user id of its account.
	Tokens map[string]int64

	Models          []Model // nil is DefaultModels
	Preset          *string // the prompt of a new session; nil is DefaultPreset
	ContextCount    int     // the contextCount of a new session; 0 is 10
	MaxContextCount int     // the largest contextCount; larger ones are lowered to it; 0 is 65
	MaxText         int     // the longest question, in runes; 0 is no limit
	ListByUse       bool    // the list of sessions begins with the one used or changed last, not with the newest
	Version         string  // app version; "" is "2.14.0"; from 3.1 on, objects have more keys

	// Answer answers the questions for which neither Script nor OnTurn has a reply; nil is Echo. Several
	// goroutines call it.
	Answer func(Turn) string

	Pace      time.Duration // the time between frames; 0 and less is none
	Writes    Writes        // how a stream is split into writes; 0 is OddPieces
	KeepTurns int           // how many of the newest turns Turns returns; 0 is all

	Now func() time.Time // the clock; nil is time.Now
}

const (
	defaultContextCount    = 10
	defaultMaxContextCount = 65
	maxBodyBytes           = 64 << 20 // of a request
	defaultVersion         = "2.14.0"
	firstSessionID         = 1_000_001
	firstRecordID          = 5_000_001
	unknownSessionText     = "对话不存在"
	notFoundText           = "404 page not found"
)

// DefaultPreset is the prompt that the operator of the platform gives to new sessions. The platform counts it as
// context, also in an empty session.
const DefaultPreset = "你是一个乐于助人的智能助手。请用用户使用的语言回答，条理清楚，需要时使用 Markdown。" +
	"数学公式用 LaTeX 书写，代码放在代码块中并注明语言。不确定的内容请直接说明，不要编造。"

// Simulator is a simulated platform. It is an http.Handler. Its methods are safe for concurrent use.
type Simulator struct {
	opts        Options
	preset      string
	isVersion31 bool // or later
	mux         *http.ServeMux

	ctx     context.Context // canceled by Close
	cancel  context.CancelFunc
	answers sync.WaitGroup // the answers in flight

	mu           sync.Mutex // guards everything below
	closed       bool
	changed      chan struct{} // closed at the next change; nil when no Await runs
	logins       logins
	interceptors interceptors
	script       script
	pictures     pictures
	ids          idSource
	users        map[int64]*user
	sessions     map[int64]*session
	deleted      []int64
	turns        []*turn
	inFlight     int // number of turns
	useCount     int // counts the uses of all sessions, see session.lastUse
}

// New returns a platform without sessions. The caller must call Close.
func New(o Options) *Simulator {
	o.ContextCount = cmp.Or(o.ContextCount, defaultContextCount)
	o.MaxContextCount = cmp.Or(o.MaxContextCount, defaultMaxContextCount)
	o.Version = cmp.Or(o.Version, defaultVersion)
	o.Writes = cmp.Or(o.Writes, OddPieces)
	if o.Models == nil {
		o.Models = DefaultModels()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Simulator{
		opts:         o,
		preset:       DefaultPreset,
		isVersion31:  isVersionAtLeast(o.Version, 3, 1),
		interceptors: interceptors{calls: map[Route]int{}, byRoute: map[Route][]*interceptor{}},
		logins:       newLogins(o),
		ids:          idSource{session: firstSessionID, record: firstRecordID},
		users:        map[int64]*user{},
		sessions:     map[int64]*session{},
	}
	if o.Preset != nil {
		s.preset = *o.Preset
	}
	if o.Answer == nil {
		s.opts.Answer = Echo
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mux = s.routes()
	return s
}

// Close ends all answers, including those that hang, and waits for them. Later requests get HTTP 503.
func (s *Simulator) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.answers.Wait()
}

// ServeHTTP serves the routes of the platform.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.ctx.Err() != nil {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	h := w.Header()
	h.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	h.Set("X-Server", "goamzai-plus/"+s.opts.Version)
	h.Set("Access-Control-Allow-Origin", "*")
	r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
	s.mux.ServeHTTP(w, r)
}

// runInBackground runs f in a goroutine that Close waits for. After Close it does nothing and reports false.
func (s *Simulator) runInBackground(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.answers.Go(f)
	return true
}

// Await waits until cond returns true. It calls cond again after each change of what the methods of the simulator
// return, and cond may call them. The error is that of ctx.
func (s *Simulator) Await(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if cond() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// notifyChange wakes the callers of Await. The caller holds mu.
func (s *Simulator) notifyChange() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
