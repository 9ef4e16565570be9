package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// readTimeout bounds the call of a gauge's function. Prometheus waits 10 s for a whole scrape by default.
const readTimeout = 3 * time.Second

// funcGauge is a gauge that calls a function for its values at each scrape. It has no values until setFunc is called.
type funcGauge struct {
	desc *prometheus.Desc
	read atomic.Pointer[readFunc]
}

// readFunc returns values by the value of the only label; the key is "" for a gauge without labels. A nil map means
// that there are no values now.
type readFunc func(context.Context) map[string]float64

func (g *funcGauge) setFunc(f readFunc) { g.read.Store(&f) }

// Describe implements prometheus.Collector.
func (g *funcGauge) Describe(descs chan<- *prometheus.Desc) { descs <- g.desc }

// Collect implements prometheus.Collector.
func (g *funcGauge) Collect(metrics chan<- prometheus.Metric) {
	f := g.read.Load()
	if f == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	for label, value := range (*f)(ctx) {
		var labels []string
		if label != "" {
			labels = []string{label}
		}
		metrics <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, value, labels...)
	}
}

// SetReady sets the function that reports whether this replica accepts requests.
func (m *Metrics) SetReady(isReady func() bool) {
	if m == nil {
		return
	}
	m.ready.setFunc(func(context.Context) map[string]float64 { return map[string]float64{"": boolValue(isReady())} })
}

// SetSessions sets the function that counts sessions by state. It is called at each scrape, a few times a minute, and
// has 3 s. States are constants of the program, never data. A nil map means that the sessions cannot be counted now.
func (m *Metrics) SetSessions(count func(context.Context) map[string]int) {
	if m == nil {
		return
	}
	m.sessions.setFunc(func(ctx context.Context) map[string]float64 {
		values := make(map[string]float64)
		for state, n := range count(ctx) {
			values[state] = float64(n)
		}
		return values
	})
}

// SetBlobBytes sets the function that returns the bytes of the stored files. It is called at each scrape.
func (m *Metrics) SetBlobBytes(read func() int64) {
	if m == nil {
		return
	}
	m.blobBytes.setFunc(func(context.Context) map[string]float64 { return map[string]float64{"": float64(read())} })
}

// AccountExpires sets the time at which the account's JWT expires.
func (m *Metrics) AccountExpires(at time.Time) {
	if m == nil {
		return
	}
	m.accountLeft.setFunc(func(context.Context) map[string]float64 {
		return map[string]float64{"": time.Until(at).Seconds()}
	})
}

// boolValue is the gauge value of a boolean.
func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
