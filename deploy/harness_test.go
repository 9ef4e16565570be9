package deploy

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"achuan/internal/simulator"
)

var (
	buildOnce  sync.Once
	binaryPath string
	buildErr   error
)

// buildBinary builds achuan as releases are built, at its first call only. It returns the path.
func buildBinary(t *testing.T) string {
	t.Helper()
	buildOnce.Do(func() {
		var folder string
		folder, buildErr = os.MkdirTemp("", "achuan-deploy-*") //nolint:usetesting // all tests use it
		if buildErr != nil {
			return
		}
		binaryPath = filepath.Join(folder, "achuan")
		make := exec.Command("make", "-C", "..", "--no-print-directory", "build", "BIN="+binaryPath)
		if out, err := make.CombinedOutput(); err != nil {
			buildErr = fmt.Errorf("make build: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return binaryPath
}

func TestMain(m *testing.M) {
	code := m.Run()
	if binaryPath != "" {
		_ = os.RemoveAll(filepath.Dir(binaryPath)) // the folder is temporary
	}
	os.Exit(code)
}

// startPlatform starts a simulated platform. It also returns the settings of an account on it.
func startPlatform(t *testing.T) (*simulator.Simulator, []string) {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	return sim, []string{
		"ACHUAN_JWT=" + simulator.NewToken(simulator.DefaultUser, time.Now(), 24*time.Hour),
		"ACHUAN_API_URL=" + backend.URL + "/api/chat/completions",
		"ACHUAN_API_KEYS=sk-of-a-test",
	}
}

// serveAchuan starts achuan on a local port.
func serveAchuan(t *testing.T, port int, environ ...string) *process {
	t.Helper()
	command := exec.CommandContext(t.Context(), buildBinary(t), "serve")
	command.Dir = t.TempDir()
	command.Env = append([]string{
		"ACHUAN_LISTEN=127.0.0.1:" + strconv.Itoa(port), "ACHUAN_DATABASE_URL=sqlite::memory:",
	}, environ...)
	return startProcess(t, command, "127.0.0.1:"+strconv.Itoa(port))
}

// requireTool returns the path of a tool. Without the tool the test is skipped, or fails in CI.
func requireTool(t *testing.T, tool, debian string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		return path
	}
	if os.Getenv("ACHUAN_TEST_DEPLOY") == "all" {
		t.Fatalf("LookPath(%s) = %v, want the tool of the Debian package %s, which .ci/run installs", tool, err, debian)
	}
	t.Skipf("%s is not installed: it is in the Debian package %s, which .ci/run installs", tool, debian)
	return ""
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
