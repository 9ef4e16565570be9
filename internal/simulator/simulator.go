package simulator

import (
	"cmp"
	"context"
	"net/http"
	"sync"
	"time"
)

// Options say what kind of platform to be. The zero value is one for tests: it
// answers at once, by Echo, in writes of odd sizes.
type Options struct {
	// Token is the JWT that is accepted; its userId is the account. "" accepts any
	// token that is not empty, not expired and does not begin with "Bearer ".
	Token string
	// Tokens are more tokens that are accepted, each with its account's user id.
	Tokens map[string]int64

	Models          []Model // nil is DefaultModels
	Preset          *string // the prompt that sessions are born with; nil is DefaultPreset
	ContextCount    int     // the contextCount that sessions are born with; 0 is 10
	MaxContextCount int     // larger values are clamped to it; 0 is 65
	MaxText         int     // longest question in runes; 0 is no limit
	ListByUse       bool    // the list of sessions has the one used or changed last first, not the newest
	Version         string  // app version, "" is "2.14.0"; from 3.1 on objects have more keys

	// Demo answers as a small chat partner with a memory, at a speed for eyes.
	Demo bool
	// Answer makes the answers that no script decides; nil is Echo, or in demo
	// mode the chat partner. It is called from several goroutines.
	Answer func(Turn) string

	Pace      time.Duration // between frames; 0 is none (in demo mode 22 ms), negative is none
	Writes    Writes        // how the stream is cut into writes
	KeepTurns int           // how many of the newest turns are kept for Turns; 0 is all, in demo mode 100

	Now func() time.Time // the clock; nil is time.Now
}

const (
	defaultContext  = 10
	maxContext      = 65
	demoPace        = 22 * time.Millisecond
	demoTurns       = 100
	maxBody         = 64 << 20 // bytes of a request body
	defaultVersion  = "2.14.0"
	firstSessionID  = 1_000_001
	firstRecordID   = 5_000_001
	unknownSession  = "对话不存在"
	notFoundInRoute = "404 page not found"
)

// DefaultPreset is the prompt that an operator gives to new sessions: it is billed
// as context, also in an empty chat.
const DefaultPreset = "你是一个乐于助人的智能助手。请用用户使用的语言回答，条理清楚，需要时使用 Markdown。" +
	"数学公式用 LaTeX 书写，代码放在代码块中并注明语言。不确定的内容请直接说明，不要编造。"

// Simulator is a platform. It is an http.Handler; all methods may be called from
// several goroutines.
type Simulator struct {
	opts   Options
	preset string
	modern bool // version 3.1 or later
	mux    *http.ServeMux

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup // answers being made

	mu       sync.Mutex // guards everything below
	closed   bool
	changed  chan struct{} // closed at the next change; nil when nobody waits
	logins   logins
	hooks    hooks
	stage    stage
	album    album
	ids      ids
	users    map[int64]*user
	sessions map[int64]*session
	deleted  []int64
	turns    []*turn
	flying   int // turns in flight
	uses     int // of sessions, counted
}

// New makes a platform with no sessions. Close ends it.
func New(o Options) *Simulator {
	o.ContextCount = cmp.Or(o.ContextCount, defaultContext)
	o.MaxContextCount = cmp.Or(o.MaxContextCount, maxContext)
	o.Version = cmp.Or(o.Version, defaultVersion)
	if o.Demo {
		o.Pace = cmp.Or(o.Pace, demoPace)
		o.Writes = cmp.Or(o.Writes, EachFrame)
		o.KeepTurns = cmp.Or(o.KeepTurns, demoTurns)
	}
	o.Writes = cmp.Or(o.Writes, OddPieces)
	if o.Models == nil {
		o.Models = DefaultModels()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Simulator{
		opts:     o,
		preset:   DefaultPreset,
		modern:   atLeast(o.Version, 3, 1),
		hooks:    hooks{calls: map[Route]int{}, active: map[Route][]*hook{}},
		logins:   newLogins(o),
		ids:      ids{session: firstSessionID, record: firstRecordID},
		users:    map[int64]*user{},
		sessions: map[int64]*session{},
	}
	if o.Preset != nil {
		s.preset = *o.Preset
	}
	if o.Answer == nil {
		s.opts.Answer = Echo
		if o.Demo {
			s.opts.Answer = s.demoAnswer
		}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.mux = s.routes()
	return s
}

// Close ends all answers, also those that hang, and waits for them. Requests that
// come later get HTTP 503.
func (s *Simulator) Close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.work.Wait()
}

// ServeHTTP is the platform's HTTP side.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.ctx.Err() != nil {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	h := w.Header()
	h.Set("X-Server", "goamzai-plus/"+s.opts.Version)
	h.Set("Access-Control-Allow-Origin", "*")
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// background runs f apart from the request that wants it. It reports false, and
// does nothing, once the simulator is closed.
func (s *Simulator) background(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Go(f)
	return true
}

// Await waits until cond holds. It is asked again after each change of what the
// simulator's methods report; it may call them. The error is ctx's.
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

// touch wakes those in Await. The caller holds mu.
func (s *Simulator) touch() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}
