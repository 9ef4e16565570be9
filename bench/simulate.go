package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/simulator"
)

// A question consists of a mode and a number of pieces.
const (
	modeAtOnce = "once" // all pieces as fast as they are read
	modePaced  = "pace" // a piece each pieceInterval, as a model writes
	modeHeld   = "hold" // one piece, and the others after releasePath was requested
)

const pieceInterval = 5 * time.Millisecond

// pieceMark is in each piece once. The rest of a stream does not have it, except for the record.
const pieceMark = "~"

// Routes of the simulator's process that the platform does not have.
const (
	releasePath = "/bench/release" // releases all streams of modeHeld
	callsPath   = "/bench/calls"   // returns the number of requests to the platform
)

// platform is the simulator with the routes of bench.
type platform struct {
	*simulator.Simulator
	calls  atomic.Int64
	mu     sync.Mutex
	gate   chan struct{}
	pieces []string
}

// serveSimulator serves the platform of a run until ctx ends.
func serveSimulator(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p := &platform{
		Simulator: simulator.New(simulator.Options{
			Writes: simulator.EachFrame, Pace: -1, KeepTurns: 1, ContextCount: contextCount,
		}),
		gate:   make(chan struct{}),
		pieces: strings.SplitAfter(strings.Repeat("word"+pieceMark+" 你好"+pieceMark+" line\n"+pieceMark+" ", longPieces/3+1), pieceMark),
	}
	p.OnTurn(p.reply)
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // no request is worth waiting for
	defer stop()
	fmt.Fprintf(os.Stderr, "address=%s\n", listener.Addr())
	return server.Serve(listener)
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case releasePath:
		p.mu.Lock()
		close(p.gate)
		p.gate = make(chan struct{})
		p.mu.Unlock()
	case callsPath:
		fmt.Fprint(w, p.calls.Load())
	default:
		p.calls.Add(1)
		p.Simulator.ServeHTTP(w, r)
	}
}

func (p *platform) reply(t simulator.Turn) *simulator.Reply {
	mode, number, _ := strings.Cut(t.Text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n > len(p.pieces) {
		return nil
	}
	switch reply := (simulator.Reply{Deltas: p.pieces[:n]}); mode {
	case modePaced:
		reply.Delay = pieceInterval
		return &reply
	case modeHeld:
		p.mu.Lock()
		gate := p.gate
		p.mu.Unlock()
		reply = simulator.Stream(simulator.Deltas(p.pieces[0]), simulator.Wait(gate),
			simulator.Deltas(p.pieces[1:n]...), simulator.Object(), simulator.Done())
		return &reply
	default:
		return &reply
	}
}
