package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"achuan/internal/app"
	"achuan/internal/config"
	"achuan/internal/doctor"
	"achuan/internal/telemetry"
)

type doctorCommand struct {
	URL, Key, Backup, Config      string
	Models, Yes, Production, JSON bool
	BackupAge                     time.Duration
}

func newDoctorCommand(p *program) *cobra.Command {
	var c doctorCommand
	command := newCommand("doctor", "Run the production checklist: one line for each check, with a remedy.",
		func() error { return c.Run(p) })
	flags := command.Flags()
	flags.StringVar(&c.URL, "url", "", "Base `URL` of a running server (default: the server of the settings, if it runs).")
	flags.StringVar(&c.Key, "key", "", "Client `KEY` (default: ACHUAN_KEY in the environment, or else the first of ACHUAN_API_KEYS).")
	flags.BoolVar(&c.Models, "models", false,
		"Ask every served model, whole and streamed. This costs points, so doctor asks for confirmation.")
	flags.BoolVar(&c.Yes, "yes", false, "Do not ask for confirmation.")
	flags.StringVar(&c.Backup, "backup", "", "Check the age of this backup `FILE`, which another tool made, such as pg_dump.")
	flags.DurationVar(&c.BackupAge, "backup-age", 25*time.Hour, "The oldest that the last backup may be")
	flags.BoolVar(&c.Production, "production", false,
		"Require metrics and backups although the server listens on loopback: it serves others behind a proxy.")
	flags.BoolVar(&c.JSON, "json", false, "Print the lines as one JSON object.")
	addConfigFlag(flags, &c.Config)
	return command
}

// Run runs the checklist. The command fails when a line fails.
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
			printLine(p, l)
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

func printLine(p *program, l doctor.Line) {
	fmt.Fprintf(p.stdout, "%-5s %-9s %s\n", l.State, l.Name, l.Found)
	if l.Remedy != "" {
		fmt.Fprintf(p.stdout, "%-15s -> %s\n", "", l.Remedy)
	}
}

// options returns the options from the flags and the settings. Wrong settings are not an error here: the first line of
// the checklist reports them.
func (c *doctorCommand) options(p *program) (doctor.Options, error) {
	base, err := c.baseURL()
	if err != nil {
		return doctor.Options{}, err
	}
	o := doctor.Options{
		URL: base, Key: cmp.Or(c.Key, p.variable("ACHUAN_KEY")), AskModels: c.Models,
		BackupFile: c.Backup, MaxBackupAge: c.BackupAge, IsProduction: c.Production,
	}
	if !c.Yes {
		o.Confirm = func(questions, models int) bool { return p.confirm(questions, models) }
	}
	s, settingsErr := p.load(config.LoadOptions{ConfigFile: c.Config})
	p.secrets = append(p.secrets, o.Key)
	if s == nil {
		o.SettingsError = settingsErr
		return o, nil
	}
	var text bytes.Buffer
	if err := s.Dump(&text); err != nil {
		return o, err
	}
	o.Settings, o.SettingsText = s, text.Bytes()
	o.StartServer = func(ctx context.Context) *doctor.Server {
		version, commit := buildVersion()
		url, stop, err := app.StartTrial(ctx, s, app.Options{
			Version: version, Commit: commit, Stdout: p.stdout, Logger: slog.New(slog.DiscardHandler),
		})
		return &doctor.Server{URL: url, Err: err, Stop: stop}
	}
	return o, nil
}

// baseURL returns --url without a slash or /v1 at the end.
func (c *doctorCommand) baseURL() (string, error) {
	if c.URL == "" {
		return "", nil
	}
	if err := checkBaseURL(c.URL); err != nil {
		return "", err
	}
	return strings.TrimSuffix(strings.TrimSuffix(c.URL, "/"), "/v1"), nil
}

// confirm asks on standard error, so that standard output stays JSON with --json.
func (p *program) confirm(questions, models int) bool {
	fmt.Fprintf(p.stderr, "This asks %d models %d questions, which costs points of the account; image models cost many. Continue? [y/N] ",
		models, questions)
	line, _ := bufio.NewReader(p.stdin).ReadString('\n') // after an error, the answer is no
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes"
}
