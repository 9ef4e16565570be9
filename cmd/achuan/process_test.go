package main

import (
	"bufio"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// mostTime is how long a process may take to start, or to end once it was told.
const mostTime = 30 * time.Second

// process is the program as a process of its own, serving.
type process struct {
	command *exec.Cmd
	url     string
	stdout  chan string // lines; a test that wants more than these has to take them
	ended   chan error  // what Wait said, once

	mu  sync.Mutex
	log strings.Builder
}

var servingAt = regexp.MustCompile(`msg=(?:serving|simulating) address=(\S+)`)

// start starts the program with no environment but environ and waits until it
// serves. It is killed when the test ends, unless it has ended by then.
func start(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		command: exec.CommandContext(t.Context(), executable, args...),
		stdout:  make(chan string, 64), ended: make(chan error, 1),
	}
	p.command.Dir = t.TempDir()
	// The data folder is the test's own, on every system.
	home := t.TempDir()
	p.command.Env = append([]string{asProgram + "=1", "HOME=" + home, "XDG_DATA_HOME=" + home}, environ...)
	out, toOut := io.Pipe()
	log, toLog := io.Pipe()
	p.command.Stdout, p.command.Stderr = toOut, toLog
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.ended <- p.command.Wait()
		_ = toOut.Close()
		_ = toLog.Close()
	}()
	go func() {
		defer close(p.stdout)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.stdout <- lines.Text()
		}
	}()
	serving := make(chan string, 1)
	go p.follow(log, serving)
	select {
	case address := <-serving:
		p.url = "http://" + address
	case err := <-p.ended:
		t.Fatalf("%v ended with %v before it served:\n%s", args, err, p.said())
	case <-time.After(mostTime):
		t.Fatalf("%v does not serve:\n%s", args, p.said())
	}
	return p
}

// follow keeps the log and tells the address in it.
func (p *process) follow(log io.Reader, serving chan<- string) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		if found := servingAt.FindStringSubmatch(lines.Text()); found != nil {
			serving <- found[1]
		}
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	send(t, p.command.Process.Pid, s)
}

// exitCode waits for the end.
func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case err := <-p.ended:
		if exit, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
			t.Fatal(err)
		} else if failed {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(mostTime):
		t.Fatalf("it does not end:\n%s", p.said())
		return 0
	}
}

// account is a simulated platform that answers every question so, and the
// environment of an account on it. It is on this side, so that a test decides
// when an answer goes on.
func account(t *testing.T, reply simulator.Reply, environ ...string) []string {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	sim.OnTurn(func(simulator.Turn) *simulator.Reply { return &reply })
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	return append([]string{
		"ACHUAN_JWT=" + simulator.NewToken(simulator.DefaultUser, time.Now(), time.Hour),
		"ACHUAN_API_URL=" + backend.URL + "/api/chat/completions",
		"ACHUAN_LISTEN=127.0.0.1:0",
	}, environ...)
}
