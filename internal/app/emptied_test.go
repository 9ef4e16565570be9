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

// The log reports that a new database is created because the file of the old one is empty.
func TestEmptyDatabaseFileIsLogged(t *testing.T) {
	for _, isEmptied := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "achuan.db")
		if isEmptied {
			for _, name := range []string{path, path + ".lock"} {
				if err := os.WriteFile(name, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		var out logBuffer
		logger := slog.New(slog.NewTextHandler(&out, nil))
		serveLogged(t, simulator.New(simulator.Options{}), logger, func(s *config.Settings) {
			s.DatabaseURL = "sqlite:" + path
		})
		if isLogged := strings.Contains(out.String(), "the database file is empty"); isLogged != isEmptied {
			t.Errorf("log has the warning = %t, want %t: %s", isLogged, isEmptied, out.String())
		}
	}
}
