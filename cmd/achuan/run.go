package main

import (
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"

	"github.com/alecthomas/kong"

	"achuan/internal/access"
	"achuan/internal/config"
	"achuan/internal/telemetry"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // wrong use of the program, or wrong settings
)

// commands are the commands of the program with their flags.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Serve the API."`
	Simulate simulateCommand `cmd:"" help:"Serve only a simulated platform, to try clients and settings with it."`
	Config   configCommand   `cmd:"" help:"Print the settings in force with their sources and meanings."`
	Sessions sessionsCommand `cmd:"" help:"List, show, create and delete sessions of a running server."`
	Doctor   doctorCommand   `cmd:"" help:"Run the production checklist: one line for each check, with a remedy."`
	Health   healthCommand   `cmd:"" help:"Check whether the server of these settings serves; exit with 0 or 1."`
	Backup   backupCommand   `cmd:"" help:"Write the store (SQLite) and the settings without secrets to a file, also while the server runs."`
	Restore  restoreCommand  `cmd:"" help:"Restore the store from a backup."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// program is the environment of a command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	secrets        []string // secrets of the settings, after they are loaded
}

// run runs the command in args and returns the exit code.
func run(args []string, p *program) int {
	var all commands
	parser, err := kong.New(&all, kong.Name("achuan"),
		kong.Description("An OpenAI-compatible API server in front of a chat platform that keeps conversations on its own side."),
		kong.Writers(p.stdout, p.stderr), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return p.fail(err)
	}
	if len(args) == 0 {
		return p.printHelp(parser)
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(p.stderr, "achuan: %v\nSee achuan --help.\n", err)
		return exitUsage
	}
	return p.fail(command.Run(p, &all.Sessions))
}

// variable returns the value of an environment variable, "" when it is not set.
func (p *program) variable(name string) string {
	for _, pair := range p.environ {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// printHelp prints the usage for a call without a command. Such a call is an error, so that a container without a
// command does not look successful.
func (p *program) printHelp(parser *kong.Kong) int {
	parser.Stdout = p.stderr
	if command, err := kong.Trace(parser, nil); err == nil {
		_ = command.PrintUsage(false) // when stderr is closed, nothing can be printed
	}
	return exitUsage
}

// fail prints the error, if there is one, and returns the exit code.
func (p *program) fail(err error) int {
	if err == nil {
		return exitDone
	}
	text := telemetry.NewRedactor(p.secrets...).Text(err.Error())
	if _, isConfig := errors.AsType[*config.Error](err); isConfig {
		fmt.Fprintf(p.stderr, "achuan: wrong settings:\n  %s\n", strings.ReplaceAll(text, "\n", "\n  "))
		return exitUsage
	}
	fmt.Fprintf(p.stderr, "achuan: %s\n", text)
	return exitFailed
}

// load loads the settings and checks their keys.
func (p *program) load(o config.LoadOptions) (*config.Settings, error) {
	o.Environ = p.environ
	if u, err := user.Current(); err == nil {
		o.Home = u.HomeDir
	}
	s, err := config.Load(o)
	if err != nil {
		return nil, err
	}
	p.secrets = s.Secrets()
	keys, err := access.ParseKeys(s.APIKeys)
	if err != nil {
		return nil, &config.Error{Setting: "ACHUAN_API_KEYS", Problem: err.Error()}
	}
	if keys.Contains(s.AdminKey) {
		return nil, &config.Error{Setting: "ACHUAN_ADMIN_KEY", Problem: "is one of ACHUAN_API_KEYS too, so a client would be the administrator; use another key"}
	}
	return s, nil
}
