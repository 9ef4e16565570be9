package doctor

import (
	"context"
	"net/http"
	"time"
)

// checkClock checks this machine's clock: JWTs, the leases of several replicas and the times in the log depend on it.
func (d *doctor) checkClock(ctx context.Context) Line {
	const remedy = "set the clock from the network: timedatectl set-ntp true, or what the machine's host offers"
	source, skew, isKnown := "the platform's", d.reply.skew, d.reply.hasDate
	if !isKnown && d.isRemote {
		source = "the server's"
		if r, err := d.server.send(ctx, http.MethodGet, "/healthz", "", nil); err == nil {
			if date, err := http.ParseTime(r.header.Get("Date")); err == nil {
				skew, isKnown = clockSkew(d.Now(), date), true
			}
		}
	}
	switch {
	case !isKnown:
		return skip("no reply said what time it is")
	case skew.Abs() > maxClockSkew:
		return fail(remedy, "this clock differs from %s by %s", source, skew.Round(time.Second))
	}
	return ok("this clock agrees with %s within %d s", source, max(1, int(skew.Abs().Seconds()+0.5)))
}

// clockSkew returns how far the clock here is ahead of a Date header, which has whole seconds only.
func clockSkew(here, date time.Time) time.Duration {
	ahead := here.Sub(date)
	if ahead > 0 && ahead <= time.Second {
		return 0
	}
	return ahead
}
