package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Family is one metric with all its label values.
type Family struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Help   string
	Labels []string
}

// Buckets, in seconds. An answer's first event takes from a tenth of a second to
// the three minutes after which it is given up; image models take that long.
var (
	firstEventBuckets = []float64{.1, .25, .5, 1, 1.5, 2, 3, 5, 8, 13, 20, 30, 60, 120, 180}
	durationBuckets   = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
	callBuckets       = []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
	waitBuckets       = []float64{.05, .25, 1, 2.5, 5, 10, 20, 30, 45, 60}
)

// make is the table of all metrics. docs/operations.md tells them in these words
// and in this order; a test compares.
func (m *Metrics) make(t *maker, b Build) {
	t.gauge("achuan_build_info", "Always 1: version, commit and Go version of the running program.", "version", "commit", "go").
		WithLabelValues(b.Version, b.Commit, b.Go).Set(1)
	m.ready = t.reading("achuan_ready", "Whether this replica wants requests: 1, or 0 before start and while draining.")
	m.scraped = t.gauge("achuan_last_scrape_timestamp_seconds", "When these metrics were read the time before, by anyone but achuan itself.")

	m.requests = t.counter("achuan_http_requests_total", "Finished requests. The status 499 is a client that left.", "route", "model", "status", "stream")
	m.errors = t.counter("achuan_errors_total", "Requests that failed, also after their status had left, by the type and code of the error body.", "type", "code")
	m.duration = t.histogram("achuan_request_duration_seconds", "From a request to the end of its reply.", durationBuckets, "route", "stream")
	m.firstEvent = t.histogram("achuan_first_event_seconds", "From a request to the platform's first event.", firstEventBuckets, "model")
	m.tokens = t.counter("achuan_tokens_total", "Tokens of questions (prompt) and answers (completion), as told to clients.", "model", "kind")
	m.openStreams = t.gauge("achuan_open_streams", "Streamed answers under way to clients.").WithLabelValues()
	m.limits = t.counter("achuan_limits_hit_total", "Requests refused because of a limit of this server's own.", "limit")
	m.panics = t.counter("achuan_panics_total", "Handlers that panicked: a fault in the program.").WithLabelValues()
	m.clientsGone = t.counter("achuan_clients_gone_total", "Clients that left, or stopped reading, before their answer ended.").WithLabelValues()
	m.ignoredKeys = t.counter("achuan_ignored_keys_total", "Unknown keys in requests, ignored.").WithLabelValues()

	m.placements = t.counter("achuan_placements_total", "Requests by how they came to their session, that of their first choice.", "placement")
	m.replays = t.counter("achuan_replays_total", "Whole transcripts sent to new sessions, by why no session went on.", "reason")
	m.attaches = t.counter("achuan_attaches_total", "Repeated requests that were given an answer under way or stored.", "reason")
	m.queued = t.gauge("achuan_queue_length", "Requests that wait for a busy session.").WithLabelValues()
	m.waits = t.histogram("achuan_queue_wait_seconds", "Waits for a busy session, by how they ended.", waitBuckets, "outcome")
	m.sessions = t.reading("achuan_sessions", "Sessions that are known, by state.", "state")
	m.cleaned = t.counter("achuan_cleanup_deletions_total", "Unused sessions deleted on the platform.").WithLabelValues()
	m.uncleaned = t.counter("achuan_cleanup_failures_total", "Unused sessions that could not be deleted; they are tried again.").WithLabelValues()
	m.storeFails = t.counter("achuan_store_failures_total", "Failed operations of the store.", "operation")

	m.platformUp = t.gauge("achuan_platform_up", "Whether the last call to the platform was served, or refused for a reason of its own: 1, or 0.")
	m.platformCalls = t.counter("achuan_platform_calls_total", "Calls to the platform; the outcome is ok, given_up or an error code.", "endpoint", "outcome")
	m.platformDuration = t.histogram("achuan_platform_call_duration_seconds", "From a call to the platform to the end of its reply.", callBuckets, "endpoint")
	m.platformFailed = t.gauge("achuan_platform_last_failure_timestamp_seconds", "When a call to the platform failed last, by error code.", "code")
	m.accountState = t.gauge("achuan_account_state", "1 for the state that the account is in, 0 for the others.", "state")
	m.accountLeft = t.reading("achuan_account_seconds_to_expiry", "Seconds until the account's JWT runs out, negative afterwards. Not there when the JWT does not say.")
}

// begin makes the series whose labels are known from the start: what has never
// happened is 0, so that its first time is an increase.
func (m *Metrics) begin() {
	for _, p := range []string{"new", "continued", "replayed", "forked", "attached"} {
		m.placements.WithLabelValues(p)
	}
	for _, r := range replayReasons {
		m.replays.WithLabelValues(string(r))
	}
	for _, r := range attachReasons {
		m.attaches.WithLabelValues(string(r))
	}
	for _, o := range waitOutcomes {
		m.waits.WithLabelValues(string(o))
	}
	for _, l := range allLimits {
		m.limits.WithLabelValues(string(l))
	}
	for _, o := range storeOperations {
		m.storeFails.WithLabelValues(string(o))
	}
	m.AccountState(AccountUnknown)
}

// maker makes metrics and writes down what it made.
type maker struct{ metrics *Metrics }

func (t *maker) add(c prometheus.Collector, f Family) {
	t.metrics.registry.MustRegister(c)
	t.metrics.families = append(t.metrics.families, f)
}

func (t *maker) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	t.add(v, Family{name, "counter", help, labels})
	return v
}

func (t *maker) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	t.add(v, Family{name, "gauge", help, labels})
	return v
}

func (t *maker) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	t.add(v, Family{name, "histogram", help, labels})
	return v
}

func (t *maker) reading(name, help string, labels ...string) *reading {
	r := &reading{desc: prometheus.NewDesc(name, help, labels, nil)}
	t.add(r, Family{name, "gauge", help, labels})
	return r
}
