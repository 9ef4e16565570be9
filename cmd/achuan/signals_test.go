package main

import (
	"bufio"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
)

func TestUntilSignal(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			gaveUp := make(chan struct{})
			ctx, stop := untilSignal(t.Context(), slog.New(slog.DiscardHandler), func() { close(gaveUp) })
			defer stop()
			if ctx.Err() != nil {
				t.Fatal("ended without a signal")
			}
			send(t, os.Getpid(), s)
			<-ctx.Done()
			select {
			case <-gaveUp:
				t.Fatal("the first signal gave up")
			default:
			}
			send(t, os.Getpid(), s)
			<-gaveUp
		})
	}
}

func TestUntilSignalStops(t *testing.T) {
	ctx, stop := untilSignal(t.Context(), slog.New(slog.DiscardHandler), func() { t.Error("gave up") })
	stop()
	<-ctx.Done()
}

// A served demo ends well at the first signal.
func TestServeEndsAtSignal(t *testing.T) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), executable, "serve", "--demo", "--listen", "127.0.0.1:0")
	command.Dir = t.TempDir()
	command.Env = []string{asProgram + "=1"}
	reader, writer := io.Pipe()
	command.Stdout, command.Stderr = writer, writer
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- command.Wait()
		_ = writer.Close()
	}()

	var said []string
	address := regexp.MustCompile(`http://127\.0\.0\.1:[1-9]\d*`)
	ready := false
	for lines := bufio.NewScanner(reader); lines.Scan(); {
		said = append(said, lines.Text())
		if !ready && address.MatchString(lines.Text()) {
			ready = true
			send(t, command.Process.Pid, syscall.SIGTERM)
		}
	}
	if err := <-ended; err != nil || !ready {
		t.Errorf("ended with %v, said its address: %v\n%q", err, ready, said)
	}
}

func send(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}
