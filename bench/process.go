package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// program says how to start a server.
type program struct {
	path    string
	args    []string
	dir     string   // working directory and HOME
	environ []string // besides PATH, HOME and ACHUAN_LISTEN
}

// process is a running server.
type process struct {
	address string // host and port
	pid     int
	cancel  context.CancelFunc
	ended   chan struct{}
}

// startTimeout is the time that a server has to listen.
const startTimeout = 10 * time.Second

// start starts the server on a free port, and waits until it listens. Its log goes to /dev/null.
func (p *program) start(ctx context.Context) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	return p.startAt(ctx, address)
}

func (p *program) startAt(ctx context.Context, address string) (*process, error) {
	ctx, cancel := context.WithCancel(ctx)
	c := p.command(ctx, address)
	if err := c.Start(); err != nil {
		cancel()
		return nil, err
	}
	s := &process{address: address, pid: c.Process.Pid, cancel: cancel, ended: make(chan struct{})}
	go func() {
		_ = c.Wait() // the error is that bench stopped it, or awaitListening reports it
		close(s.ended)
	}()
	if !s.awaitListening(ctx) {
		s.stop()
		return nil, fmt.Errorf("%s %q does not listen: %s", p.path, p.args, p.complaint(ctx, address))
	}
	return s, nil
}

func (p *program) command(ctx context.Context, address string) *exec.Cmd {
	c := exec.CommandContext(ctx, p.path, p.args...)
	c.Dir = p.dir
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.dir, "ACHUAN_LISTEN=" + address}, p.environ...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	return c
}

// complaint starts a server again that did not start, and returns what it logs.
func (p *program) complaint(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	output, err := p.command(ctx, address).CombinedOutput()
	return fmt.Sprintf("%s (%v)", output, err)
}

// awaitListening reports false when the server ends, or does not listen in time.
func (s *process) awaitListening(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var dialer net.Dialer
	retry := time.NewTicker(500 * time.Microsecond)
	defer retry.Stop()
	for {
		if conn, err := dialer.DialContext(ctx, "tcp", s.address); err == nil {
			_ = conn.Close() // nothing was written
			return true
		}
		select {
		case <-retry.C:
		case <-s.ended:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// stop asks the server to stop, and waits until it has ended.
func (s *process) stop() {
	s.cancel()
	<-s.ended
}

// freeAddress returns a loopback address that nothing listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
