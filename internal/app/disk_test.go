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

// storeCheck is what /readyz says of the store.
func storeCheck(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var said struct{ Checks map[string]string }
	if err := json.NewDecoder(res.Body).Decode(&said); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("HTTP %d, %v, want the state of the store with 200", res.StatusCode, err)
	}
	return said.Checks["store"]
}

// A database whose file was deleted or replaced under the server is told.
func TestReadyzNoticesTheFile(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "achuan.db")
		url := serve(t, simulator.New(simulator.Options{}), func(s *config.Settings) { s.DatabaseURL = "sqlite:" + path })
		if said := storeCheck(t, url); said != "ok" {
			t.Fatalf("store = %q, want ok", said)
		}
		if err := os.Rename(path, path+".away"); err != nil {
			t.Fatal(err)
		}
		if replaced {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if said := storeCheck(t, url); said == "ok" || said == "" {
			t.Errorf("store = %q after its file went (replaced %t), want a failure", said, replaced)
		}
	}
}

// fullDiskVariable tells the test that it is the child process, under a limit.
const fullDiskVariable = "ACHUAN_TEST_FULL_DISK"

// A disk that takes no more is told. A limit on the size of files stands for it, in a
// process of its own, because it cannot be taken back.
func TestReadyzOnAFullDisk(t *testing.T) {
	if path := os.Getenv(fullDiskVariable); path != "" {
		signal.Ignore(syscall.SIGXFSZ) // the write fails instead
		url := serve(t, simulator.New(simulator.Options{}), func(s *config.Settings) { s.DatabaseURL = "sqlite:" + path })
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		before, was := storeCheck(t, url), limit.Cur
		limit.Cur = 1
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		during := storeCheck(t, url)
		limit.Cur = was
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("before %q, during %q, after %q\n", before, during, storeCheck(t, url))
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestReadyzOnAFullDisk$")
	child.Env = append(os.Environ(), fullDiskVariable+"="+filepath.Join(t.TempDir(), "achuan.db"))
	said, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if text := string(said); !strings.Contains(text, `before "ok"`) || strings.Contains(text, `during "ok"`) || !strings.Contains(text, `after "ok"`) {
		t.Errorf("said %s, want a failure while the disk is full, and none before and after", text)
	}
}
