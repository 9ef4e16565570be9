package main

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// peakCount is how often the peak memory of a turn is measured.
const peakCount = 3

// measureIdle measures the memory of a stream that waits for its second piece. It compares two numbers of streams, so
// that the memory of the program itself does not count.
func (b *bench) measureIdle(ctx context.Context) error {
	for _, t := range b.targets {
		if t.name == nameSessions {
			continue
		}
		kibibytes, err := b.idleStream(ctx, t)
		if err != nil {
			return fmt.Errorf("%s, %d open streams: %w", t.name, b.opts.idle[1], err)
		}
		b.add(rowIdle, t, kibibytes)
	}
	return nil
}

func (b *bench) idleStream(ctx context.Context, t *target) (kibibytes float64, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var ended sync.WaitGroup
	var memory [2]int64
	opened := 0
	for i, count := range b.opts.idle {
		t.openStreams(ctx, cancel, count-opened, &ended)
		opened = count
		if memory[i], err = memoryOf("VmRSS", t.pids...); err != nil {
			return 0, err
		}
	}
	_, err = b.get(ctx, releasePath)
	ended.Wait()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return float64(memory[1]-memory[0]) / float64(b.opts.idle[1]-b.opts.idle[0]) / 1024, err
}

// maxOpening is the number of streams that wait for their first piece at once.
const maxOpening = 64

// openStreams opens streams, and waits until all have their first piece. A failure cancels the context.
func (t *target) openStreams(ctx context.Context, cancel context.CancelCauseFunc, count int, ended *sync.WaitGroup) {
	var begun sync.WaitGroup
	slots := make(chan struct{}, maxOpening)
	for range count {
		slots <- struct{}{}
		begun.Add(1)
		ended.Go(func() {
			once := sync.OnceFunc(func() {
				<-slots
				begun.Done()
			})
			c := newConversation(0)
			c.ask(modeHeld, firstCount, 0)
			if _, err := t.ask(ctx, c, firstCount, once); err != nil {
				cancel(err) // ends the other streams
			}
			once()
		})
	}
	begun.Wait()
}

// measurePeaks measures by how much one turn on a long transcript raises the memory of a fresh process. It skips
// programs that bench cannot start.
func (b *bench) measurePeaks(ctx context.Context) error {
	for range peakCount {
		for _, t := range b.targets {
			if t.program == nil || t.name == nameSessions {
				continue
			}
			ratio, err := t.peakMemory(ctx)
			if err != nil {
				return err
			}
			b.add(rowPeak, t, ratio)
		}
	}
	return nil
}

// peakMemory returns the added memory of a turn, as a multiple of the body.
func (t *target) peakMemory(ctx context.Context) (ratio float64, err error) {
	var long *stock
	if err := t.withFreshProcess(ctx, func(fresh *target) (err error) {
		long, err = fresh.prepare(ctx, load{clients: 1, conversations: 1, historyBytes: 2_000_000})
		return err
	}); err != nil {
		return 0, err
	}
	// Another process on the same data: this one has no memory left from the first turn.
	err = t.withFreshProcess(ctx, func(fresh *target) error {
		if _, err := fresh.prepare(ctx, load{clients: 1, conversations: 20}); err != nil {
			return err
		}
		if err := resetPeakMemory(fresh.pids[0]); err != nil {
			return err
		}
		before, err := memoryOf("VmRSS", fresh.pids...)
		if err != nil {
			return err
		}
		c := long.take()
		c.ask(modeAtOnce, firstCount, 0)
		if _, err := fresh.ask(ctx, c, firstCount, nil); err != nil {
			return err
		}
		after, err := memoryOf("VmHWM", fresh.pids...)
		ratio = float64(after-before) / float64(len(c.messages))
		return err
	})
	return ratio, err
}

// withFreshProcess calls f with another process of the target's program, which has a folder of its own.
func (t *target) withFreshProcess(ctx context.Context, f func(*target) error) error {
	p := *t.program
	p.dir += "-fresh"
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return err
	}
	s, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	return f(t.clone(s))
}
