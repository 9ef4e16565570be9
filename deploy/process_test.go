package deploy

import (
	"bytes"
	"net"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// maxWait is the longest time in which a process must start or end.
const maxWait = 30 * time.Second

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
