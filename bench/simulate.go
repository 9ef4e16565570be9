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

// What a question asks the simulator for: a word and a number of pieces.
const (
	atOnce = "once" // all pieces as fast as they are read
	paced  = "pace" // a piece every few milliseconds, as a model writes
	held   = "hold" // one piece, then nothing until released
)

const pace = 5 * time.Millisecond

// mark is in each piece once, and nowhere else in a stream but in the record.
const mark = "~"

// What the runner asks of the simulator's process beside the platform's routes.
const (
	releasePath = "/bench/release" // lets go all held streams
	callsPath   = "/bench/calls"   // how many requests the platform got
)

// platform is the simulator with the runner's own routes.
type platform struct {
	*simulator.Simulator
	calls  atomic.Int64
	mu     sync.Mutex
	gate   chan struct{}
	pieces []string
}

// simulate is the process that all three servers lead to.
func simulate(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p := &platform{
		Simulator: simulator.New(simulator.Options{Writes: simulator.EachFrame, Pace: -1, KeepTurns: 1, ContextCount: contextCount}),
		gate:      make(chan struct{}),
		pieces:    strings.SplitAfter(strings.Repeat("word"+mark+" 你好"+mark+" line\n"+mark+" ", longPieces/3+1), mark),
	}
	p.OnTurn(p.reply)
	server := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() }) // nothing of it is worth waiting for
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
	word, number, _ := strings.Cut(t.Text, " ")
	n, err := strconv.Atoi(number)
	if err != nil || n > len(p.pieces) {
		return nil
	}
	switch reply := (simulator.Reply{Deltas: p.pieces[:n]}); word {
	case paced:
		reply.Delay = pace
		return &reply
	case held:
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
