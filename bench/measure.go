package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
)

const (
	rounds      = 4
	openStreams = 1000
	shortPieces = 16
	longPieces  = 1000
)

// The loads of a round. All rounds together read 10,000 short streams.
var (
	shortLoad  = load{modeAtOnce, shortPieces, 8, 2500}
	longLoad   = load{modeAtOnce, longPieces, 4, 60}
	pacedLoad  = load{modePaced, 200, 64, 64}
	singleLoad = load{modeAtOnce, shortPieces, 1, 500} // one stream at a time, for the latency
)

// measurements are the results of a target. A slice of numbers has one value for each round.
type measurements struct {
	callsPerStream float64 // requests to the platform

	idle, open, peak int64 // bytes: before the streams, with all streams open, maximum

	perStream, perEvent, perPacedEvent []float64 // CPU time, ns
	samples                            []sample  // of singleLoad
	streams, failedStreams             int       // of shortLoad
	failure                            error     // of one failed stream
}

// measure runs all loads. It measures the memory first, because the other loads leave a larger heap.
func measure(ctx context.Context, sim *process, targets []*target) error {
	for _, t := range targets {
		if err := warmUp(ctx, sim, t); err != nil {
			return err
		}
	}
	for _, t := range targets {
		if err := measureOpenStreams(ctx, sim, t); err != nil {
			return err
		}
	}
	for n := range rounds {
		for i := range targets {
			if err := targets[(n+i)%len(targets)].runRound(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// warmUp reads some streams and counts their requests to the platform.
func warmUp(ctx context.Context, sim *process, t *target) error {
	const streams = 200
	for range 2 { // in the first pass, the server may also request the models
		before, err := countPlatformCalls(ctx, sim)
		if err != nil {
			return err
		}
		r, err := t.runLoad(ctx, load{modeAtOnce, shortPieces, 8, streams})
		if err != nil {
			return err
		}
		if r.failedStreams > 0 {
			return r.failure
		}
		after, err := countPlatformCalls(ctx, sim)
		if err != nil {
			return err
		}
		t.measured.callsPerStream = float64(after-before) / streams
	}
	return nil
}

func countPlatformCalls(ctx context.Context, sim *process) (int, error) {
	text, err := get(ctx, sim, callsPath)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// measureOpenStreams reads the memory while many streams wait for their second piece.
func measureOpenStreams(ctx context.Context, sim *process, t *target) (err error) {
	if t.measured.idle, err = t.server.memory("VmRSS"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun, ended sync.WaitGroup
	begun.Add(openStreams)
	for range openStreams {
		ended.Go(func() {
			once := sync.OnceFunc(begun.Done)
			if _, err := t.ask(ctx, modeHeld, shortPieces, once); err != nil {
				cancel(err) // ends the other streams
			}
			once()
		})
	}
	begun.Wait()
	if t.measured.open, err = t.server.memory("VmRSS"); err != nil {
		return err
	}
	if t.measured.peak, err = t.server.memory("VmHWM"); err != nil {
		return err
	}
	if _, err := get(ctx, sim, releasePath); err != nil && ctx.Err() == nil {
		return err
	}
	ended.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("%d open streams: %w", openStreams, context.Cause(ctx))
	}
	return nil
}

// runRound runs each load once.
func (t *target) runRound(ctx context.Context) error {
	f := &t.measured
	results := make(map[load]result)
	for _, l := range []load{singleLoad, shortLoad, longLoad, pacedLoad} {
		r, err := t.runLoad(ctx, l)
		if err != nil {
			return err
		}
		if r.failedStreams > 0 {
			f.failure = r.failure
			if l != shortLoad {
				return fmt.Errorf("%d of %d streams of %v: %w", r.failedStreams, l.streams, l, r.failure)
			}
		}
		results[l] = r
	}
	f.samples = append(f.samples, results[singleLoad].samples...)
	f.streams += shortLoad.streams
	f.failedStreams += results[shortLoad].failedStreams
	// In each load a stream has the same fixed cost, which is nearly the cost of a short stream. What remains is the
	// cost of the further events.
	perStream := results[shortLoad].cpuPerStream()
	f.perStream = append(f.perStream, perStream)
	perEvent := (results[longLoad].cpuPerStream() - perStream) / (longPieces - shortPieces)
	f.perEvent = append(f.perEvent, perEvent)
	perPacedEvent := (results[pacedLoad].cpuPerStream() - perStream) / float64(pacedLoad.pieces-shortPieces)
	f.perPacedEvent = append(f.perPacedEvent, perPacedEvent)
	return nil
}
