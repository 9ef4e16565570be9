package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"achuan/internal/app"
	"achuan/internal/telemetry"
)

type simulateCommand struct {
	Listen string        `default:"127.0.0.1:8100" placeholder:"HOST:PORT" help:"Address to serve on (default ${default})."`
	Pace   time.Duration `default:"30ms" placeholder:"DURATION" help:"Time between two pieces of an answer (default ${default}; 0s is no delay)."`
}

// Run serves the simulator until a signal. It needs no settings, because all its data is made up.
func (c *simulateCommand) Run(p *program) error {
	logger := telemetry.NewLogger(p.stderr, slog.LevelInfo, telemetry.FormatText)
	version, _ := buildVersion()
	ctx, stop := drainOnSignal(context.Background(), logger, exitNow)
	defer stop()
	return app.Simulate(ctx, c.Listen, c.Pace, app.Options{Version: version, Stdout: p.stdout, Logger: logger})
}

// Validate checks the flags. The flag parser calls it.
func (c *simulateCommand) Validate() error {
	if c.Pace < 0 {
		return errors.New("--pace must not be negative")
	}
	return nil
}
