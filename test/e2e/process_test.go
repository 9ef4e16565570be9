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

// mostTime is how long a process may take to start, or to end once it was told.
const mostTime = 30 * time.Second

// process is the program, serving.
type process struct {
	t       testing.TB
	command *exec.Cmd
	token   string // its JWT, by which the platform's view tells processes apart
	url     string
	ended   chan struct{} // closed when it has ended

	mu      sync.Mutex
	log     strings.Builder
	changed chan struct{} // closed at the log's next line
}

var servingAt = regexp.MustCompile(`msg=serving address=(\S+)`)

// launch starts the program with no environment but environ. It is killed when the
// test ends, unless it has ended by then.
func launch(t testing.TB, token string, environ []string) *process {
	t.Helper()
	return launchAs(t, token, environ, binary, "serve")
}

// launchAs is launch by a command that becomes the program.
func launchAs(t testing.TB, token string, environ []string, command ...string) *process {
	t.Helper()
	p := &process{
		t: t, command: exec.Command(command[0], command[1:]...), token: token,
		ended: make(chan struct{}), changed: make(chan struct{}),
	}
	p.command.Dir = t.TempDir()
	p.command.Env = append([]string{"ACHUAN_JWT=" + token}, environ...)
	log, toLog := io.Pipe()
	p.command.Stderr = toLog
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait() // exit codes are looked at where they matter
		_ = toLog.Close()
	}()
	go p.follow(log)
	t.Cleanup(p.end)
	return p
}

// end kills the process, and looks at what it said.
func (p *process) end() {
	_ = p.command.Process.Kill() // it may have ended
	<-p.ended
	for _, bad := range []string{"DATA RACE", "panic", "goroutine "} {
		if strings.Contains(p.said(), bad) {
			p.t.Errorf("%q is in the log:\n%s", bad, p.said())
			return
		}
	}
	if p.t.Failed() {
		p.t.Logf("the end of the log of %s:\n%s", p.url, p.last())
	}
}

// follow keeps the log until the process has ended.
func (p *process) follow(log io.Reader) {
	defer close(p.ended)
	for lines := bufio.NewScanner(log); lines.Scan(); {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// last is what the log ended with, and what it warned of before, for people.
func (p *process) last() string {
	var told, warned []string
	for line := range strings.Lines(p.said()) {
		switch {
		case strings.Contains(line, "level=WARN"), strings.Contains(line, "level=ERROR"):
			warned = append(warned, line)
		case !strings.Contains(line, "level=DEBUG"):
			told = append(told, line)
		}
	}
	return strings.Join(slices.Concat(warned[:min(len(warned), 10)], told[max(0, len(told)-10):]), "")
}

// await waits until the log has what is looked for, as often as that.
func (p *process) await(what string, times int) {
	p.t.Helper()
	deadline := time.After(2 * mostTime)
	for {
		p.mu.Lock()
		log, changed := p.log.String(), p.changed
		p.mu.Unlock()
		if strings.Count(log, what) >= times {
			return
		}
		select {
		case <-changed:
		case <-p.ended:
			p.t.Fatalf("the process ended and never said %q:\n%s", what, p.said())
		case <-deadline:
			p.t.Fatalf("the process does not say %q:\n%s", what, p.said())
		}
	}
}

// serve waits until the process serves, and notes where.
func (p *process) serve() *process {
	p.t.Helper()
	p.await("msg=serving", 1)
	p.url = "http://" + servingAt.FindStringSubmatch(p.said())[1]
	return p
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.command.Process.Kill() // a second one finds nobody
}

// gone waits for the end of a process that was killed or told to end.
func (p *process) gone() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(mostTime):
		p.t.Fatalf("it does not end:\n%s", p.said())
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// pause stops the process in its tracks, and waits until the last of its threads has
// noticed.
func (p *process) pause() {
	p.t.Helper()
	p.signal(syscall.SIGSTOP)
	eventually(p.t, func() bool {
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

// stop ends the process in order.
func (p *process) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.gone()
	if code := p.command.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("exit code %d:\n%s", code, p.said())
	}
}

// bounded is a context for all that a test waits for.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*mostTime)
	t.Cleanup(cancel)
	return ctx
}
