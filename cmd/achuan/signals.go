package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"achuan/internal/telemetry"
)

// exitAtOnce ends the process without waiting for anything.
func exitAtOnce() { os.Exit(exitFailed) }

// untilSignal returns a context that SIGTERM and SIGINT end, for commands that have
// nothing to let finish.
func (*program) untilSignal() (ctx context.Context, stop context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
}

// untilSignal returns a context that the first SIGTERM or SIGINT ends, so that
// what is under way can finish. The second calls giveUp. After stop, signals do
// what they do without.
func untilSignal(parent context.Context, logger *slog.Logger, giveUp func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stopped := make(chan struct{})
	go func() {
		for first := true; ; first = false {
			select {
			case s := <-signals:
				if !first {
					logger.Warn("ended at once by a second signal", telemetry.KeySignal, s.String())
					giveUp()
					return
				}
				logger.Info("stopping; answers under way may finish, a second signal ends them", telemetry.KeySignal, s.String())
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
