package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"
)

// row is a line of the table: one number for each target.
type row struct {
	name   string
	values []string
	ratio  string // achuan to the floor
}

// report prints the table. Streams that were cut are an error.
func report(w io.Writer, targets []*target, took time.Duration) error {
	direct, floor, achuan := targets[0], targets[1], targets[2]
	cpu := func(name string, of func(*findings) []float64, unit time.Duration) row {
		r := row{name: name, ratio: spread(of(&achuan.found), of(&floor.found))}
		for _, t := range targets {
			r.values = append(r.values, fmt.Sprintf("%.1f", mean(of(&t.found))/float64(unit)))
		}
		return r
	}
	latency := func(name string, of func(sample) time.Duration, percent int) row {
		at := func(t *target) time.Duration { return percentile(t.found.samples, of, percent) }
		base := at(direct)
		return row{name, []string{
			micros(base), "+" + micros(at(floor)-base), "+" + micros(at(achuan)-base),
		}, times(float64(at(achuan)-base), float64(at(floor)-base))}
	}
	plain := func(name string, of func(*findings) float64, format string) row {
		r := row{name: name, ratio: times(of(&achuan.found), of(&floor.found))}
		for _, t := range targets {
			r.values = append(r.values, fmt.Sprintf(format, of(&t.found)))
		}
		return r
	}
	first := func(s sample) time.Duration { return s.first }
	whole := func(s sample) time.Duration { return s.whole }
	const mega = 1 << 20
	rows := []row{
		cpu(fmt.Sprintf("CPU per request of %d events, µs", shortPieces), func(f *findings) []float64 { return f.perStream }, time.Microsecond),
		cpu("CPU per further event, all at once, µs", func(f *findings) []float64 { return f.perEvent }, time.Microsecond),
		cpu(fmt.Sprintf("CPU per further event, one per %v, µs", pace), func(f *findings) []float64 { return f.perPacedEvent }, time.Microsecond),
		latency("first event p50, µs (+: added)", first, 50),
		latency("first event p99, µs (+: added)", first, 99),
		latency("whole answer p50, µs (+: added)", whole, 50),
		latency("whole answer p99, µs (+: added)", whole, 99),
		plain("memory idle, MB", func(f *findings) float64 { return float64(f.idle) / mega }, "%.1f"),
		plain(fmt.Sprintf("memory with %d open streams, MB", openStreams), func(f *findings) float64 { return float64(f.open) / mega }, "%.1f"),
		plain("its peak until then, MB", func(f *findings) float64 { return float64(f.peak) / mega }, "%.1f"),
		plain("memory per open stream, kB", func(f *findings) float64 { return float64(f.open-f.idle) / openStreams / 1024 }, "%.1f"),
		plain("platform requests per request", func(f *findings) float64 { return f.callsPerStream }, "%.2f"),
		plain(fmt.Sprintf("streams cut, of %d", achuan.found.streams), func(f *findings) float64 { return float64(f.cut) }, "%.0f"),
	}
	fmt.Fprintf(w, "%s, %s/%s, %d CPUs, %d rounds, %.0f s\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), rounds, took.Seconds())
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\tdirect\tfloor\tachuan\tachuan / floor (rounds)")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.name, r.values[0], r.values[1], r.values[2], r.ratio)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if achuan.found.cut > 0 {
		return fmt.Errorf("achuan cut %d of %d streams: %w", achuan.found.cut, achuan.found.streams, achuan.found.why)
	}
	return nil
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// spread is the ratio of the means, and the least and the most of the rounds'.
func spread(a, b []float64) string {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return fmt.Sprintf("%s (%.2f-%.2f)", times(mean(a), mean(b)), slices.Min(ratios), slices.Max(ratios))
}

// times is a ratio; there is none to nothing.
func times(a, b float64) string {
	if b <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// percentile is the sample that percent of all are not above; samples are not empty.
func percentile(samples []sample, of func(sample) time.Duration, percent int) time.Duration {
	sorted := slices.SortedFunc(func(yield func(time.Duration) bool) {
		for _, s := range samples {
			if !yield(of(s)) {
				return
			}
		}
	}, cmp.Compare)
	rank := (len(sorted)*percent + 99) / 100 // rounded up, from 1
	return sorted[max(rank, 1)-1]
}

func micros(d time.Duration) string { return fmt.Sprint(d.Microseconds()) }
