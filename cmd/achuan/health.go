package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"achuan/internal/config"
)

// healthTime is shorter than the 5 s that container engines are told to wait.
const healthTime = 3 * time.Second

type healthCommand struct {
	Listen string `placeholder:"HOST:PORT" help:"Address that the server was told to serve on, if by --listen."`
	Config string `placeholder:"FILE" help:"Settings file to read in place of achuan.yaml."`
}

// Run asks the server that these settings start whether it serves. Exit codes above
// 1 have other meanings to container engines: wrong settings are a failure here.
func (c *healthCommand) Run(p *program) error {
	s, err := p.load(config.LoadOptions{ConfigFile: c.Config, Listen: c.Listen})
	if err != nil {
		return errors.New(err.Error()) // no *config.Error any more
	}
	url := "http://" + config.Reachable(s.Listen) + "/healthz"
	ctx, cancel := context.WithTimeout(context.Background(), healthTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	direct := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // by no proxy
	resp, err := direct.Do(r)
	if err != nil {
		return fmt.Errorf("no server answers: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16)); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says %s", url, resp.Status)
	}
	return nil
}
