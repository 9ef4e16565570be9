package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tracedTurns is the number of turns whose system calls are counted.
const tracedTurns = 100

// tracedEvents are the further events of paced streams whose system calls are counted.
const tracedEvents = 100

// measureSyscalls counts system calls with strace, one client at a time. strace slows the server down, and its own
// start adds a call or two for each thread.
func (b *bench) measureSyscalls(ctx context.Context) error {
	strace, err := exec.LookPath("strace")
	if err != nil {
		b.note("system calls: not available, because strace is not installed")
		return nil //nolint:nilerr // the other rows do not need it
	}
	for _, t := range b.targets {
		if t.name == nameSessions {
			continue
		}
		if err := b.traceTarget(ctx, strace, t); err != nil {
			if firstCause(ctx, nil) != nil {
				return err
			}
			b.note("system calls of %s: not available: %v", t.name, err)
		}
	}
	return nil
}

func (b *bench) traceTarget(ctx context.Context, strace string, t *target) error {
	s, err := t.prepare(ctx, load{clients: 4, conversations: tracedTurns / 10, turns: tracedTurns})
	if err != nil {
		return err
	}
	ask := func(mode string, count int) func() error {
		return func() error {
			c := s.take()
			c.ask(mode, count, 0)
			_, err := t.ask(ctx, c, count, nil)
			s.put(c)
			return err
		}
	}
	turns, err := b.trace(ctx, strace, t, tracedTurns, ask(modeAtOnce, firstCount))
	if err != nil {
		return err
	}
	b.add(rowSyscalls, t, total(turns)/tracedTurns)
	b.note("system calls of a continued turn of %s: %s", t.name, mostFrequent(turns, tracedTurns))
	const streams = 4
	short, err := b.trace(ctx, strace, t, streams, ask(modePaced, firstCount))
	if err != nil {
		return err
	}
	long, err := b.trace(ctx, strace, t, streams, ask(modePaced, firstCount+tracedEvents))
	if err != nil {
		return err
	}
	b.add(rowEventSyscalls, t, (total(long)-total(short))/(streams*tracedEvents))
	return nil
}

// trace calls f count times and returns the system calls of the target meanwhile, by name.
func (b *bench) trace(
	ctx context.Context, strace string, t *target, count int, f func() error,
) (map[string]float64, error) {
	output := filepath.Join(b.dir, "strace")
	args := []string{"-f", "-c", "-q", "-o", output}
	for _, pid := range t.pids {
		args = append(args, "-p", strconv.Itoa(pid))
	}
	c := exec.CommandContext(ctx, strace, args...)
	var complaint strings.Builder
	c.Stderr = &complaint
	if err := c.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	err := awaitTraced(ctx, t.pids, ended)
	for range count {
		if err == nil {
			err = f()
		}
	}
	_ = c.Process.Signal(syscall.SIGINT) // it may have ended
	if err == nil {
		<-ended // the error is "signal: interrupt"
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, complaint.String())
	}
	table, err := os.ReadFile(output)
	if err != nil {
		return nil, err
	}
	return parseStrace(string(table))
}

// awaitTraced waits until all threads of the processes are traced.
func awaitTraced(ctx context.Context, pids []int, ended <-chan error) error {
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		isTraced := true
		for _, pid := range pids {
			threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
			if err != nil {
				return err
			}
			for _, thread := range threads {
				status, err := os.ReadFile(thread)
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return err
				}
				isTraced = isTraced && (err != nil || !strings.Contains(string(status), "\nTracerPid:\t0\n"))
			}
		}
		if isTraced {
			return nil
		}
		select {
		case <-retry.C:
		case err := <-ended:
			return fmt.Errorf("strace ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// parseStrace returns the numbers of calls in a table of strace -c. Its lines are: % time, seconds, usecs/call, calls,
// errors (may be empty), syscall. It leaves out the sleeps of Go's scheduler, because they count time and not work.
func parseStrace(table string) (map[string]float64, error) {
	calls := map[string]float64{}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		name := fields[len(fields)-1]
		if n, err := strconv.ParseFloat(fields[3], 64); err == nil && name != "total" && name != "nanosleep" {
			calls[name] += n
		}
	}
	if len(calls) == 0 {
		return nil, fmt.Errorf("strace printed no table: %q", table)
	}
	return calls, nil
}

func total(calls map[string]float64) float64 {
	sum := 0.0
	for _, n := range calls {
		sum += n
	}
	return sum
}

// mostFrequent returns the names of the most frequent calls, with their numbers per turn.
func mostFrequent(calls map[string]float64, turns int) string {
	names := slices.SortedFunc(maps.Keys(calls), func(a, b string) int {
		return int(calls[b] - calls[a])
	})
	var parts []string
	for _, name := range names[:min(len(names), 8)] {
		parts = append(parts, fmt.Sprintf("%s %.1f", name, calls[name]/float64(turns)))
	}
	return strings.Join(parts, ", ")
}
