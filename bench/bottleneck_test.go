package main

import (
	"strings"
	"testing"
	"time"
)

func TestBottleneck(t *testing.T) {
	const ms = time.Millisecond
	busy := usage{clients: 64, wall: time.Second, target: 900 * ms, generator: 300 * ms, simulator: 600 * ms, lag: ms}
	alone := usage{
		clients: 1, wall: time.Second, target: 150 * ms, generator: 400 * ms, simulator: 450 * ms, lag: ms / 2,
	}
	paced := usage{
		clients: 64, isPaced: true, wall: time.Second, target: 100 * ms, generator: 700 * ms, simulator: 100 * ms,
		pace: 1.1,
	}
	with := func(u usage, change func(*usage)) usage {
		change(&u)
		return u
	}
	for name, c := range map[string]struct {
		usage usage
		want  string // a part of the reason; "" for none
	}{
		"busy server":               {busy, ""},
		"nothing measured":          {usage{clients: 1}, ""},
		"late generator":            {with(busy, func(u *usage) { u.lag = 11 * ms }), "timers are 11ms late"},
		"generator uses most":       {with(busy, func(u *usage) { u.generator = 3000 * ms }), "generator uses 67 %"},
		"simulator uses most":       {with(busy, func(u *usage) { u.simulator = 2000 * ms }), "simulator uses 62 %"},
		"server has little to do":   {with(busy, func(u *usage) { u.target = 200 * ms }), "only 18 %"},
		"few clients need no share": {with(busy, func(u *usage) { u.clients, u.target = 4, 100*ms }), ""},
		"one client":                {alone, ""},
		"one client, late":          {with(alone, func(u *usage) { u.lag = 2 * ms }), "timers are 2ms late"},
		"paced":                     {paced, ""},
		"paced, late simulator":     {with(paced, func(u *usage) { u.pace = 1.6 }), "1.60 times as long"},
		"paced, late generator":     {with(paced, func(u *usage) { u.lag = 30 * ms }), "timers are 30ms late"},
	} {
		got := c.usage.bottleneck()
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: bottleneck() = %q, want %q", name, got, c.want)
		}
	}
}

func TestMedianUsage(t *testing.T) {
	usages := []usage{
		{clients: 64, wall: 1, target: 10, generator: 100, simulator: 7, machine: 1000, lag: 5, pace: 1},
		{clients: 64, wall: 3, target: 30, generator: 300, simulator: 9, machine: 3000, lag: 7, pace: 3},
		{clients: 64, wall: 2, target: 20, generator: 200, simulator: 8, machine: 2000, lag: 6, pace: 2},
	}
	want := usage{clients: 64, wall: 2, target: 20, generator: 200, simulator: 8, machine: 2000, lag: 6, pace: 2}
	if got := medianUsage(usages); got != want {
		t.Errorf("medianUsage() = %+v, want %+v", got, want)
	}
}

func TestShares(t *testing.T) {
	u := usage{wall: time.Second, target: time.Second, generator: time.Second / 2, simulator: time.Second / 2}
	if got := u.share(u.target); got != 0.5 {
		t.Errorf("share(target) = %v, want 0.5", got)
	}
	if got := u.foreign(); got != 0 {
		t.Errorf("foreign() = %v, want 0 when the clocks differ", got)
	}
	u.machine = 4 * time.Second
	u.wall = 4 * time.Hour
	if got := u.foreign(); got <= 0 || got > 1 {
		t.Errorf("foreign() = %v, want a part of the machine", got)
	}
}

func TestPaceOf(t *testing.T) {
	samples := []sample{{whole: pieceInterval * 10}, {whole: pieceInterval * 30}, {whole: pieceInterval * 20}}
	if got := paceOf(samples, 10); got != 2 {
		t.Errorf("paceOf() = %v, want 2", got)
	}
}

func TestLagMeter(t *testing.T) {
	stop := startLagMeter()
	if lag := stop(); lag < 0 || lag > time.Minute {
		t.Errorf("lag = %v, want a short time", lag)
	}
}
