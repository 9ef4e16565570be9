package main

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	upTo := func(n int) []sample {
		samples := make([]sample, n)
		for i := range samples { // not sorted
			samples[(i*7)%n].first = time.Duration(i + 1)
		}
		return samples
	}
	for _, c := range []struct{ n, percent, want int }{
		{1, 50, 1}, {1, 99, 1}, {2, 50, 1}, {2, 99, 2}, {100, 50, 50}, {100, 99, 99}, {200, 99, 198}, {10, 99, 10},
		{10, 0, 1}, {10, 100, 10},
	} {
		first := func(s sample) time.Duration { return s.first }
		if got := percentile(upTo(c.n), first, c.percent); got != time.Duration(c.want) {
			t.Errorf("percentile(1 to %d, %d) = %d, want %d", c.n, c.percent, got, c.want)
		}
	}
}

func TestRatios(t *testing.T) {
	for _, c := range []struct {
		a, b float64
		want string
	}{{3, 2, "1.50"}, {0, 2, "0.00"}, {1, 0, "-"}, {1, -1, "-"}} {
		if got := ratio(c.a, c.b); got != c.want {
			t.Errorf("ratio(%v, %v) = %s, want %s", c.a, c.b, got, c.want)
		}
	}
	if got, want := ratioWithRange([]float64{1, 5}, []float64{2, 2}), "1.50 (0.50-2.50)"; got != want {
		t.Errorf("ratioWithRange() = %s, want %s", got, want)
	}
}

func TestReport(t *testing.T) {
	testTarget := func(cpu float64, cut int) *target {
		return &target{measured: measurements{
			callsPerStream: 2, idle: 1 << 20, open: 3 << 20, peak: 3 << 20,
			perStream: []float64{cpu}, perEvent: []float64{cpu}, perPacedEvent: []float64{cpu},
			samples: []sample{{time.Duration(cpu), 2 * time.Duration(cpu)}}, streams: 10, failedStreams: cut, failure: errors.New("cut off"),
		}}
	}
	var b strings.Builder
	targets := []*target{testTarget(1e6, 0), testTarget(2e6, 1), testTarget(4e6, 0)}
	if err := report(&b, targets, time.Second); err != nil {
		t.Errorf("report() with a failed stream of the floor = %v, want no error", err)
	}
	for _, row := range []string{"1000.0   2000.0   4000.0   2.00 (2.00-2.00)", "1000     +1000    +3000    3.00", "streams cut, of 10"} {
		if !strings.Contains(b.String(), row) {
			t.Errorf("report() printed\n%s\nwant %q in it", b.String(), row)
		}
	}
	if err := report(&b, []*target{testTarget(1, 0), testTarget(2, 0), testTarget(3, 1)}, time.Second); err == nil {
		t.Error("report() with a failed stream of achuan = no error, want one")
	}
}
