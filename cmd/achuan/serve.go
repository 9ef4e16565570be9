package main

import (
	"context"

	"github.com/spf13/cobra"

	"achuan/internal/app"
	"achuan/internal/config"
	"achuan/internal/telemetry"
)

type serveCommand struct {
	Demo           bool
	Listen, Config string
}

func newServeCommand(p *program) *cobra.Command {
	var c serveCommand
	command := newCommand("serve", "Serve the API.", func() error { return c.Run(p) })
	flags := command.Flags()
	flags.BoolVar(&c.Demo, "demo", false, "Serve without an account: a simulator replaces the platform.")
	flags.StringVar(&c.Listen, "listen", "", "Address `HOST:PORT` to serve on. It has priority over ACHUAN_LISTEN and PORT. "+
		"Without all three, it is 127.0.0.1:8000.")
	addConfigFlag(flags, &c.Config)
	return command
}

// Run serves until a signal. It reports wrong settings before it starts anything.
func (c *serveCommand) Run(p *program) error {
	s, err := p.load(config.LoadOptions{ConfigFile: c.Config, Listen: c.Listen, Demo: c.Demo})
	if err != nil {
		return err
	}
	logger := telemetry.NewLogger(p.stderr, s.LogLevel, s.LogFormat, s.Secrets()...)
	for _, warning := range s.Warnings {
		logger.Warn(warning)
	}
	if err := s.CheckServe(); err != nil {
		return err
	}
	version, commit := buildVersion()
	ctx, stop := drainOnSignal(context.Background(), logger, exitNow)
	defer stop()
	return app.Serve(ctx, s, app.Options{
		Demo: c.Demo, Version: version, Commit: commit, Stdout: p.stdout, Logger: logger,
	})
}
