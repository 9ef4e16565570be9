package telemetry

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts events for Prometheus. The program creates it once and passes it to the packages that count. A nil
// *Metrics counts nothing, so tests need none. All methods are safe for concurrent use.
//
// No label contains a user, a session, a key or any text that a client chooses: the label values are constants of this
// program, except the model, which callers bound (ModelOther), and the platform's endpoints, which are path patterns.
type Metrics struct {
	registry *prometheus.Registry
	families []Family

	requests    *prometheus.CounterVec
	errors      *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	firstEvent  *prometheus.HistogramVec
	tokens      *prometheus.CounterVec
	points      *prometheus.CounterVec
	openStreams prometheus.Gauge
	panics      prometheus.Counter
	clientsGone prometheus.Counter
	ignoredKeys prometheus.Counter
	limits      *prometheus.CounterVec
	ready       *funcGauge
	lastScrape  atomic.Pointer[time.Time] // nil before the first scrape

	blobBytes       *funcGauge
	placements      *prometheus.CounterVec
	attaches        *prometheus.CounterVec
	replays         *prometheus.CounterVec
	queued          prometheus.Gauge
	waits           *prometheus.HistogramVec
	sessions        *funcGauge
	deletions       prometheus.Counter
	failedDeletions prometheus.Counter
	storeFailures   *prometheus.CounterVec

	platformUp       *prometheus.GaugeVec // a vector without labels, because it is absent before the first call
	platformCalls    *prometheus.CounterVec
	platformDuration *prometheus.HistogramVec
	platformFailed   *prometheus.GaugeVec
	accountState     *prometheus.GaugeVec
	accountLeft      *funcGauge
}

// Build describes the running binary.
type Build struct {
	Version, Commit, Go string
}

// NewMetrics returns metrics at zero, in a registry of their own.
func NewMetrics(b Build) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	m.register(&registrar{metrics: m}, b)
	m.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	m.initSeries()
	return m
}

// Handler serves the metrics in Prometheus' text format. It does not check who may read them.
func (m *Metrics) Handler() http.Handler {
	if m == nil {
		return http.NotFoundHandler()
	}
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

// Families lists achuan's own metrics in the order of the documentation. The metrics of the Go runtime and the process
// (go_*, process_*) are not in the list.
func (m *Metrics) Families() []Family { return slices.Clone(m.families) }
