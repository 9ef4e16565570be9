package main

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// reading has the resources of a server at one moment.
type reading struct {
	memory, goroutines, descriptors float64
	streams, panics, internal       float64
	database, log                   float64 // bytes of the database file and of its write-ahead log
}

func (r reading) String() string {
	return fmt.Sprintf("memory %s, goroutines %.0f, descriptors %.0f, database %s and log %s, streams %.0f",
		formatFigure(r.memory), r.goroutines, r.descriptors, formatFigure(r.database), formatFigure(r.log), r.streams)
}

func mean(all []reading) (m reading) {
	n := float64(max(1, len(all)))
	for _, r := range all {
		m.memory += r.memory / n
		m.goroutines += r.goroutines / n
		m.descriptors += r.descriptors / n
		m.database += r.database / n
		m.log = max(m.log, r.log)
		m.streams += r.streams / n
	}
	return m
}

// meter reads the resources of a server.
type meter struct {
	p        *process
	database string
	platform *httptest.Server
}

func (m *meter) read(t *testing.T) (r reading) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, m.p.url+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sk-admin")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("GET /metrics = %v, want an answer; log:\n%s", err, m.p.logText())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /metrics = %s, %v, want 200", resp.Status, err)
	}
	fields := map[string]*float64{
		"process_resident_memory_bytes": &r.memory, "go_goroutines": &r.goroutines, "process_open_fds": &r.descriptors,
		"achuan_open_streams": &r.streams, "achuan_panics_total": &r.panics,
		`achuan_errors_total{code="internal_error",type="internal_error"}`: &r.internal,
	}
	for line := range strings.Lines(string(body)) {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || fields[line[:at]] == nil {
			continue
		}
		if *fields[line[:at]], err = strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err != nil {
			t.Fatalf("metric %q = %v, want a number", line, err)
		}
	}
	for suffix, size := range map[string]*float64{"": &r.database, "-wal": &r.log} {
		if info, err := os.Stat(m.database + suffix); err == nil {
			*size = float64(info.Size())
		}
	}
	return r
}

// waitIdle waits until the server has about the resources of before: detached answers have ended, connections are
// closed, and unused sessions are deleted.
func (m *meter) waitIdle(t *testing.T, sim *simulator.Simulator, before reading) {
	t.Helper()
	http.DefaultClient.CloseIdleConnections()
	isClosed := false
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for {
		now, left := m.read(t), len(sim.Sessions())
		if left == 0 && !isClosed { // otherwise the server keeps the connections for 30 s
			m.platform.CloseClientConnections()
			isClosed = true
		}
		if left == 0 && now.streams == 0 &&
			now.goroutines <= before.goroutines+10 && now.descriptors <= before.descriptors+10 {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Errorf("after the load: %v and %d sessions, want about %v and no sessions", now, left, before)
			return
		}
	}
}

// checkDatabase checks that the database has no rows of deleted sessions. The heads of deleted sessions go at the next
// clean-ups, a thousand rows every few seconds. Stored answers stay for five minutes.
func (m *meter) checkDatabase(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+m.database+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a connection that only reads loses nothing
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(2 * time.Minute)
	for _, table := range []string{"sessions", "aliases", "names", "heads"} {
		for rows := 1; rows > 0; {
			if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&rows); err != nil {
				t.Fatal(err)
			}
			select {
			case <-tick.C:
			case <-deadline:
				t.Fatalf("rows of table %s = %d, want 0", table, rows)
			}
		}
	}
}
