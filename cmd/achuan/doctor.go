package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"achuan/internal/app"
	"achuan/internal/config"
	"achuan/internal/doctor"
	"achuan/internal/telemetry"
)

type doctorCommand struct {
	URL        string        `placeholder:"URL" help:"Base URL of a running server (default: the one of the settings, if it runs)."`
	Key        string        `placeholder:"KEY" help:"Client key. Without it ACHUAN_KEY in the environment, else the first of ACHUAN_API_KEYS."`
	Models     bool          `help:"Ask every served model, whole and streamed. Costs points: asks before."`
	Yes        bool          `help:"Do not ask before."`
	Backup     string        `placeholder:"FILE" help:"A backup made by other tools, such as pg_dump, whose age is to be checked."`
	BackupAge  time.Duration `default:"25h" placeholder:"DURATION" help:"How old the last backup may be (default ${default})."`
	Production bool          `help:"Metrics and backups are required, although the server listens on loopback: it serves others behind a proxy."`
	JSON       bool          `help:"Print the lines as one JSON object."`
	Config     string        `placeholder:"FILE" help:"Settings file to read in place of achuan.yaml."`
}

// Run goes through the checklist. That a line is red is a failure of the command.
func (c *doctorCommand) Run(p *program) error {
	o, err := c.options(p)
	if err != nil {
		return err
	}
	ctx, stop := p.untilSignal()
	defer stop()
	redact := telemetry.NewRedactor(p.secrets...)
	lines := []doctor.Line{}
	failed := doctor.Run(ctx, o, func(l doctor.Line) {
		l.Found = redact.Text(l.Found)
		lines = append(lines, l)
		if !c.JSON {
			show(p, l)
		}
	})
	if c.JSON {
		out := json.NewEncoder(p.stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		if err := out.Encode(struct {
			OK    bool          `json:"ok"`
			Lines []doctor.Line `json:"lines"`
		}{failed == 0, lines}); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d lines failed", failed, len(lines))
	}
	return nil
}

func show(p *program, l doctor.Line) {
	fmt.Fprintf(p.stdout, "%-5s %-9s %s\n", l.State, l.Name, l.Found)
	if l.Remedy != "" {
		fmt.Fprintf(p.stdout, "%-15s -> %s\n", "", l.Remedy)
	}
}

// options are those of the flags and of the settings, which may be wrong: that is
// the first line's matter.
func (c *doctorCommand) options(p *program) (doctor.Options, error) {
	base, err := c.base()
	if err != nil {
		return doctor.Options{}, err
	}
	o := doctor.Options{
		URL: base, Key: cmp.Or(c.Key, p.variable("ACHUAN_KEY")), Models: c.Models,
		BackupFile: c.Backup, BackupAge: c.BackupAge, Production: c.Production,
	}
	if !c.Yes {
		o.Confirm = func(questions, models int) bool { return p.confirm(questions, models) }
	}
	s, wrong := p.load(config.LoadOptions{ConfigFile: c.Config})
	p.secrets = append(p.secrets, o.Key)
	if s == nil {
		o.SettingsError = wrong
		return o, nil
	}
	var text bytes.Buffer
	if err := s.Dump(&text); err != nil {
		return o, err
	}
	o.Settings, o.SettingsText = s, text.Bytes()
	o.Start = func(ctx context.Context) *doctor.Server {
		version, commit := buildVersion()
		url, stop, err := app.Trial(ctx, s, app.Options{Version: version, Commit: commit, Stdout: p.stdout, Logger: slog.New(slog.DiscardHandler)})
		return &doctor.Server{URL: url, Err: err, Stop: stop}
	}
	return o, nil
}

// base is the URL without the /v1 that clients put behind it.
func (c *doctorCommand) base() (string, error) {
	if c.URL == "" {
		return "", nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", &config.Error{Source: "--url", Problem: "want the server's base URL, such as http://127.0.0.1:8000"}
	}
	return strings.TrimSuffix(strings.TrimSuffix(c.URL, "/"), "/v1"), nil
}

// confirm asks on standard error, so that --json stays JSON.
func (p *program) confirm(questions, models int) bool {
	fmt.Fprintf(p.stderr, "This asks %d models %d questions, which costs points of the account; models that draw cost many. Go on? [y/N] ", models, questions)
	said, _ := bufio.NewReader(p.stdin).ReadString('\n') // no answer is no
	return strings.EqualFold(strings.TrimSpace(said), "y") || strings.EqualFold(strings.TrimSpace(said), "yes")
}
