package main

import (
	"log/slog"
	"os"
	"syscall"
	"testing"
)

func TestDrainOnSignal(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			exited := make(chan struct{})
			ctx, stop := drainOnSignal(t.Context(), slog.New(slog.DiscardHandler), func() { close(exited) })
			defer stop()
			if ctx.Err() != nil {
				t.Fatalf("ctx.Err() before a signal = %v, want nil", ctx.Err())
			}
			sendSignal(t, os.Getpid(), s)
			<-ctx.Done()
			select {
			case <-exited:
				t.Fatal("the first signal called exit, want only the end of the context")
			default:
			}
			sendSignal(t, os.Getpid(), s)
			<-exited
		})
	}
}

func TestDrainOnSignalStop(t *testing.T) {
	ctx, stop := drainOnSignal(t.Context(), slog.New(slog.DiscardHandler), func() { t.Error("stop called exit, want no call") })
	stop()
	<-ctx.Done()
}

func sendSignal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}
