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

// row is a row of the table, with one number for each target.
type row struct {
	name   string
	values []string
	ratio  string // of achuan to the floor
}

// report prints the table. It returns an error when a stream of achuan has failed.
func report(w io.Writer, targets []*target, took time.Duration) error {
	direct, floor, achuan := targets[0], targets[1], targets[2]
	cpu := func(name string, of func(*measurements) []float64, unit time.Duration) row {
		r := row{name: name, ratio: ratioWithRange(of(&achuan.measured), of(&floor.measured))}
		for _, t := range targets {
			r.values = append(r.values, fmt.Sprintf("%.1f", mean(of(&t.measured))/float64(unit)))
		}
		return r
	}
	latency := func(name string, of func(sample) time.Duration, percent int) row {
		at := func(t *target) time.Duration { return percentile(t.measured.samples, of, percent) }
		base := at(direct)
		return row{name, []string{
			micros(base), "+" + micros(at(floor)-base), "+" + micros(at(achuan)-base),
		}, ratio(float64(at(achuan)-base), float64(at(floor)-base))}
	}
	plain := func(name string, of func(*measurements) float64, format string) row {
		r := row{name: name, ratio: ratio(of(&achuan.measured), of(&floor.measured))}
		for _, t := range targets {
			r.values = append(r.values, fmt.Sprintf(format, of(&t.measured)))
		}
		return r
	}
	first := func(s sample) time.Duration { return s.first }
	whole := func(s sample) time.Duration { return s.whole }
	const mebibyte = 1 << 20
	rows := []row{
		cpu(fmt.Sprintf("CPU per request of %d events, µs", shortPieces), func(f *measurements) []float64 { return f.perStream }, time.Microsecond),
		cpu("CPU per further event, all at once, µs", func(f *measurements) []float64 { return f.perEvent }, time.Microsecond),
		cpu(fmt.Sprintf("CPU per further event, one per %v, µs", pieceInterval), func(f *measurements) []float64 { return f.perPacedEvent }, time.Microsecond),
		latency("first event p50, µs (+: added)", first, 50),
		latency("first event p99, µs (+: added)", first, 99),
		latency("whole answer p50, µs (+: added)", whole, 50),
		latency("whole answer p99, µs (+: added)", whole, 99),
		plain("memory idle, MB", func(f *measurements) float64 { return float64(f.idle) / mebibyte }, "%.1f"),
		plain(fmt.Sprintf("memory with %d open streams, MB", openStreams), func(f *measurements) float64 { return float64(f.open) / mebibyte }, "%.1f"),
		plain("its peak until then, MB", func(f *measurements) float64 { return float64(f.peak) / mebibyte }, "%.1f"),
		plain("memory per open stream, kB", func(f *measurements) float64 { return float64(f.open-f.idle) / openStreams / 1024 }, "%.1f"),
		plain("platform requests per request", func(f *measurements) float64 { return f.callsPerStream }, "%.2f"),
		plain(fmt.Sprintf("streams cut, of %d", achuan.measured.streams), func(f *measurements) float64 { return float64(f.failedStreams) }, "%.0f"),
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
	if achuan.measured.failedStreams > 0 {
		return fmt.Errorf("achuan cut %d of %d streams: %w", achuan.measured.failedStreams, achuan.measured.streams, achuan.measured.failure)
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

// ratioWithRange returns the ratio of the means, and in parentheses the smallest and the largest ratio of the rounds.
func ratioWithRange(a, b []float64) string {
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return fmt.Sprintf("%s (%.2f-%.2f)", ratio(mean(a), mean(b)), slices.Min(ratios), slices.Max(ratios))
}

// ratio returns a/b, or "-" when b is not positive.
func ratio(a, b float64) string {
	if b <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// percentile returns the smallest sample that is not less than percent of all samples. samples must not be empty.
func percentile(samples []sample, of func(sample) time.Duration, percent int) time.Duration {
	sorted := slices.SortedFunc(func(yield func(time.Duration) bool) {
		for _, s := range samples {
			if !yield(of(s)) {
				return
			}
		}
	}, cmp.Compare)
	rank := (len(sorted)*percent + 99) / 100 // from 1, rounded up
	return sorted[max(rank, 1)-1]
}

func micros(d time.Duration) string { return fmt.Sprint(d.Microseconds()) }
