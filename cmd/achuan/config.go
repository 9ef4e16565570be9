package main

import (
	"fmt"
	"strings"

	"achuan/internal/config"
	"achuan/internal/telemetry"
)

type configCommand struct {
	Config string `placeholder:"FILE" help:"Settings file to read in place of achuan.yaml."`
}

// Run prints the settings. That serve would refuse them is said beside, but is
// no failure: who asks for the settings has not asked to serve.
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
		notes = append(notes, "achuan serve would not start: "+strings.ReplaceAll(err.Error(), "\n", "\nachuan serve would not start: "))
	}
	for _, note := range notes {
		fmt.Fprintln(p.stderr, telemetry.NewRedactor(p.secrets...).Text(note))
	}
	return nil
}
