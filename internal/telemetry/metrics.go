package telemetry

import (
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what happens, for Prometheus to read. It is built once and handed
// to whoever has something to count; a nil *Metrics counts nothing, so that tests
// and small programs need none. All methods are safe for concurrent use.
//
// No label holds a user, a session, a key or any text that a client chose freely:
// their values come from this program's code, but for the model, which callers
// bound (ModelOther), and the platform's endpoints, which are path patterns.
type Metrics struct {
	registry *prometheus.Registry
	families []Family

	requests    *prometheus.CounterVec
	errors      *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	firstEvent  *prometheus.HistogramVec
	tokens      *prometheus.CounterVec
	openStreams prometheus.Gauge
	panics      prometheus.Counter
	clientsGone prometheus.Counter
	ignoredKeys prometheus.Counter
	limits      *prometheus.CounterVec
	ready       *reading
	scraped     *prometheus.GaugeVec // no labels: there from the second scrape on

	placements *prometheus.CounterVec
	attaches   *prometheus.CounterVec
	replays    *prometheus.CounterVec
	queued     prometheus.Gauge
	waits      *prometheus.HistogramVec
	sessions   *reading
	cleaned    prometheus.Counter
	uncleaned  prometheus.Counter
	storeFails *prometheus.CounterVec

	platformUp       *prometheus.GaugeVec // no labels: there once it is known
	platformCalls    *prometheus.CounterVec
	platformDuration *prometheus.HistogramVec
	platformFailed   *prometheus.GaugeVec
	accountState     *prometheus.GaugeVec
	accountLeft      *reading
}

// Build is what a binary says of itself.
type Build struct {
	Version, Commit, Go string
}

// NewMetrics returns metrics that have counted nothing, with a registry of their
// own.
func NewMetrics(b Build) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.make(&maker{metrics: m}, b)
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.begin()
	return m
}

// Handler serves the metrics in Prometheus' text format. Who may read them is not
// decided here.
func (m *Metrics) Handler() http.Handler {
	if m == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Families lists the metrics of this program's own, in the order in which they are
// documented. Those of the Go runtime and the process (go_*, process_*) come
// beside them.
func (m *Metrics) Families() []Family { return slices.Clone(m.families) }
