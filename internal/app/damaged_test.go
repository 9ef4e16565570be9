package app_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// A damaged row of the database costs a replay, and no request fails for it: neither by
// transcript nor by id nor by name.
func TestDamagedRowsAreReplayed(t *testing.T) {
	for name, damage := range map[string]string{
		"preset":   `UPDATE sessions SET preset = '{"Model":'`,
		"settings": `UPDATE sessions SET settings = '{'`,
		"object":   `UPDATE sessions SET object = '{"id":'`,
		"head":     `UPDATE sessions SET head = x'0102' WHERE head IS NOT NULL`,
		"last":     `UPDATE sessions SET last = x'03'`,
	} {
		t.Run(name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{Token: "token"})
			path := filepath.Join(t.TempDir(), "achuan.db")
			url := serve(t, sim, func(s *config.Settings) { s.DatabaseURL = "sqlite:" + path })
			_, _, text := answered(t, url, said(t, nil, "one"))
			session, _, _ := answered(t, url, said(t, nil, "two"))
			answered(t, url, said(t, nil, "three"), "X-Session-Id", session)
			answered(t, url, said(t, map[string]any{"user": "ada"}, "four"))
			execOn(t, path, damage)
			if _, placement, _ := answered(t, url, said(t, nil, "one", text, "next")); placement == "continued" && name != "last" {
				t.Errorf("by transcript: %s, want a replay", placement)
			}
			answered(t, url, said(t, nil, "next"), "X-Session-Id", session)
			answered(t, url, said(t, map[string]any{"user": "ada"}, "next"))
			// What was written since is whole.
			if _, placement, _ := answered(t, url, said(t, nil, "more"), "X-Session-Id", session); placement != "continued" {
				t.Errorf("by id, afterwards: %s, want continued", placement)
			}
			if got := send(t, url, said(t, nil, "new")); got.status != http.StatusOK {
				t.Errorf("a new chat: %d %s", got.status, got.body)
			}
		})
	}
}

// execOn runs a statement on the database of a running server.
func execOn(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(4000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // nothing is left to write
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
