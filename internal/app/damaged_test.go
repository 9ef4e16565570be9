package app_test

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// A damaged row of the database causes a replay and no failure: by transcript, by id and by name.
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
			_, _, text := mustAnswer(t, url, chatRequest(t, nil, "one"))
			session, _, _ := mustAnswer(t, url, chatRequest(t, nil, "two"))
			mustAnswer(t, url, chatRequest(t, nil, "three"), "X-Session-Id", session)
			mustAnswer(t, url, chatRequest(t, map[string]any{"user": "ada"}, "four"))
			execSQL(t, path, damage)
			if _, placement, _ := mustAnswer(t, url, chatRequest(t, nil, "one", text, "next")); placement == "continued" && name != "last" {
				t.Errorf("placement by transcript = %s, want a replay", placement)
			}
			mustAnswer(t, url, chatRequest(t, nil, "next"), "X-Session-Id", session)
			mustAnswer(t, url, chatRequest(t, map[string]any{"user": "ada"}, "next"))
			// The rows that were written afterwards are whole.
			if _, placement, _ := mustAnswer(t, url, chatRequest(t, nil, "more"), "X-Session-Id", session); placement != "continued" {
				t.Errorf("placement by id afterwards = %s, want continued", placement)
			}
			if got := send(t, url, chatRequest(t, nil, "new")); got.status != http.StatusOK {
				t.Errorf("answer in a new chat = %d %s, want 200", got.status, got.body)
			}
		})
	}
}

// execSQL runs a statement on the database of a running server.
func execSQL(t *testing.T, path, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(4000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // the statement was written already
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
