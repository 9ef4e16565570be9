package deploy

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// maxWait is the longest time in which a process must start or end.
const maxWait = 30 * time.Second

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

// freePort returns a port on which nothing listens.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                     //nolint:errcheck // the port is free anyway
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a "tcp" listener has this type
}

// process is a program that runs until the test ends.
type process struct {
	command *exec.Cmd
	log     bytes.Buffer
	ended   chan error
}

// startProcess starts a program and waits until it accepts connections at address.
func startProcess(t *testing.T, command *exec.Cmd, address string) *process {
	t.Helper()
	s := &process{command: command, ended: make(chan error, 1)}
	command.Stdout, command.Stderr = &s.log, &s.log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Kill() // an error says that it has ended already
		<-s.ended
		if t.Failed() {
			t.Logf("%s:\n%s", command.Path, s.log.String())
		}
	})
	waitUntil(t, address+" accepts connections", func() bool {
		select {
		case err := <-s.ended:
			s.ended <- err
			t.Fatalf("%s ended: %v; want it to serve", command.Path, err)
		default:
		}
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil {
			return false
		}
		_ = c.Close() // nothing was sent
		return true
	})
	return s
}

// stop sends SIGTERM, waits for the end and returns the exit code.
func (s *process) stop(t *testing.T) int {
	t.Helper()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		s.ended <- err
	case <-time.After(maxWait):
		t.Fatalf("%s runs %v after SIGTERM, want it to end", s.command.Path, maxWait)
	}
	return s.command.ProcessState.ExitCode()
}

// waitUntil polls isTrue, because a test cannot wait for another process in a better way.
func waitUntil(t *testing.T, condition string, isTrue func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(maxWait); !isTrue(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%q = false after %v, want true", condition, maxWait)
		}
	}
}

// postQuestion sends a chat request and returns the response. The test closes its body at its end.
func postQuestion(ctx context.Context, t *testing.T, base string, stream bool, model string) *http.Response {
	t.Helper()
	body := fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"Hello"}]}`, model, stream)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer sk-of-a-test")
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// client accepts the self-signed certificates of the tests.
var client = &http.Client{Transport: newTransport()}

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

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// nextEvent returns the next line with data of a stream.
func nextEvent(t *testing.T, r *bufio.Reader) string {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "data: ") {
			return line
		}
	}
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
