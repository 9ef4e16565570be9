//go:build linux || darwin

package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// storeState returns the state of the store in /readyz.
func storeState(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var state struct{ Checks map[string]string }
	if err := json.NewDecoder(res.Body).Decode(&state); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET /readyz = %d, %v, want 200 with the state of the store", res.StatusCode, err)
	}
	return state.Checks["store"]
}

// /readyz reports that the file of the database was deleted or replaced while the server runs.
func TestReadyzReportsMissingFile(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "achuan.db")
		url := serve(t, simulator.New(simulator.Options{}), func(s *config.Settings) { s.DatabaseURL = "sqlite:" + path })
		if state := storeState(t, url); state != "ok" {
			t.Fatalf("store = %q, want ok", state)
		}
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if replaced {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if state := storeState(t, url); state == "ok" || state == "" {
			t.Errorf("store = %q without its file (replaced %t), want a failure", state, replaced)
		}
	}
}

// fullDiskVariable is set in the child process, which has a limit on the size of files.
const fullDiskVariable = "ACHUAN_TEST_FULL_DISK"

// /readyz reports a full disk. A limit on the size of files simulates the full disk, in a child process, because a
// process cannot remove its limit.
func TestReadyzReportsFullDisk(t *testing.T) {
	if path := os.Getenv(fullDiskVariable); path != "" {
		signal.Ignore(syscall.SIGXFSZ) // so that the write fails with an error
		url := serve(t, simulator.New(simulator.Options{}), func(s *config.Settings) { s.DatabaseURL = "sqlite:" + path })
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		before, oldLimit := storeState(t, url), limit.Cur
		limit.Cur = 1
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		during := storeState(t, url)
		limit.Cur = oldLimit
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("before %q, during %q, after %q\n", before, during, storeState(t, url))
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReadyzReportsFullDisk$")
	child.Env = append(os.Environ(), fullDiskVariable+"="+filepath.Join(t.TempDir(), "achuan.db"))
	output, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("child process = %v:\n%s", err, output)
	}
	if text := string(output); !strings.Contains(text, `before "ok"`) || strings.Contains(text, `during "ok"`) || !strings.Contains(text, `after "ok"`) {
		t.Errorf("output = %s, want a failure only while the disk is full", text)
	}
}
