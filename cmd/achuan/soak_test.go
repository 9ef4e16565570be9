package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// soakVariable says how long to soak. `make soak` sets it; without it the test is a
// smoke of its own code, too short to see anything grow.
const soakVariable = "SOAK"

const (
	smoke     = 5 * time.Second
	leastSoak = time.Minute // before, what grows and what only warms up look the same
	mostSoak  = 2 * time.Hour
	retention = 3 * time.Second

	longestLog = 80 << 20 // bytes; the store cuts it at 64 MiB, when it looks
)

// soakTime is how long the load lasts.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(soakVariable)
	if text == "" {
		return smoke
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < smoke || d > mostSoak {
		t.Fatalf("%s=%s: want a duration from %v to %v", soakVariable, text, smoke, mostSoak)
	}
	return d
}

// TestSoak loads a server with all kinds of requests and faults, and looks whether
// what it holds is the same in the second half as at the end, and gone afterwards.
func TestSoak(t *testing.T) {
	length := soakTime(t)
	sim := simulator.New(simulator.Options{KeepTurns: 100, Pace: 2 * time.Millisecond})
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	sim.OnTurn(newFaults(sim).turn)

	database := filepath.Join(t.TempDir(), "achuan.db")
	p := start(t, []string{
		"ACHUAN_JWT=" + simulator.NewToken(simulator.DefaultUser, time.Now(), 24*time.Hour),
		"ACHUAN_API_URL=" + backend.URL + "/api/chat/completions",
		"ACHUAN_LISTEN=127.0.0.1:0", "ACHUAN_API_KEYS=ada:sk-ada,bob:sk-bob",
		"ACHUAN_ADMIN_KEY=sk-admin", "ACHUAN_DATABASE_URL=sqlite:" + database,
		"ACHUAN_SESSION_RETENTION=" + retention.String(), "ACHUAN_NAMED_RETENTION=" + retention.String(),
	}, "serve")
	m := &meter{p: p, database: database, platform: backend}

	before := m.read(t)
	l := startLoad(p.url)
	var during []reading
	tick, ended := time.NewTicker(time.Second), time.After(length)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-tick.C:
			during = append(during, m.read(t))
		case <-ended:
			running = false
		}
	}
	l.stop()

	for _, fault := range l.faults() {
		t.Error(fault)
	}
	if l.total() == 0 || len(during) == 0 {
		t.Fatal("nothing was asked or nothing was read")
	}
	t.Logf("%v: %s", length, l)
	if length >= leastSoak {
		flat(t, during)
	}
	m.settled(t, sim, before)
	m.emptied(t)
	end := m.read(t)
	t.Logf("before   %v\nat rest  %v", before, end)
	if end.panics > 0 || end.internal > 0 {
		t.Errorf("%v panics, %v internal errors", end.panics, end.internal)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if log := p.said(); strings.Contains(log, "panic") {
		t.Errorf("the log:\n%s", log)
	}
}

// flat compares the sixth tenth of the readings with the last.
func flat(t *testing.T, all []reading) {
	t.Helper()
	n := len(all)
	early, late := mean(all[n*5/10:n*6/10]), mean(all[n*9/10:])
	t.Logf("sixth tenth  %v\nlast tenth   %v", early, late)
	for _, c := range []struct {
		what        string
		early, late float64
		slack       float64 // what may come and go
	}{
		{"memory", early.memory, late.memory, 16 << 20},
		{"goroutines", early.goroutines, late.goroutines, 50},
		{"descriptors", early.descriptors, late.descriptors, 30},
		{"the database", early.database, late.database, 2 << 20},
	} {
		if c.late > c.early*1.15+c.slack {
			t.Errorf("%s grew from %s to %s", c.what, figure(c.early), figure(c.late))
		}
	}
	if late.log > longestLog {
		t.Errorf("the database's log is %s long", figure(late.log))
	}
}

func figure(v float64) string {
	if v >= 1<<20 {
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	}
	return fmt.Sprintf("%.0f", v)
}
