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
	Pace   time.Duration `default:"30ms" placeholder:"DURATION" help:"Time between two pieces of an answer (default ${default}; 0s: none)."`
}

// Run serves the simulator until a signal comes. It has no settings: what it
// holds is made up.
func (c *simulateCommand) Run(p *program) error {
	logger := telemetry.NewLogger(p.stderr, slog.LevelInfo, telemetry.FormatText)
	version, _ := buildVersion()
	ctx, stop := untilSignal(context.Background(), logger, exitAtOnce)
	defer stop()
	return app.Simulate(ctx, c.Listen, c.Pace, app.Options{Version: version, Stdout: p.stdout, Logger: logger})
}

// Validate is called by the parser of flags.
func (c *simulateCommand) Validate() error {
	if c.Pace < 0 {
		return errors.New("--pace must not be negative")
	}
	return nil
}
