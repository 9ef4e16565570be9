package app_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sample is one series' value in a scrape.
type sample struct {
	kind   string // counter, gauge, histogram
	name   string
	labels map[string]string
	value  float64
}

// scraped is what /metrics says, by series.
type scraped map[string]sample

// scrape reads /metrics as Prometheus on this machine would.
func scrape(t *testing.T, base string) scraped {
	t.Helper()
	return parseMetrics(t, get(t, base+"/metrics"))
}

var label = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)

// parseMetrics reads Prometheus' text format.
func parseMetrics(t *testing.T, text string) scraped {
	t.Helper()
	found, kinds := scraped{}, map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if declared, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(declared, " ")
			kinds[name] = kind
			continue
		}
		if line == "" || line[0] == '#' {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name, rest, _ := strings.Cut(line[:at], "{")
		s := sample{name: name, value: value, labels: map[string]string{}}
		for _, m := range label.FindAllStringSubmatch(rest, -1) {
			s.labels[m[1]] = m[2]
		}
		family := name
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if base, ok := strings.CutSuffix(name, suffix); ok && kinds[base] == "histogram" {
				family = base
			}
		}
		s.kind = kinds[family]
		found[line[:at]] = s
	}
	return found
}

// value is the sum of a metric's series that have the labels, given as names and
// values.
func (s scraped) value(name string, labels ...string) float64 {
	sum := 0.0
series:
	for _, x := range s {
		if x.name != name {
			continue
		}
		for i := 0; i < len(labels); i += 2 {
			if x.labels[labels[i]] != labels[i+1] {
				continue series
			}
		}
		sum += x.value
	}
	return sum
}

// labelNames are, by metric, the names of all labels.
func (s scraped) labelNames() map[string]map[string]bool {
	names := map[string]map[string]bool{}
	for _, x := range s {
		if names[x.name] == nil {
			names[x.name] = map[string]bool{}
		}
		for l := range x.labels {
			names[x.name][l] = true
		}
	}
	return names
}

// until scrapes until something is so.
func until(t *testing.T, base string, so func(scraped) bool) scraped {
	t.Helper()
	for t.Context().Err() == nil {
		if s := scrape(t, base); so(s) {
			return s
		}
	}
	t.Fatal("it never was so")
	return nil
}

// served is so when so many questions have been counted, which is after their
// replies have left. A scrape reads one metric after the other: who wants several
// has to wait for each.
func served(n int) func(scraped) bool {
	return func(s scraped) bool {
		return s.value("achuan_http_requests_total", "route", "/v1/chat/completions") == float64(n)
	}
}

// A server that has answered and failed shows every metric of the table, and
// /metrics is what Prometheus reads.
func TestServerShowsEveryMetric(t *testing.T) {
	shown := exercised(t).labelNames()
	for _, f := range families() {
		name := f.Name
		if f.Kind == "histogram" {
			name += "_bucket"
		}
		labels, ok := shown[name]
		if !ok {
			t.Errorf("%s is not shown", f.Name)
		}
		for _, l := range f.Labels {
			if ok && !labels[l] {
				t.Errorf("%s has no label %s", f.Name, l)
			}
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds"} {
		if shown[name] == nil {
			t.Errorf("%s is not shown", name)
		}
	}
}

func TestMetricsContentType(t *testing.T) {
	r := run(t, newSimulator(t))
	resp, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("content type %q", got)
	}
}
