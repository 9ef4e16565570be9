package doctor

import (
	"context"
	"time"
)

// checkMetrics checks that somebody reads the metrics, so that an alert is noticed.
func (d *doctor) checkMetrics(ctx context.Context) Line {
	const remedy = "let Prometheus scrape /metrics (from another machine with ACHUAN_ADMIN_KEY): the job is in " +
		"deploy/prometheus/prometheus.yml, the alert rules are in deploy/prometheus/alerts.yml"
	if d.server == nil || d.isOwnServer {
		return skip("%v, so nobody can scrape it", errNoServer).withRemedy("start it, or name it with --url")
	}
	h, err := d.server.getReadiness(ctx)
	switch {
	case err != nil:
		return skip("%v", err)
	case h.MetricsScraped == nil:
		return d.failInProduction(remedy, "nobody has scraped /metrics since the server started")
	}
	age := d.Now().Sub(*h.MetricsScraped)
	if age > maxScrapeAge {
		return d.failInProduction(remedy, "nobody has scraped /metrics for %s", age.Round(time.Second))
	}
	return ok("scraped %s ago; the alert rules are in deploy/prometheus/alerts.yml", max(0, age.Round(time.Second)))
}
