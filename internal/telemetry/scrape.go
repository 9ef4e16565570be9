package telemetry

import (
	"context"
	"time"
)

// RecordScrape records that the metrics were read now. It is called after the reply, so that the reply shows the time
// of the scrape before.
func (m *Metrics) RecordScrape() {
	if m != nil {
		now := time.Now()
		m.lastScrape.Store(&now)
	}
}

// LastScrape returns the time of the last RecordScrape, the zero time when there was none.
func (m *Metrics) LastScrape() time.Time {
	if m == nil {
		return time.Time{}
	}
	if last := m.lastScrape.Load(); last != nil {
		return *last
	}
	return time.Time{}
}

// previousScrape is the function of the gauge achuan_last_scrape_timestamp_seconds.
func (m *Metrics) previousScrape(context.Context) map[string]float64 {
	last := m.LastScrape()
	if last.IsZero() {
		return nil
	}
	return map[string]float64{"": float64(last.UnixNano()) / 1e9}
}
