package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/simulator"
)

// questionMark begins the last part of a question: the mode and the number of pieces of the answer. It is the last one
// in the text, because a platform without the session gets the whole transcript as text.
const questionMark = "bench:"

// Modes of an answer.
const (
	modeAtOnce = "once" // all pieces as fast as they are read
	modePaced  = "pace" // a piece each pieceInterval, as a model writes
	modeHeld   = "hold" // one piece, and the others after releasePath was requested
)

const pieceInterval = 5 * time.Millisecond

// Routes of the simulator's process that the platform does not have.
const (
	releasePath = "/bench/release" // releases all streams of modeHeld
	callsPath   = "/bench/calls"   // returns the number of requests, without those for the list of models
	openAIPath  = "/v1/"           // the upstream of other programs
)

// platform is the simulator with the routes of bench.
type platform struct {
	*simulator.Simulator
	calls atomic.Int64
	mu    sync.Mutex
	gate  chan struct{} // closed to release the streams of modeHeld
}

// newPlatform returns a platform. The caller must close its Simulator.
func newPlatform(contextCount int) *platform {
	p := &platform{
		Simulator: simulator.New(simulator.Options{
			Writes: simulator.EachFrame, Pace: -1, KeepTurns: 1, ContextCount: contextCount,
		}),
		gate: make(chan struct{}),
	}
	p.OnTurn(p.reply)
	return p
}

// serveSimulator serves the platform of a run until ctx ends.
func serveSimulator(ctx context.Context, o *options) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return err
	}
	p := newPlatform(o.contextCount)
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // no request is worth waiting for
	defer stop()
	return server.Serve(listener)
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == releasePath:
		p.mu.Lock()
		close(p.gate)
		p.gate = make(chan struct{})
		p.mu.Unlock()
	case r.URL.Path == callsPath:
		fmt.Fprint(w, p.calls.Load())
	case strings.HasPrefix(r.URL.Path, openAIPath):
		p.calls.Add(1)
		p.serveOpenAI(w, r)
	default:
		if r.URL.Path != "/api/chat/tmpl" {
			p.calls.Add(1)
		}
		p.Simulator.ServeHTTP(w, r)
	}
}

// parseQuestion returns the mode and the number of pieces that a question asks for. It reports false when the text is
// no question of bench.
func parseQuestion(text string) (mode string, count int, ok bool) {
	start := strings.LastIndex(text, questionMark)
	if start < 0 {
		return "", 0, false
	}
	fields := strings.Fields(text[start+len(questionMark):])
	if len(fields) < 2 {
		return "", 0, false
	}
	n, err := strconv.Atoi(fields[1])
	return fields[0], n, err == nil && n > 0 && n <= maxPieces
}

// reply returns the answer to a question of bench, and nil for another one.
func (p *platform) reply(t simulator.Turn) *simulator.Reply {
	mode, n, ok := parseQuestion(t.Text)
	if !ok {
		return nil
	}
	switch reply := (simulator.Reply{Deltas: pieces[:n]}); mode {
	case modePaced:
		reply.Delay = pieceInterval
		return &reply
	case modeHeld:
		reply = simulator.Stream(simulator.Head(), simulator.Deltas(pieces[0]), simulator.Wait(p.currentGate()),
			simulator.Deltas(pieces[1:n]...), simulator.Object(), simulator.Done())
		return &reply
	default:
		return &reply
	}
}

func (p *platform) currentGate() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gate
}
