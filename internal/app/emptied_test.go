package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// A new database in place of one whose file was emptied is told in the log.
func TestEmptiedDatabaseIsTold(t *testing.T) {
	for _, was := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "achuan.db")
		if was {
			for _, name := range []string{path, path + ".lock"} {
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		var out buffer
		serveLogged(t, simulator.New(simulator.Options{}), slog.New(slog.NewTextHandler(&out, nil)), func(s *config.Settings) {
			s.DatabaseURL = "sqlite:" + path
		})
		if told := strings.Contains(out.String(), "an empty file stands where the database was"); told != was {
			t.Errorf("told %t, want %t: %s", told, was, out.String())
		}
	}
}
