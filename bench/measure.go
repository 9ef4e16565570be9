package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// bench is a run.
type bench struct {
	opts    *options
	dir     string
	sim     *process
	targets []*target // without direct
	direct  *target
	began   time.Time
	stops   []func()

	values map[*row]map[string][]float64 // by row and target; those of slices have one value for each round
	usages map[loadOf][]usage
	notes  []string
}

// loadOf is a load of a target.
type loadOf struct{ load, target string }

func (b *bench) add(r *row, t *target, value float64) {
	if b.values[r] == nil {
		b.values[r] = map[string][]float64{}
	}
	b.values[r][t.name] = append(b.values[r][t.name], value)
}

func (b *bench) note(format string, args ...any) {
	b.notes = append(b.notes, fmt.Sprintf(format, args...))
}

// find returns the target with this name, or nil.
func (b *bench) find(name string) *target {
	if i := slices.IndexFunc(b.targets, func(t *target) bool { return t.name == name }); i >= 0 {
		return b.targets[i]
	}
	return nil
}

func (b *bench) progress(what string) {
	fmt.Fprintf(os.Stderr, "bench: %3.0f s: %s\n", time.Since(b.began).Seconds(), what)
}

// measureAll takes all wanted measurements. Those of memory come first, because loads leave a larger heap.
func (b *bench) measureAll(ctx context.Context) error {
	b.progress("warm-up")
	for _, t := range b.targets {
		if _, err := t.prepare(ctx, load{clients: 8, conversations: 100}); err != nil {
			return err
		}
	}
	for _, step := range []struct {
		group   string
		measure func(context.Context) error
	}{
		{groupIdle, b.measureIdle},
		{groupTranscript, b.measurePeaks},
		{groupStart, b.measureStarts},
		{groupSyscalls, b.measureSyscalls},
		{groupPostgres, b.measureRoundTrips},
		{groupDialects, b.measureDialects},
		{"", b.measureSlices},
		{groupStreams, b.readFurtherStreams},
	} {
		if step.group != "" && !b.opts.has(step.group) {
			continue
		}
		if step.group != "" {
			b.progress(step.group)
		}
		if err := step.measure(ctx); err != nil {
			return err
		}
	}
	if t := b.find(namePostgres); t != nil && b.values[rowContinued64] != nil {
		for _, ratio := range ratios(b.values[rowContinued64][t.name], b.values[rowContinued64][nameAchuan]) {
			b.add(rowAgainstSQLite, t, ratio)
		}
	}
	for _, t := range b.targets {
		b.add(rowStreams, t, float64(t.streams.all))
		b.add(rowCut, t, float64(t.streams.cut))
		b.add(rowDisordered, t, float64(t.streams.disordered))
		b.add(rowOther, t, float64(t.streams.other))
	}
	return nil
}

// measureSlices runs all loads in slices that alternate between the targets.
func (b *bench) measureSlices(ctx context.Context) error {
	for round := range b.opts.rounds {
		for _, l := range slicedLoads {
			if !b.opts.has(l.group) {
				continue
			}
			b.progress(fmt.Sprintf("round %d of %d: %s", round+1, b.opts.rounds, l.cpu.name))
			if err := b.runRound(ctx, l, round); err != nil {
				return err
			}
		}
	}
	return nil
}

// runRound runs a slice of a load for each target. In each round another target is the first.
func (b *bench) runRound(ctx context.Context, l sliced, round int) error {
	targets := slices.DeleteFunc(slices.Clone(b.targets), func(t *target) bool {
		return t.name == nameSessions && !l.hasSessions
	})
	if l.hasLatency {
		targets = append(targets, b.direct)
	}
	firsts := map[*target][]float64{}
	for i := range targets {
		t := targets[(round+i)%len(targets)]
		r, err := b.measureSlice(ctx, l, t)
		if err != nil {
			return err
		}
		firsts[t] = valuesOf(r.samples, func(s sample) float64 { return float64(s.first) / float64(time.Millisecond) })
	}
	if !l.hasLatency {
		return nil
	}
	for _, t := range b.targets {
		if values := firsts[t]; values != nil {
			b.add(rowFirst, t, median(values)-median(firsts[b.direct]))
			b.add(rowFirst99, t, quantile(values, 0.99)-quantile(firsts[b.direct], 0.99))
		}
	}
	return nil
}

// measureSlice runs a slice of a load and adds the results that belong to one target.
func (b *bench) measureSlice(ctx context.Context, l sliced, t *target) (*sliceResult, error) {
	length, baseCPU, further := b.opts.slice, 0.0, 1
	if l.base != nil {
		base, err := b.runSlice(ctx, t, *l.base, length/4)
		if err != nil {
			return nil, err
		}
		length -= length / 4
		baseCPU, further = base.cpuPerTurn(), l.count-l.base.count
	}
	r, err := b.runSlice(ctx, t, l.load, length)
	if err != nil || t.isDirect {
		return r, err
	}
	b.usages[loadOf{l.cpu.name, t.name}] = append(b.usages[loadOf{l.cpu.name, t.name}], r.usage)
	b.add(l.cpu, t, (r.cpuPerTurn()-baseCPU)/float64(further))
	if l.calls != nil {
		b.add(l.calls, t, float64(r.calls)/float64(r.turns))
	}
	return r, nil
}

// readFurtherStreams reads streams of achuan until enough were checked.
func (b *bench) readFurtherStreams(ctx context.Context) error {
	for _, t := range b.targets {
		if t.name != nameAchuan && t.name != namePostgres {
			continue
		}
		for t.streams.all < b.opts.streams {
			if _, err := b.runSlice(ctx, t, slicedLoads[0].load, b.opts.slice); err != nil {
				return err
			}
		}
	}
	return nil
}

// get requests a route of bench from the simulator's process.
func (b *bench) get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+b.sim.address+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := b.direct.client.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return strings.TrimSpace(string(body)), err
}
