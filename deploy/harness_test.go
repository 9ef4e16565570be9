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

// mostTime is how long something may take to start or to end.
const mostTime = 30 * time.Second

var (
	buildOnce sync.Once
	built     string
	buildErr  error
)

// binary builds achuan as it is released, once.
func binary(t *testing.T) string {
	t.Helper()
	buildOnce.Do(func() {
		var folder string
		if folder, buildErr = os.MkdirTemp("", "achuan-deploy-*"); buildErr != nil { //nolint:usetesting // it is for all tests
			return
		}
		built = filepath.Join(folder, "achuan")
		make := exec.Command("make", "-C", "..", "--no-print-directory", "build", "BIN="+built)
		if out, err := make.CombinedOutput(); err != nil {
			buildErr = fmt.Errorf("make build: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return built
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		_ = os.RemoveAll(filepath.Dir(built)) // it is in the folder for such things
	}
	os.Exit(code)
}

// platform is a simulated one, and the settings of an account on it.
func platform(t *testing.T) (*simulator.Simulator, []string) {
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

// freePort is a port that nobody listens on now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()                     //nolint:errcheck // somebody else takes the port
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // of "tcp"
}

// started is a program that runs until the test ends.
type started struct {
	command *exec.Cmd
	log     bytes.Buffer
	ended   chan error
}

// start starts a program and waits until its address answers.
func start(t *testing.T, command *exec.Cmd, address string) *started {
	t.Helper()
	s := &started{command: command, ended: make(chan error, 1)}
	command.Stdout, command.Stderr = &s.log, &s.log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Kill() // if it has not ended yet
		<-s.ended
		if t.Failed() {
			t.Logf("%s:\n%s", command.Path, s.log.String())
		}
	})
	until(t, address+" answers", func() bool {
		select {
		case err := <-s.ended:
			s.ended <- err
			t.Fatalf("it ended: %v", err)
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

// stop asks a program to end, and returns its exit code.
func (s *started) stop(t *testing.T) int {
	t.Helper()
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		s.ended <- err
	case <-time.After(mostTime):
		t.Fatal("it does not end")
	}
	return s.command.ProcessState.ExitCode()
}

// until looks again and again, which is all that one can do with another process.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(mostTime); !so(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// question is a request for an answer.
func question(ctx context.Context, t *testing.T, base string, stream bool, model string) *http.Response {
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

// client takes the made-up certificates of the tests.
var client = &http.Client{Transport: newTransport()}

// serve starts achuan on a port of this machine.
func serve(t *testing.T, port int, environ ...string) *started {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary(t), "serve")
	command.Dir = t.TempDir()
	command.Env = append([]string{"ACHUAN_LISTEN=127.0.0.1:" + strconv.Itoa(port), "ACHUAN_DATABASE_URL=sqlite::memory:"}, environ...)
	return start(t, command, "127.0.0.1:"+strconv.Itoa(port))
}

// all reads a body.
func all(t *testing.T, r io.Reader) string {
	t.Helper()
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// firstEvent reads a stream's first line with data.
func firstEvent(t *testing.T, r *bufio.Reader) string {
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

// need is a tool's path; without the tool the test is skipped, but never in CI.
func need(t *testing.T, tool, debian string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err == nil {
		return path
	}
	if os.Getenv("ACHUAN_TEST_DEPLOY") == "all" {
		t.Fatalf("no %s: .ci/run fetches it from Debian's package %s", tool, debian)
	}
	t.Skipf("no %s here: it is in Debian's package %s, and .ci/run fetches it", tool, debian)
	return ""
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
