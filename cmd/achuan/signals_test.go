package main

import (
	"log/slog"
	"os"
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

func send(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}
