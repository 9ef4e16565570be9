package telemetry

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// readTime bounds what a reading may take: Prometheus waits 10 s for all of them.
const readTime = 3 * time.Second

// reading is a gauge whose values are read when they are asked for. Until it is
// told how, it has none.
type reading struct {
	desc *prometheus.Desc
	read atomic.Pointer[readFunc]
}

// readFunc returns values by the value of the one label, "" where there is none.
type readFunc func(context.Context) map[string]float64

func (r *reading) from(f readFunc) { r.read.Store(&f) }

// Describe is prometheus.Collector's.
func (r *reading) Describe(descs chan<- *prometheus.Desc) { descs <- r.desc }

// Collect is prometheus.Collector's.
func (r *reading) Collect(metrics chan<- prometheus.Metric) {
	f := r.read.Load()
	if f == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	for label, value := range (*f)(ctx) {
		var labels []string
		if label != "" {
			labels = []string{label}
		}
		metrics <- prometheus.MustNewConstMetric(r.desc, prometheus.GaugeValue, value, labels...)
	}
}

// SetReady says how to find out whether this replica wants requests.
func (m *Metrics) SetReady(ready func() bool) {
	if m == nil {
		return
	}
	m.ready.from(func(context.Context) map[string]float64 { return map[string]float64{"": oneIf(ready())} })
}

// SetSessions says how to count sessions by state. It is asked at each scrape, a
// few times a minute, and given 3 s; states come from code, never from data. A nil
// map means that they cannot be counted now.
func (m *Metrics) SetSessions(count func(context.Context) map[string]int) {
	if m == nil {
		return
	}
	m.sessions.from(func(ctx context.Context) map[string]float64 {
		values := make(map[string]float64)
		for state, n := range count(ctx) {
			values[state] = float64(n)
		}
		return values
	})
}

// AccountExpires says when the account's JWT runs out.
func (m *Metrics) AccountExpires(at time.Time) {
	if m == nil {
		return
	}
	m.accountLeft.from(func(context.Context) map[string]float64 {
		return map[string]float64{"": time.Until(at).Seconds()}
	})
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
