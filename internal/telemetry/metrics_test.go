package telemetry

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// scrape returns the lines of one metric without its name.
func scrape(t *testing.T, m *Metrics, name string) string {
	t.Helper()
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	var lines []string
	for line := range strings.Lines(rec.Body.String()) {
		if rest, ok := strings.CutPrefix(line, name); ok && strings.ContainsAny(rest[:1], "{ ") {
			lines = append(lines, strings.TrimSpace(rest))
		}
	}
	return strings.Join(lines, "\n")
}

func TestMetricsCount(t *testing.T) {
	for _, c := range []struct {
		name   string
		count  func(*Metrics)
		metric string
		want   string
	}{
		{"build", func(*Metrics) {}, "achuan_build_info", `{commit="abc",go="go1",version="1.2"} 1`},
		{"a request", func(m *Metrics) { m.Request(Request{Route: "/r", Model: "m", Status: 200, Stream: true}) },
			"achuan_http_requests_total", `{model="m",route="/r",status="200",stream="true"} 1`},
		{"a request without a route", func(m *Metrics) { m.Request(Request{Status: 413}) },
			"achuan_http_requests_total", `{model="",route="none",status="413",stream="false"} 1`},
		{"no first event", func(m *Metrics) { m.Request(Request{Model: "m"}) }, "achuan_first_event_seconds_count", ""},
		{"a first event", func(m *Metrics) { m.Request(Request{Model: "m", FirstEvent: 2 * time.Second}) },
			"achuan_first_event_seconds_sum", `{model="m"} 2`},
		{"a duration", func(m *Metrics) { m.Request(Request{Route: "/r", Duration: 90 * time.Second}) },
			"achuan_request_duration_seconds_sum", `{route="/r",stream="false"} 90`},
		{"tokens", func(m *Metrics) { m.Request(Request{Model: "m", PromptTokens: 7, CompletionTokens: 2}) },
			"achuan_tokens_total", "{kind=\"completion\",model=\"m\"} 2\n{kind=\"prompt\",model=\"m\"} 7"},
		{"points", func(m *Metrics) { m.PointsSpent("m", 3); m.PointsSpent("m", 2); m.PointsSpent("n", 0) },
			"achuan_points_total", `{model="m"} 5`},
		{"an error", func(m *Metrics) { m.Request(Request{ErrorType: "t", ErrorCode: "c"}) }, "achuan_errors_total", `{code="c",type="t"} 1`},
		{"streams", func(m *Metrics) { m.StreamOpened(); m.StreamOpened(); m.StreamClosed() }, "achuan_open_streams", "1"},
		{"a panic", (*Metrics).Panicked, "achuan_panics_total", "1"},
		{"a client that left", (*Metrics).ClientGone, "achuan_clients_gone_total", "1"},
		{"ignored keys", func(m *Metrics) { m.IgnoredKeys(3) }, "achuan_ignored_keys_total", "3"},
		{"waiting", func(m *Metrics) { m.WaitBegan(); m.WaitBegan(); m.WaitEnded(time.Second, WaitServed) }, "achuan_queue_length", "1"},
		{"waits", func(m *Metrics) { m.WaitBegan(); m.WaitEnded(4*time.Second, WaitBusy) }, "achuan_queue_wait_seconds_sum",
			"{outcome=\"busy\"} 4\n{outcome=\"left\"} 0\n{outcome=\"served\"} 0"},
		{"a deletion", (*Metrics).SessionDeleted, "achuan_cleanup_deletions_total", "1"},
		{"a failed deletion", (*Metrics).DeletionFailed, "achuan_cleanup_failures_total", "1"},
		{"the store", func(m *Metrics) { m.StoreFailed(StoreWrite) }, "achuan_store_failures_total",
			"{operation=\"lease\"} 0\n{operation=\"read\"} 0\n{operation=\"write\"} 1"},
		{"attachments", func(m *Metrics) { m.Attached(AttachRetry) }, "achuan_attaches_total",
			"{reason=\"client_left\"} 0\n{reason=\"idempotency_key\"} 0\n{reason=\"interrupted\"} 0\n{reason=\"sdk_retry\"} 1"},
		{"the platform before the first call", func(*Metrics) {}, "achuan_platform_up", ""},
		{"the platform", func(m *Metrics) { m.PlatformUp(true); m.PlatformUp(false) }, "achuan_platform_up", "0"},
		{"a platform call", func(m *Metrics) { m.PlatformCall("GET /x", "ok", time.Second) },
			"achuan_platform_calls_total", `{endpoint="GET /x",outcome="ok"} 1`},
		{"a call's duration", func(m *Metrics) { m.PlatformCall("GET /x", "ok", time.Second) },
			"achuan_platform_call_duration_seconds_sum", `{endpoint="GET /x"} 1`},
		{"no failure", func(m *Metrics) { m.PlatformCall("GET /x", "ok", 0); m.PlatformCall("GET /x", OutcomeGivenUp, 0) },
			"achuan_platform_last_failure_timestamp_seconds", ""},
		{"an account", func(m *Metrics) { m.AccountState(AccountNoPoints) }, "achuan_account_state",
			"{state=\"no_points\"} 1\n{state=\"ok\"} 0\n{state=\"refused\"} 0\n{state=\"unknown\"} 0"},
		{"no JWT", func(*Metrics) {}, "achuan_account_seconds_to_expiry", ""},
		{"sessions", func(m *Metrics) {
			m.SetSessions(func(context.Context) map[string]int { return map[string]int{"free": 2, "taken": 1} })
		}, "achuan_sessions", "{state=\"free\"} 2\n{state=\"taken\"} 1"},
		{"sessions that cannot be counted", func(m *Metrics) {
			m.SetSessions(func(context.Context) map[string]int { return nil })
		}, "achuan_sessions", ""},
		{"blobs", func(m *Metrics) { m.SetBlobBytes(func() int64 { return 7 }) }, "achuan_blob_bytes", "7"},
		{"not ready", func(m *Metrics) { m.SetReady(func() bool { return false }) }, "achuan_ready", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := NewMetrics(Build{"1.2", "abc", "go1"})
			c.count(m)
			if diff := cmp.Diff(c.want, scrape(t, m, c.metric)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.metric, diff)
			}
			var none *Metrics
			c.count(none) // it must not panic
		})
	}
}

func TestSecondsToExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(Build{})
		m.AccountExpires(time.Now().Add(time.Hour))
		for _, want := range []string{"3600", "0", "-3600"} {
			if got := scrape(t, m, "achuan_account_seconds_to_expiry"); got != want {
				t.Errorf("achuan_account_seconds_to_expiry = %s, want %s", got, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

func TestLastFailureTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMetrics(Build{})
		m.PlatformCall("GET /x", "backend_timeout", time.Second)
		if got, want := scrape(t, m, "achuan_platform_last_failure_timestamp_seconds"), `{code="backend_timeout"} 9.466848e+08`; got != want {
			t.Errorf("achuan_platform_last_failure_timestamp_seconds = %s, want %s", got, want)
		}
	})
}

// Names follow Prometheus' conventions, and all labels are known to be bounded and not private.
func TestFamilies(t *testing.T) {
	name := regexp.MustCompile(`^achuan_[a-z]+(_[a-z]+)*$`)
	allowed := map[string]bool{}
	for l := range strings.FieldsSeq("version commit go route model status stream type code kind limit placement reason outcome state operation endpoint") {
		allowed[l] = true
	}
	seen := map[string]bool{}
	for _, f := range NewMetrics(Build{}).Families() {
		if !name.MatchString(f.Name) || seen[f.Name] || !strings.HasSuffix(f.Help, ".") {
			t.Errorf("Families() has %+v, want a unique achuan_ name and a help text that is a sentence", f)
		}
		seen[f.Name] = true
		if (f.Kind == "counter") != strings.HasSuffix(f.Name, "_total") {
			t.Errorf("kind of %s = %s, want _total for counters only", f.Name, f.Kind)
		}
		for _, l := range f.Labels {
			if !allowed[l] {
				t.Errorf("%s has the label %s, want a label that is known to be bounded", f.Name, l)
			}
		}
	}
}

// docs/operations.md lists all metrics with the help texts of metric_table.go.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range NewMetrics(Build{}).Families() {
		labels := "-"
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		want = append(want, "| `"+f.Name+"` | "+f.Kind+" | "+labels+" | "+f.Help+" |")
	}
	if diff := cmp.Diff(want, metricRows(string(page))); diff != "" {
		t.Errorf("table of metrics in docs/operations.md (-want program +got page):\n%s", diff)
	}
}

// The Chinese page has the same metrics, with the same kinds and labels.
func TestMetricsAreDocumentedInChinese(t *testing.T) {
	pages := make([][]string, 2)
	for i, name := range []string{"../../docs/operations.md", "../../docs/operations.zh-CN.md"} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range metricRows(string(page)) {
			cells := strings.Split(row, " | ")
			pages[i] = append(pages[i], strings.Join(cells[:3], " | "))
		}
	}
	if diff := cmp.Diff(pages[0], pages[1]); diff != "" {
		t.Errorf("table of metrics in the Chinese page (-want English +got Chinese):\n%s", diff)
	}
}

// metricRows returns the rows of a page's table of metrics.
func metricRows(page string) []string {
	var found []string
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "| `achuan_") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}
