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

// soakVariable has the length of the load. `make soak` sets it. Without it, the load is so short that the test only
// checks its own code.
const soakVariable = "SOAK"

const (
	smokeTime   = 5 * time.Second
	minFlatTime = time.Minute // in a shorter load, growth cannot be distinguished from warming up
	maxSoakTime = 2 * time.Hour
	retention   = 3 * time.Second

	maxLogSize = 80 << 20 // bytes; the store truncates the log at 64 MiB, but not at once
)

// soakTime returns the length of the load.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv(soakVariable)
	if text == "" {
		return smokeTime
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < smokeTime || d > maxSoakTime {
		t.Fatalf("%s=%s: want a duration from %v to %v", soakVariable, text, smokeTime, maxSoakTime)
	}
	return d
}

// TestSoak loads a server with all kinds of requests and faults. The resources of the server must not grow in the
// second half of the load, and must be free afterwards.
func TestSoak(t *testing.T) {
	length := soakTime(t)
	sim := simulator.New(simulator.Options{KeepTurns: 100, Pace: 2 * time.Millisecond})
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	sim.OnTurn(newPlatformFaults(sim).onTurn)

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

	for _, fault := range l.unexpected() {
		t.Error(fault)
	}
	if l.total() == 0 || len(during) == 0 {
		t.Fatalf("load has %d requests and %d readings, want some of both", l.total(), len(during))
	}
	t.Logf("%v: %s", length, l)
	if length >= minFlatTime {
		checkFlat(t, during)
	}
	m.waitIdle(t, sim, before)
	m.checkDatabase(t)
	end := m.read(t)
	t.Logf("before   %v\nat rest  %v", before, end)
	if end.panics > 0 || end.internal > 0 {
		t.Errorf("server had %v panics and %v internal errors, want none", end.panics, end.internal)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.exitCode(t); code != exitDone {
		t.Errorf("exit code = %d, want 0", code)
	}
	if log := p.logText(); strings.Contains(log, "panic") {
		t.Errorf("log has a panic, want none:\n%s", log)
	}
}

// checkFlat compares the sixth tenth of the readings with the last tenth.
func checkFlat(t *testing.T, all []reading) {
	t.Helper()
	n := len(all)
	early, late := mean(all[n*5/10:n*6/10]), mean(all[n*9/10:])
	t.Logf("sixth tenth  %v\nlast tenth   %v", early, late)
	for _, c := range []struct {
		name        string
		early, late float64
		slack       float64 // allowed difference besides 15 %
	}{
		{"memory", early.memory, late.memory, 16 << 20},
		{"goroutines", early.goroutines, late.goroutines, 50},
		{"descriptors", early.descriptors, late.descriptors, 30},
		{"the database", early.database, late.database, 2 << 20},
	} {
		if c.late > c.early*1.15+c.slack {
			t.Errorf("%s grew from %s to %s, want no growth", c.name, formatFigure(c.early), formatFigure(c.late))
		}
	}
	if late.log > maxLogSize {
		t.Errorf("write-ahead log has %s, want at most 80 MiB", formatFigure(late.log))
	}
}

func formatFigure(v float64) string {
	if v >= 1<<20 {
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	}
	return fmt.Sprintf("%.0f", v)
}
