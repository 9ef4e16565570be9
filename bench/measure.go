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

// The loads of a round. In all rounds together 10,000 short streams are read.
var (
	short   = load{atOnce, shortPieces, 8, 2500}
	long    = load{atOnce, longPieces, 4, 60}
	asModel = load{paced, 200, 64, 64}
	alone   = load{atOnce, shortPieces, 1, 500} // nothing waits for anything: latency
)

// findings are what a run found out about a target; slices have one value a round.
type findings struct {
	callsPerStream float64 // requests to the platform

	idle, open, peak int64 // bytes: before the streams, with all of them open, most ever

	perStream, perEvent, perPacedEvent []float64 // CPU time, ns
	samples                            []sample  // of the load alone
	streams, cut                       int       // of the short ones
	why                                error     // of one that was cut
}

// measure runs all loads, memory first: later ones leave a larger heap behind.
func measure(ctx context.Context, sim *process, targets []*target) error {
	for _, t := range targets {
		if err := warm(ctx, sim, t); err != nil {
			return err
		}
	}
	for _, t := range targets {
		if err := openMany(ctx, sim, t); err != nil {
			return err
		}
	}
	for n := range rounds {
		for i := range targets {
			if err := targets[(n+i)%len(targets)].round(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// warm asks a few questions, and counts what the platform sees of them.
func warm(ctx context.Context, sim *process, t *target) error {
	const streams = 200
	for range 2 { // the first time, models may have to be looked up
		before, err := calls(ctx, sim)
		if err != nil {
			return err
		}
		r, err := t.drive(ctx, load{atOnce, shortPieces, 8, streams})
		if err != nil {
			return err
		}
		if r.cut > 0 {
			return r.why
		}
		after, err := calls(ctx, sim)
		if err != nil {
			return err
		}
		t.found.callsPerStream = float64(after-before) / streams
	}
	return nil
}

func calls(ctx context.Context, sim *process) (int, error) {
	text, err := get(ctx, sim, callsPath)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// openMany looks at the memory while many streams wait for their second piece.
func openMany(ctx context.Context, sim *process, t *target) (err error) {
	if t.found.idle, err = t.server.memory("VmRSS"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var begun, ended sync.WaitGroup
	begun.Add(openStreams)
	for range openStreams {
		ended.Go(func() {
			once := sync.OnceFunc(begun.Done)
			if _, err := t.ask(ctx, held, shortPieces, once); err != nil {
				cancel(err) // the others need not wait
			}
			once()
		})
	}
	begun.Wait()
	if t.found.open, err = t.server.memory("VmRSS"); err != nil {
		return err
	}
	if t.found.peak, err = t.server.memory("VmHWM"); err != nil {
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

// round puts each load on the target once.
func (t *target) round(ctx context.Context) error {
	f := &t.found
	results := make(map[load]result)
	for _, l := range []load{alone, short, long, asModel} {
		r, err := t.drive(ctx, l)
		if err != nil {
			return err
		}
		if r.cut > 0 {
			f.why = r.why
			if l != short {
				return fmt.Errorf("%d of %d streams of %v: %w", r.cut, l.streams, l, r.why)
			}
		}
		results[l] = r
	}
	f.samples = append(f.samples, results[alone].samples...)
	f.streams += short.streams
	f.cut += results[short].cut
	// What a stream costs beyond its events is the same in each load: the short ones
	// tell it, and events are what is left.
	perStream := results[short].perStream()
	f.perStream = append(f.perStream, perStream)
	perEvent := (results[long].perStream() - perStream) / (longPieces - shortPieces)
	f.perEvent = append(f.perEvent, perEvent)
	f.perPacedEvent = append(f.perPacedEvent, (results[asModel].perStream()-perStream)/float64(asModel.pieces-shortPieces))
	return nil
}
