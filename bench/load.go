package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// load is a closed loop: each client asks its next question when its last answer has ended.
type load struct {
	mode    string
	count   int // pieces of an answer
	clients int

	// conversations is the number of conversations that are prepared before the measurement, with one turn each. The
	// clients then continue them, turn by turn, for at most turns further turns each. If it is 0, each request begins
	// a new conversation.
	conversations, turns int

	historyBytes  int // transcript before the first turn
	questionBytes int // further bytes of each question
}

// firstCount is the number of pieces in the answer to the first turn of a prepared conversation.
const firstCount = 20

// sliceResult is the result of a slice.
type sliceResult struct {
	usage
	turns   int
	samples []sample
	calls   int // requests to the platform
}

// cpuPerTurn returns the CPU time of the server in microseconds.
func (r *sliceResult) cpuPerTurn() float64 {
	return float64(r.target) / float64(time.Microsecond) / float64(r.turns)
}

// stock holds the conversations that no client uses.
type stock struct {
	load
	mu    sync.Mutex
	ready []*conversation
}

// take returns a conversation to ask in, or nil when all have had their turns.
func (s *stock) take() *conversation {
	if s.conversations == 0 {
		return newConversation(s.historyBytes)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ready) == 0 {
		return nil
	}
	c := s.ready[0]
	s.ready = s.ready[1:]
	return c
}

// put gives a conversation back that can be continued.
func (s *stock) put(c *conversation) {
	if c.turns > s.turns {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready = append(s.ready, c)
}

// prepare returns the stock of a load, with the first turn of each conversation answered.
func (t *target) prepare(ctx context.Context, l load) (*stock, error) {
	s := &stock{load: l}
	var mu sync.Mutex
	var failure error
	var clients sync.WaitGroup
	todo := make(chan struct{}, l.conversations)
	for range l.conversations {
		todo <- struct{}{}
	}
	close(todo)
	for range min(l.clients, 16) {
		clients.Go(func() {
			for range todo {
				c := newConversation(l.historyBytes)
				c.ask(modeAtOnce, firstCount, l.questionBytes)
				_, err := t.ask(ctx, c, firstCount, nil)
				mu.Lock()
				if err != nil {
					failure = err
				} else {
					s.ready = append(s.ready, c)
				}
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	return s, failure
}

// runSlice runs a load against a target for about this time.
func (b *bench) runSlice(ctx context.Context, t *target, l load, length time.Duration) (*sliceResult, error) {
	s, err := t.prepare(ctx, l)
	if err != nil {
		return nil, err
	}
	r := &sliceResult{}
	before, err := b.readMeters(ctx, t)
	if err != nil {
		return nil, err
	}
	stopLag := startLagMeter()
	failure := r.run(ctx, t, s, time.Now().Add(length))
	r.lag = stopLag()
	after, err := b.readMeters(ctx, t)
	if err != nil {
		return nil, err
	}
	r.usage = after.usageSince(before, r.lag)
	r.clients, r.isPaced = l.clients, l.mode == modePaced
	r.calls = after.calls - before.calls
	r.turns = len(r.samples)
	if r.turns == 0 {
		return nil, fmt.Errorf("no answer of %s was whole: %w", t.name, failure)
	}
	if r.isPaced {
		r.pace = paceOf(r.samples, l.count)
	}
	return r, nil
}

// run asks until the deadline has passed or the stock is empty. It returns the error of one failed stream, if any.
func (r *sliceResult) run(ctx context.Context, t *target, s *stock, deadline time.Time) (failure error) {
	var mu sync.Mutex
	var clients sync.WaitGroup
	for range s.clients {
		clients.Go(func() {
			for ctx.Err() == nil && time.Now().Before(deadline) {
				c := s.take()
				if c == nil {
					return
				}
				c.ask(s.mode, s.count, s.questionBytes)
				times, err := t.ask(ctx, c, s.count, nil)
				mu.Lock()
				if err == nil {
					r.samples = append(r.samples, times)
				} else {
					failure = err
				}
				mu.Unlock()
				if err == nil && s.conversations > 0 {
					s.put(c)
				}
			}
		})
	}
	clients.Wait()
	return failure
}

// meters are what bench reads before and after a slice.
type meters struct {
	at                                    time.Time
	target, generator, simulator, machine time.Duration
	calls                                 int
}

func (b *bench) readMeters(ctx context.Context, t *target) (m meters, err error) {
	text, err := b.get(ctx, callsPath)
	if err != nil {
		return m, err
	}
	if m.calls, err = strconv.Atoi(text); err != nil {
		return m, err
	}
	for into, pids := range map[*time.Duration][]int{
		&m.target: t.pids, &m.generator: {os.Getpid()}, &m.simulator: {b.sim.pid},
	} {
		if *into, err = cpuOf(pids...); err != nil {
			return m, err
		}
	}
	m.machine, err = machineCPU()
	m.at = time.Now()
	return m, err
}

func (m meters) usageSince(before meters, lag time.Duration) usage {
	return usage{
		wall: m.at.Sub(before.at), lag: lag,
		target: m.target - before.target, generator: m.generator - before.generator,
		simulator: m.simulator - before.simulator, machine: m.machine - before.machine,
	}
}
