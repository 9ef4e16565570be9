package conversation

import (
	"testing"
	"testing/synctest"
	"time"
)

// An outage begins when a call of the store fails, or when heartbeats are missing by one of the clocks. It lasts
// for a lease.
func TestOutage(t *testing.T) {
	const lease, every = time.Minute, time.Minute / 4
	for name, tc := range map[string]struct {
		happens func(*outage)
		want    bool // whether it begins an outage
	}{
		"heartbeats":             {func(o *outage) { time.Sleep(every) }, false},
		"a late heartbeat":       {func(o *outage) { time.Sleep(2 * every) }, false},
		"a missing heartbeat":    {func(o *outage) { time.Sleep(2*every + 1) }, true},
		"a clock that is set":    {func(o *outage) { o.lastBeat = o.lastBeat.Round(0).Add(-time.Hour) }, true},
		"a clock that goes back": {func(o *outage) { o.lastBeat = o.lastBeat.Round(0).Add(time.Hour) }, true},
		"a call that failed":     {(*outage).record, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := new(outage)
				o.beat(every)
				time.Sleep(lease)
				o.lastBeat = time.Now()
				if !o.isOver(lease) {
					t.Fatal("isOver = false before anything happened, want true")
				}
				tc.happens(o)
				o.beat(every)
				if got := !o.isOver(lease); got != tc.want {
					t.Errorf("isOver = %t, want %t", !got, !tc.want)
				}
				time.Sleep(lease)
				if !o.isOver(lease) {
					t.Error("isOver = false after a lease, want true")
				}
			})
		})
	}
}
