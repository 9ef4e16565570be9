package app_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sample is the value of one series in a scrape.
type sample struct {
	kind   string // counter, gauge, histogram
	name   string
	labels map[string]string
	value  float64
}

// metricValues are the samples of /metrics by series.
type metricValues map[string]sample

// scrape reads /metrics as a Prometheus on this machine does.
func scrape(t *testing.T, base string) metricValues {
	t.Helper()
	return parseMetrics(t, getText(t, base+"/metrics"))
}

var labelPattern = regexp.MustCompile(`([a-z_]+)="((?:[^"\\]|\\.)*)"`)

// parseMetrics parses the text format of Prometheus.
func parseMetrics(t *testing.T, text string) metricValues {
	t.Helper()
	found, kinds := metricValues{}, map[string]string{}
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
		for _, m := range labelPattern.FindAllStringSubmatch(rest, -1) {
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

// value returns the sum of a metric's series that have the labels. labels are names and values.
func (s metricValues) value(name string, labels ...string) float64 {
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

// labelNames returns the names of all labels by metric.
func (s metricValues) labelNames() map[string]map[string]bool {
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

// waitForMetrics scrapes until isDone returns true, and returns that scrape.
func waitForMetrics(t *testing.T, base string, isDone func(metricValues) bool) metricValues {
	t.Helper()
	for t.Context().Err() == nil {
		if s := scrape(t, base); isDone(s) {
			return s
		}
	}
	t.Fatal("metrics = other values until the timeout, want the expected ones")
	return nil
}

// hasCounted returns a condition for waitForMetrics: n questions were counted, which happens after their replies. A
// scrape reads the metrics one after the other, so a test that needs several metrics must wait for each.
func hasCounted(n int) func(metricValues) bool {
	return func(s metricValues) bool {
		return s.value("achuan_http_requests_total", "route", "/v1/chat/completions") == float64(n)
	}
}

// A server that has answered and failed requests has every metric in the table.
func TestServerHasEveryMetric(t *testing.T) {
	shown := scrapeAfterRequests(t).labelNames()
	for _, f := range families() {
		name := f.Name
		if f.Kind == "histogram" {
			name += "_bucket"
		}
		labels, ok := shown[name]
		if !ok {
			t.Errorf("/metrics has no %s, want every family", f.Name)
		}
		for _, l := range f.Labels {
			if ok && !labels[l] {
				t.Errorf("metric %s has no label %s, want all its labels", f.Name, l)
			}
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds"} {
		if shown[name] == nil {
			t.Errorf("/metrics has no %s, want the metrics of the process", name)
		}
	}
}

func TestMetricsContentType(t *testing.T) {
	r := startApp(t, newSimulator(t))
	resp, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain; version=0.0.4") {
		t.Errorf("Content-Type of /metrics = %q, want the text format of Prometheus", got)
	}
}
