package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"achuan/internal/config"
)

// healthTimeout is shorter than the 5 s that the files in deploy/ give a health check.
const healthTimeout = 3 * time.Second

type healthCommand struct {
	Listen, Config string
}

func newHealthCommand(p *program) *cobra.Command {
	var c healthCommand
	command := newCommand("health", "Check whether the server of these settings serves; exit with 0 or 1.",
		func() error { return c.Run(p) })
	command.Flags().StringVar(&c.Listen, "listen", "", "The --listen address `HOST:PORT` of the server, if it was started with one.")
	addConfigFlag(command.Flags(), &c.Config)
	return command
}

// Run asks the server of these settings whether it serves. Wrong settings are an ordinary failure here, because exit
// codes above 1 have another meaning for container engines.
func (c *healthCommand) Run(p *program) error {
	s, err := p.load(config.LoadOptions{ConfigFile: c.Config, Listen: c.Listen})
	if err != nil {
		return errors.New(err.Error()) // not a *config.Error, so the exit code is 1
	}
	url := "http://" + config.DialAddress(s.Listen) + "/healthz"
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // it uses no proxy
	resp, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("no server answers: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s returns %s", url, resp.Status)
	}
	return nil
}
