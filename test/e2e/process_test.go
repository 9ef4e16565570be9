//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// processTimeout is the longest time in which a process must start, or end after a signal.
const processTimeout = 30 * time.Second

// process is a running program.
type process struct {
	t       testing.TB
	command *exec.Cmd
	token   string // its JWT; the simulator distinguishes processes by it
	url     string
	ended   chan struct{} // closed after the end of the process

	mu      sync.Mutex
	log     strings.Builder
	changed chan struct{} // closed at the next line of the log
}

var servingLine = regexp.MustCompile(`msg=serving address=(\S+)`)

// launchProgram starts the program. Its environment is the token and environ. The end of the test kills it.
func launchProgram(t testing.TB, token string, environ []string) *process {
	t.Helper()
	return launchCommand(t, token, environ, binaryPath, "serve")
}

// launchCommand is launchProgram with a command that executes the program.
func launchCommand(t testing.TB, token string, environ []string, command ...string) *process {
	t.Helper()
	p := &process{
		t: t, command: exec.Command(command[0], command[1:]...), token: token,
		ended: make(chan struct{}), changed: make(chan struct{}),
	}
	p.command.Dir = t.TempDir()
	p.command.Env = append([]string{"ACHUAN_JWT=" + token}, environ...)
	log, logWriter := io.Pipe()
	p.command.Stderr = logWriter
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait() // tests check the exit code where it matters
		_ = logWriter.Close()
	}()
	go p.readLog(log)
	t.Cleanup(p.cleanUp)
	return p
}

// cleanUp kills the process and checks its log for panics and data races.
func (p *process) cleanUp() {
	_ = p.command.Process.Kill() // an error says that it has ended already
	<-p.ended
	for _, bad := range []string{"DATA RACE", "panic", "goroutine "} {
		if strings.Contains(p.logText(), bad) {
			p.t.Errorf("log has %q, want none:\n%s", bad, p.logText())
			return
		}
	}
	if p.t.Failed() {
		p.t.Logf("log of %s, in parts:\n%s", p.url, p.logSummary())
	}
}

// readLog reads the log until the process ends.
func (p *process) readLog(log io.Reader) {
	defer close(p.ended)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) logText() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// logSummary returns the first warnings and the last lines of the log.
func (p *process) logSummary() string {
	var infos, warnings []string
	for line := range strings.Lines(p.logText()) {
		switch {
		case strings.Contains(line, "level=WARN"), strings.Contains(line, "level=ERROR"):
			warnings = append(warnings, line)
		case !strings.Contains(line, "level=DEBUG"):
			infos = append(infos, line)
		}
	}
	return strings.Join(slices.Concat(warnings[:min(len(warnings), 10)], infos[max(0, len(infos)-10):]), "")
}

// waitForLog waits until the log contains text this number of times.
func (p *process) waitForLog(text string, count int) {
	p.t.Helper()
	deadline := time.After(2 * processTimeout)
	for {
		p.mu.Lock()
		log, changed := p.log.String(), p.changed
		p.mu.Unlock()
		if strings.Count(log, text) >= count {
			return
		}
		select {
		case <-changed:
		case <-p.ended:
			p.t.Fatalf("process ended, want %q in its log:\n%s", text, p.logText())
		case <-deadline:
			p.t.Fatalf("timeout, want %q in the log:\n%s", text, p.logText())
		}
	}
}

// waitUntilServing waits until the process serves, and sets its URL.
func (p *process) waitUntilServing() *process {
	p.t.Helper()
	p.waitForLog("msg=serving", 1)
	p.url = "http://" + servingLine.FindStringSubmatch(p.logText())[1]
	return p
}

// kill sends SIGKILL.
func (p *process) kill() {
	_ = p.command.Process.Kill() // a test may call it twice
}

// waitForExit waits for the end of the process after a signal.
func (p *process) waitForExit() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(processTimeout):
		p.t.Fatalf("timeout, want the process to end:\n%s", p.logText())
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// pause sends SIGSTOP and waits until all threads of the process are stopped.
func (p *process) pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	pollUntil(p.t, func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.command.Process.Pid))
		if err != nil || len(threads) == 0 {
			return false
		}
		return !slices.ContainsFunc(threads, func(thread string) bool {
			stat, err := os.ReadFile(thread)
			return err == nil && !bytes.Contains(stat, []byte(") T "))
		})
	})
}

// stop sends SIGTERM and waits for a normal end.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.waitForExit()
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("exit code = %d, want 0:\n%s", code, p.logText())
	}
}

// testContext returns the context with the time limit of a test.
func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*processTimeout)
	t.Cleanup(cancel)
	return ctx
}
