package telemetry

import "github.com/prometheus/client_golang/prometheus"

// Family describes one metric with all its label values.
type Family struct {
	Name   string
	Kind   string // counter, gauge or histogram
	Help   string
	Labels []string
}

// Histogram buckets in seconds. The first event of an answer takes from 0.1 s up to the default first event timeout of
// 180 s; image models take that long.
var (
	firstEventBuckets = []float64{.1, .25, .5, 1, 1.5, 2, 3, 5, 8, 13, 20, 30, 60, 120, 180}
	durationBuckets   = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
	callBuckets       = []float64{.025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600}
	waitBuckets       = []float64{.05, .25, 1, 2.5, 5, 10, 20, 30, 45, 60}
)

// register creates all metrics. docs/operations.md lists them with these help texts and in this order; a test
// compares.
func (m *Metrics) register(r *registrar, b Build) {
	r.gauge("achuan_build_info",
		"Always 1. The labels are the version, the commit and the Go version of the running program.",
		"version", "commit", "go").WithLabelValues(b.Version, b.Commit, b.Go).Set(1)
	m.ready = r.funcGauge("achuan_ready",
		"1 when this replica accepts requests, 0 before it has started and while it drains.")
	r.funcGauge("achuan_last_scrape_timestamp_seconds",
		"Time of the previous scrape by anyone but achuan's own commands.").setFunc(m.previousScrape)

	m.requests = r.counter("achuan_http_requests_total", "Finished requests. Status 499 means that the client left.",
		"route", "model", "status", "stream")
	m.errors = r.counter("achuan_errors_total",
		"Failed requests, by the type and code of the error body. Failures after the status was sent count too.", "type", "code")
	m.duration = r.histogram("achuan_request_duration_seconds",
		"Time from a request to the end of its reply.", durationBuckets, "route", "stream")
	m.firstEvent = r.histogram("achuan_first_event_seconds",
		"Time from a request to the platform's first event.", firstEventBuckets, "model")
	m.tokens = r.counter("achuan_tokens_total",
		"Tokens of questions (prompt) and answers (completion), as reported to clients.", "model", "kind")
	m.points = r.counter("achuan_points_total", "Points that the platform charged for answers.", "model")
	m.openStreams = r.gauge("achuan_open_streams", "Streamed answers in progress.").WithLabelValues()
	m.limits = r.counter("achuan_limits_hit_total", "Requests that a limit of this server refused.", "limit")
	m.panics = r.counter("achuan_panics_total",
		"Panics of request handlers, turns and background work. Each one is a bug in achuan.").WithLabelValues()
	m.clientsGone = r.counter("achuan_clients_gone_total",
		"Clients that left, or stopped reading, before the end of their answer.").WithLabelValues()
	m.ignoredKeys = r.counter("achuan_ignored_keys_total",
		"Unknown keys in requests, which were ignored.").WithLabelValues()

	m.placements = r.counter("achuan_placements_total",
		"Requests, by how the session of their first choice was found.", "placement")
	m.replays = r.counter("achuan_replays_total",
		"Whole transcripts sent to new sessions, by why no session could be continued.", "reason")
	m.attaches = r.counter("achuan_attaches_total",
		"Repeated requests that got a running or stored answer, by how the repetition was recognised.", "reason")
	m.queued = r.gauge("achuan_queue_length", "Requests that wait for a busy session.").WithLabelValues()
	m.waits = r.histogram("achuan_queue_wait_seconds",
		"Time that requests waited for a busy session, by how the wait ended.", waitBuckets, "outcome")
	m.sessions = r.funcGauge("achuan_sessions", "Known sessions, by state.", "state")
	m.blobBytes = r.funcGauge("achuan_blob_bytes", "Bytes of the stored pictures and documents of requests.")
	m.deletions = r.counter("achuan_cleanup_deletions_total",
		"Unused sessions that cleanup deleted on the platform.").WithLabelValues()
	m.failedDeletions = r.counter("achuan_cleanup_failures_total",
		"Failed deletions of unused sessions. Cleanup tries them again.").WithLabelValues()
	m.storeFailures = r.counter("achuan_store_failures_total", "Failed operations of the store.", "operation")

	m.platformUp = r.gauge("achuan_platform_up",
		"1 when the platform served the last call, or refused it because of the request or the account; otherwise 0.")
	m.platformCalls = r.counter("achuan_platform_calls_total",
		"Calls to the platform. The outcome is ok, given_up or an error code.", "endpoint", "outcome")
	m.platformDuration = r.histogram("achuan_platform_call_duration_seconds",
		"Time from a call to the platform to the end of its reply.", callBuckets, "endpoint")
	m.platformFailed = r.gauge("achuan_platform_last_failure_timestamp_seconds",
		"Time of the last failed call to the platform, by error code.", "code")
	m.accountState = r.gauge("achuan_account_state",
		"1 for the current state of the account, 0 for the other states.", "state")
	m.accountLeft = r.funcGauge("achuan_account_seconds_to_expiry",
		"Seconds until the account's JWT expires, negative afterwards. Absent when the JWT has no expiry time.")
}

// initSeries creates the series with known label values. They start at 0, so that the first event is an increase.
func (m *Metrics) initSeries() {
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
	for _, l := range limits {
		m.limits.WithLabelValues(string(l))
	}
	for _, o := range storeOperations {
		m.storeFailures.WithLabelValues(string(o))
	}
	m.AccountState(AccountUnknown)
}

// registrar creates metrics, registers them and lists their families.
type registrar struct{ metrics *Metrics }

func (r *registrar) add(c prometheus.Collector, f Family) {
	r.metrics.registry.MustRegister(c)
	r.metrics.families = append(r.metrics.families, f)
}

func (r *registrar) counter(name, help string, labels ...string) *prometheus.CounterVec {
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	r.add(v, Family{name, "counter", help, labels})
	return v
}

func (r *registrar) gauge(name, help string, labels ...string) *prometheus.GaugeVec {
	v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	r.add(v, Family{name, "gauge", help, labels})
	return v
}

func (r *registrar) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	r.add(v, Family{name, "histogram", help, labels})
	return v
}

func (r *registrar) funcGauge(name, help string, labels ...string) *funcGauge {
	g := &funcGauge{desc: prometheus.NewDesc(name, help, labels, nil)}
	r.add(g, Family{name, "gauge", help, labels})
	return g
}
