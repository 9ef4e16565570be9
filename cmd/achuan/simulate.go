package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"achuan/internal/app"
	"achuan/internal/telemetry"
)

type simulateCommand struct {
	Listen string
	Pace   time.Duration
}

func newSimulateCommand(p *program) *cobra.Command {
	var c simulateCommand
	command := newCommand("simulate", "Serve only a simulated platform, to try clients and settings with it.",
		func() error { return c.Run(p) })
	command.Args = cobra.MatchAll(cobra.NoArgs, func(*cobra.Command, []string) error { return c.validate() })
	flags := command.Flags()
	flags.StringVar(&c.Listen, "listen", "127.0.0.1:8100", "Address `HOST:PORT` to serve on")
	flags.DurationVar(&c.Pace, "pace", 30*time.Millisecond, "Time between two pieces of an answer; 0s is no delay")
	return command
}

// Run serves the simulator until a signal. It needs no settings, because all its data is made up.
func (c *simulateCommand) Run(p *program) error {
	logger := telemetry.NewLogger(p.stderr, slog.LevelInfo, telemetry.FormatText)
	version, _ := buildVersion()
	ctx, stop := drainOnSignal(context.Background(), logger, exitNow)
	defer stop()
	return app.Simulate(ctx, c.Listen, c.Pace, app.Options{Version: version, Stdout: p.stdout, Logger: logger})
}

// validate checks the flags.
func (c *simulateCommand) validate() error {
	if c.Pace < 0 {
		return errors.New("--pace must not be negative")
	}
	return nil
}
