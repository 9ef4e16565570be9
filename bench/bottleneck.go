package main

import (
	"fmt"
	"runtime"
	"time"
)

// Bounds of a run that says something about the server. See the comment of the package.
const (
	maxLag      = 10 * time.Millisecond // of the generator's timers, with several clients
	maxLagAlone = time.Millisecond      // with one client, where the latency is measured
	maxPace     = 1.5                   // time of a paced stream, as a multiple of what the load asks for

	manyClients    = 16   // from here on, the shares are bounded
	maxHelperShare = 0.6  // of the generator or the simulator, in the CPU time of all three
	minTargetShare = 0.25 // of the server, in the CPU time of all three
)

// usage says who used the machine in a slice.
type usage struct {
	clients int
	isPaced bool
	wall    time.Duration

	target, generator, simulator time.Duration // CPU time
	machine                      time.Duration // CPU time of all programs, these three included

	lag  time.Duration // median lateness of the generator's timers
	pace float64       // time of a paced stream, as a multiple of what the load asks for
}

// bottleneck returns why the generator or the simulator was the bottleneck, or "".
func (u usage) bottleneck() string {
	limit := maxLag
	if u.clients == 1 {
		limit = maxLagAlone
	}
	if u.lag > limit {
		return fmt.Sprintf("the generator's timers are %v late, of at most %v", u.lag, limit)
	}
	if u.isPaced {
		if u.pace > maxPace {
			return fmt.Sprintf("paced streams take %.2f times as long as they should, of at most %v", u.pace, maxPace)
		}
		return ""
	}
	if u.clients < manyClients {
		return ""
	}
	for _, helper := range []struct {
		name string
		cpu  time.Duration
	}{{"generator", u.generator}, {"simulator", u.simulator}} {
		if share := u.share(helper.cpu); share > maxHelperShare {
			return fmt.Sprintf("the %s uses %.0f %% of the CPU time, of at most %.0f %%",
				helper.name, 100*share, 100*maxHelperShare)
		}
	}
	if share := u.share(u.target); share < minTargetShare {
		return fmt.Sprintf("the server uses only %.0f %% of the CPU time, of at least %.0f %%",
			100*share, 100*minTargetShare)
	}
	return ""
}

// share returns the part of a CPU time in that of the server, the generator and the simulator.
func (u usage) share(cpu time.Duration) float64 {
	return float64(cpu) / float64(max(u.target+u.generator+u.simulator, 1))
}

// foreign returns the part of the machine that other programs used.
func (u usage) foreign() float64 {
	others := u.machine - u.target - u.generator - u.simulator
	return max(float64(others), 0) / (float64(max(u.wall, 1)) * float64(runtime.NumCPU()))
}

// medianUsage returns the median of each field over slices of the same load. usages must not be empty.
func medianUsage(usages []usage) usage {
	duration := func(of func(usage) time.Duration) time.Duration {
		return time.Duration(median(valuesOf(usages, func(u usage) float64 { return float64(of(u)) })))
	}
	m := usages[0]
	m.wall = duration(func(u usage) time.Duration { return u.wall })
	m.target = duration(func(u usage) time.Duration { return u.target })
	m.generator = duration(func(u usage) time.Duration { return u.generator })
	m.simulator = duration(func(u usage) time.Duration { return u.simulator })
	m.machine = duration(func(u usage) time.Duration { return u.machine })
	m.lag = duration(func(u usage) time.Duration { return u.lag })
	m.pace = median(valuesOf(usages, func(u usage) float64 { return u.pace }))
	return m
}

// lagInterval is the time between two readings of the lag meter.
const lagInterval = 5 * time.Millisecond

// startLagMeter starts to measure how late timers of this process fire. The function that it returns stops it and
// returns the median.
func startLagMeter() (stop func() time.Duration) {
	done, result := make(chan struct{}), make(chan time.Duration)
	go func() {
		var lags []float64
		timer := time.NewTimer(lagInterval)
		defer timer.Stop()
		for {
			due := time.Now().Add(lagInterval)
			timer.Reset(lagInterval)
			select {
			case <-timer.C:
				lags = append(lags, float64(time.Since(due)))
			case <-done:
				if lags == nil {
					lags = []float64{0} // a slice shorter than the interval
				}
				result <- time.Duration(median(lags))
				return
			}
		}
	}()
	return func() time.Duration {
		close(done)
		return <-result
	}
}

// paceOf returns the median time of paced streams of count pieces, as a multiple of what the load asks for.
func paceOf(samples []sample, count int) float64 {
	want := float64(time.Duration(count) * pieceInterval)
	return median(valuesOf(samples, func(s sample) float64 { return float64(s.whole) / want }))
}
