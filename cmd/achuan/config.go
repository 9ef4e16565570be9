package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"achuan/internal/config"
	"achuan/internal/telemetry"
)

// addConfigFlag adds the flag --config, which many commands have.
func addConfigFlag(flags *pflag.FlagSet, path *string) {
	flags.StringVar(path, "config", "", "Settings `FILE` to read instead of achuan.yaml.")
}

type configCommand struct {
	Config string
}

func newConfigCommand(p *program) *cobra.Command {
	var c configCommand
	command := newCommand("config", "Print the settings in force with their sources and meanings.",
		func() error { return c.Run(p) })
	addConfigFlag(command.Flags(), &c.Config)
	return command
}

// Run prints the settings. When achuan serve would refuse them, it says so on standard error, but the command does not
// fail: its task is only to print.
func (c *configCommand) Run(p *program) error {
	s, err := p.load(config.LoadOptions{ConfigFile: c.Config})
	if err != nil {
		return err
	}
	if err := s.Dump(p.stdout); err != nil {
		return err
	}
	notes := s.Warnings
	if err := s.CheckServe(); err != nil {
		const prefix = "achuan serve would not start: "
		notes = append(notes, prefix+strings.ReplaceAll(err.Error(), "\n", "\n"+prefix))
	}
	for _, note := range notes {
		fmt.Fprintln(p.stderr, telemetry.NewRedactor(p.secrets...).Text(note))
	}
	return nil
}
