package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"achuan/internal/telemetry"
)

// exitNow ends the process without waiting.
func exitNow() { os.Exit(exitFailed) }

// untilSignal returns a context that SIGTERM and SIGINT end. It is for commands that need not finish anything.
func (*program) untilSignal() (ctx context.Context, stop context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

// drainOnSignal returns a context that the first SIGTERM or SIGINT ends, so that running answers can finish. The
// second signal calls exit. After stop, signals have their default effect again.
func drainOnSignal(parent context.Context, logger *slog.Logger, exit func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stopped := make(chan struct{})
	go func() {
		for isFirst := true; ; isFirst = false {
			select {
			case s := <-signals:
				if !isFirst {
					logger.Warn("a second signal ends the process now", telemetry.KeySignal, s.String())
					exit()
					return
				}
				logger.Info("stopping; running answers may finish, a second signal ends them", telemetry.KeySignal, s.String())
				cancel()
			case <-stopped:
				return
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(stopped)
		cancel()
	}
}
