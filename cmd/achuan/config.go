package main

import (
	"fmt"
	"strings"

	"achuan/internal/config"
	"achuan/internal/telemetry"
)

// configFlag is the flag --config, which many commands have.
type configFlag struct {
	Config string `placeholder:"FILE" help:"Settings file to read instead of achuan.yaml."`
}

type configCommand struct {
	configFlag
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
