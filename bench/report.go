package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report prints the figures, unless the generator or the simulator was the bottleneck. It returns an error in that
// case, and when a stream of achuan was not whole.
func (b *bench) report(w io.Writer) error {
	bottlenecks := b.bottlenecks()
	failure := errors.Join(b.streamFailure(), bottlenecks)
	if bottlenecks != nil && !b.opts.unchecked {
		return failure
	}
	if b.opts.json {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return errors.Join(encoder.Encode(b.document(bottlenecks)), failure)
	}
	return errors.Join(b.printTable(w, bottlenecks), failure)
}

// bottlenecks returns an error with the reason for each load in which the generator or the simulator was the
// bottleneck.
func (b *bench) bottlenecks() error {
	var reasons []error
	for _, key := range b.loadKeys() {
		if reason := medianUsage(b.usages[key]).bottleneck(); reason != "" {
			reasons = append(reasons, fmt.Errorf("%s, %s: %s", key.load, key.target, reason))
		}
	}
	if reasons == nil {
		return nil
	}
	return fmt.Errorf("the figures say little about the servers, because the generator or the simulator was the bottleneck:\n%w",
		errors.Join(reasons...))
}

// streamFailure returns an error when a stream of achuan was not whole.
func (b *bench) streamFailure() error {
	var all []error
	for _, t := range b.targets {
		if n := t.streams.failed(); n > 0 && (t.name == nameAchuan || t.name == namePostgres) {
			all = append(all, fmt.Errorf("%d of %d streams failed, one of them: %w", n, t.streams.all, t.streams.failure))
		}
	}
	return errors.Join(all...)
}

// foreign returns the median part of the machine that other programs used.
func (b *bench) foreign() float64 {
	var parts []float64
	for _, usages := range b.usages {
		parts = append(parts, valuesOf(usages, usage.foreign)...)
	}
	if parts == nil {
		return 0
	}
	return median(parts)
}

func (b *bench) printTable(w io.Writer, bottlenecks error) error {
	fmt.Fprintf(w, "%s, %s/%s, %d CPUs, %d slices of %v, %.0f s; other programs used %.0f %% of the machine\n",
		runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), b.opts.rounds, b.opts.slice,
		time.Since(b.began).Seconds(), 100*b.foreign())
	fmt.Fprint(w, "median (lower quartile); /floor is the ratio to the floor\n\n")
	if bottlenecks != nil {
		fmt.Fprintf(w, "NOT VALID: %v\n\n", bottlenecks)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "\t")
	for _, t := range b.targets {
		fmt.Fprintf(table, "\t%s", t.name)
		if t.name != nameFloor {
			fmt.Fprint(table, "\t/floor")
		}
	}
	fmt.Fprintln(table)
	for _, r := range rows {
		if b.values[r] == nil {
			continue
		}
		fmt.Fprintf(table, "%s\t%s", r.name, r.unit)
		for _, t := range b.targets {
			fmt.Fprintf(table, "\t%s", cell(b.values[r][t.name], r.digits))
			if t.name != nameFloor {
				fmt.Fprintf(table, "\t%s", cell(b.ratiosOf(r, t), 2))
			}
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, note := range b.notes {
		fmt.Fprintln(w, note)
	}
	return nil
}

// ratiosOf returns the ratios of a row to the floor, or nil.
func (b *bench) ratiosOf(r *row, t *target) []float64 {
	if !r.hasRatio || t.name == nameFloor {
		return nil
	}
	return ratios(b.values[r][t.name], b.values[r][nameFloor])
}

// cell returns the median of the values, with the lower quartile if there are several, or "-".
func cell(values []float64, digits int) string {
	switch format := func(v float64) string { return strconv.FormatFloat(v, 'f', digits, 64) }; len(values) {
	case 0:
		return "-"
	case 1:
		return format(values[0])
	default:
		return format(median(values)) + " (" + format(lowerQuartile(values)) + ")"
	}
}

// loadKeys returns the measured loads in the order of their names.
func (b *bench) loadKeys() []loadOf {
	return slices.SortedFunc(maps.Keys(b.usages), func(x, y loadOf) int {
		return cmp.Or(strings.Compare(x.load, y.load), strings.Compare(x.target, y.target))
	})
}

// document is the report as JSON.
type document struct {
	Go         string         `json:"go"`
	OS         string         `json:"os"`
	CPUs       int            `json:"cpus"`
	Rounds     int            `json:"rounds"`
	Slice      string         `json:"slice"`
	Seconds    float64        `json:"seconds"`
	Foreign    float64        `json:"foreignShare"`
	Bottleneck string         `json:"bottleneck,omitempty"`
	Rows       []documentRow  `json:"rows"`
	Loads      []documentLoad `json:"loads"`
	Notes      []string       `json:"notes"`
}

// documentLoad says who used the machine in the median slice.
type documentLoad struct {
	Load           string  `json:"load"`
	Target         string  `json:"target"`
	TargetShare    float64 `json:"targetShare"` // in the CPU time of all three
	GeneratorShare float64 `json:"generatorShare"`
	SimulatorShare float64 `json:"simulatorShare"`
	BusyCPUs       float64 `json:"busyCPUs"` // of all three
	LagMS          float64 `json:"lagMS"`
	Pace           float64 `json:"pace,omitempty"`
}

type documentRow struct {
	Name    string                   `json:"name"`
	Unit    string                   `json:"unit"`
	Targets map[string]documentValue `json:"targets"`
}

type documentValue struct {
	Values        []float64 `json:"values"`
	Median        float64   `json:"median"`
	LowerQuartile float64   `json:"lowerQuartile"`
	// To the floor; 0 if the row has no ratio.
	Ratio              float64 `json:"ratio,omitempty"`
	RatioLowerQuartile float64 `json:"ratioLowerQuartile,omitempty"`
}

func (b *bench) document(bottlenecks error) document {
	d := document{
		Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Rounds: b.opts.rounds,
		Slice: b.opts.slice.String(), Seconds: time.Since(b.began).Seconds(), Foreign: b.foreign(), Notes: b.notes,
	}
	if bottlenecks != nil {
		d.Bottleneck = bottlenecks.Error()
	}
	for _, r := range rows {
		if b.values[r] == nil {
			continue
		}
		entry := documentRow{r.name, r.unit, map[string]documentValue{}}
		for _, t := range b.targets {
			if values := b.values[r][t.name]; values != nil {
				v := documentValue{Values: values, Median: median(values), LowerQuartile: lowerQuartile(values)}
				if all := b.ratiosOf(r, t); all != nil {
					v.Ratio, v.RatioLowerQuartile = median(all), lowerQuartile(all)
				}
				entry.Targets[t.name] = v
			}
		}
		d.Rows = append(d.Rows, entry)
	}
	for _, key := range b.loadKeys() {
		u := medianUsage(b.usages[key])
		d.Loads = append(d.Loads, documentLoad{
			Load: key.load, Target: key.target, TargetShare: u.share(u.target), GeneratorShare: u.share(u.generator),
			SimulatorShare: u.share(u.simulator), BusyCPUs: float64(u.target+u.generator+u.simulator) / float64(u.wall),
			LagMS: float64(u.lag) / float64(time.Millisecond), Pace: u.pace,
		})
	}
	return d
}
