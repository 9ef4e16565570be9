package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// testRun returns a run with figures, in which the generator used this CPU time in each slice.
func testRun(generator time.Duration) *bench {
	b := &bench{
		opts: &options{rounds: 3, slice: time.Second}, began: time.Now(),
		values: map[*row]map[string][]float64{}, usages: map[loadOf][]usage{}, notes: []string{"a note"},
		targets: []*target{{name: nameFloor}, {name: nameAchuan}},
	}
	for i, name := range []string{nameFloor, nameAchuan} {
		t := b.find(name)
		for n := range 3 {
			b.add(rowContinued64, t, float64(100*(1+i*2)+10*n*i))
		}
		b.add(rowBinary, t, float64(7+i))
		key := loadOf{rowContinued64.name, name}
		b.usages[key] = []usage{{clients: 64, wall: time.Second, target: time.Second, generator: generator}}
	}
	b.add(rowRoundTrips, b.find(nameAchuan), 3)
	return b
}

func TestReport(t *testing.T) {
	var out strings.Builder
	if err := testRun(time.Second / 2).report(&out); err != nil {
		t.Errorf("report() = %v, want no error", err)
	}
	for _, want := range []string{
		"floor      achuan     /floor\n",
		"continued turn, 20 events, c=64             µs CPU  100 (100)  310 (305)  3.10 (3.05)\n",
		"binary                                      MB      7.0        8.0        -\n",
		"PostgreSQL round trips of a continued turn          -          3.00       -\n",
		"a note\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("report() printed\n%s\nwant %q in it", out.String(), want)
		}
	}
}

func TestReportAsJSON(t *testing.T) {
	var out strings.Builder
	b := testRun(time.Second / 2)
	b.opts.json = true
	if err := b.report(&out); err != nil {
		t.Errorf("report() = %v, want no error", err)
	}
	var got document
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	v := got.Rows[0].Targets[nameAchuan]
	if len(got.Rows) != 3 {
		t.Errorf("report() = %d rows, want 3", len(got.Rows))
	}
	want := documentValue{
		Values: []float64{300, 310, 320}, Median: 310, LowerQuartile: 305, Ratio: 3.1, RatioLowerQuartile: 3.05,
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("report() = %+v, want %+v", v, want)
	}
	if len(got.Loads) != 2 || got.Loads[0].Target != nameAchuan || got.Bottleneck != "" {
		t.Errorf("loads = %+v, bottleneck %q; want two loads and no bottleneck", got.Loads, got.Bottleneck)
	}
}

func TestReportIsRefused(t *testing.T) {
	var out strings.Builder
	b := testRun(3 * time.Second)
	err := b.report(&out)
	if err == nil || !strings.Contains(err.Error(), "c=64, achuan: the generator uses 75 %") {
		t.Errorf("report() with a busy generator = %v, want the reason", err)
	}
	if out.Len() > 0 {
		t.Errorf("report() printed %q, want nothing", out.String())
	}
	b.opts.unchecked = true
	if err := b.report(&out); err == nil || !strings.Contains(out.String(), "NOT VALID") {
		t.Errorf("report() with -unchecked = %v, and printed %q; want an error and a mark", err, out.String())
	}
}

func TestReportFailsForStreams(t *testing.T) {
	b := testRun(0)
	b.find(nameFloor).streams.add(errCut)
	var out strings.Builder
	if err := b.report(&out); err != nil {
		t.Errorf("report() with a cut stream of the floor = %v, want no error", err)
	}
	b.find(nameAchuan).streams.add(nil)
	b.find(nameAchuan).streams.add(errDisorder)
	if err := b.report(&out); !errors.Is(err, errDisorder) || !strings.Contains(err.Error(), "1 of 2 streams") {
		t.Errorf("report() with a wrong stream of achuan = %v, want that stream", err)
	}
}
