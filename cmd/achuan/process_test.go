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

// maxProcessTime is how long a process may take to start, or to end after a signal.
const maxProcessTime = 30 * time.Second

// process is a running program that serves.
type process struct {
	command *exec.Cmd
	url     string
	stdout  chan string // lines; the program blocks when the test does not read them
	ended   chan error  // one result of Wait

	mu  sync.Mutex
	log strings.Builder
}

var servingAt = regexp.MustCompile(`msg=(?:serving|simulating) address=(\S+)`)

// start starts the program with only environ as its environment, and waits until it serves. The end of the test kills
// the program.
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
	// On every system, the data folder is one of this test.
	home := t.TempDir()
	p.command.Env = append([]string{asProgram + "=1", "HOME=" + home, "XDG_DATA_HOME=" + home}, environ...)
	out, outWriter := io.Pipe()
	log, logWriter := io.Pipe()
	p.command.Stdout, p.command.Stderr = outWriter, logWriter
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.ended <- p.command.Wait()
		_ = outWriter.Close()
		_ = logWriter.Close()
	}()
	go func() {
		defer close(p.stdout)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.stdout <- lines.Text()
		}
	}()
	serving := make(chan string, 1)
	go p.readLog(log, serving)
	select {
	case address := <-serving:
		p.url = "http://" + address
	case err := <-p.ended:
		t.Fatalf("%v = %v, want a serving process:\n%s", args, err, p.logText())
	case <-time.After(maxProcessTime):
		t.Fatalf("%v = no address after %v, want a serving process:\n%s", args, maxProcessTime, p.logText())
	}
	return p
}

// readLog stores the log and sends the address in it.
func (p *process) readLog(log io.Reader, serving chan<- string) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		p.mu.Lock()
		p.log.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		if found := servingAt.FindStringSubmatch(lines.Text()); found != nil {
			serving <- found[1]
		}
	}
}

func (p *process) logText() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	sendSignal(t, p.command.Process.Pid, s)
}

// exitCode waits for the end of the process and returns its exit code.
func (p *process) exitCode(t *testing.T) int {
	t.Helper()
	select {
	case err := <-p.ended:
		if exit, isExit := errors.AsType[*exec.ExitError](err); err != nil && !isExit {
			t.Fatal(err)
		} else if isExit {
			return exit.ExitCode()
		}
		return 0
	case <-time.After(maxProcessTime):
		t.Fatalf("process does not end, want an exit:\n%s", p.logText())
		return 0
	}
}

// account starts a simulated platform that answers every question with reply, and returns the environment of an
// account on it. The platform runs in the test's process, so that the test controls its answers.
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
