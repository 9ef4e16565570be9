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

// commands are the program's commands and their flags.
type commands struct {
	Serve    serveCommand    `cmd:"" help:"Serve the API."`
	Simulate simulateCommand `cmd:"" help:"Serve a simulated platform on its own, to try clients and settings against."`
	Config   configCommand   `cmd:"" help:"Print the settings in force, where each comes from and what it means."`
	Sessions sessionsCommand `cmd:"" help:"List, show, make and delete sessions of a running server."`
	Doctor   doctorCommand   `cmd:"" help:"Go through the production checklist: one line for each thing, with a remedy."`
	Health   healthCommand   `cmd:"" help:"Ask the server of these settings whether it serves; exit 0 or 1."`
	Backup   backupCommand   `cmd:"" help:"Write the store (SQLite) and the settings, without secrets, into a file; the server may go on."`
	Restore  restoreCommand  `cmd:"" help:"Put the store of a backup in its place."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// program is what a command gets from the outside.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	secrets        []string // of the settings, once they are loaded
}

// run runs the command that args name and returns the exit code.
func run(args []string, p *program) int {
	var all commands
	parser, err := kong.New(&all, kong.Name("achuan"),
		kong.Description("An OpenAI-compatible API server in front of a chat platform that keeps conversations on its own side."),
		kong.Writers(p.stdout, p.stderr), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		return p.fail(err)
	}
	if len(args) == 0 {
		return p.help(parser)
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

// help tells what the program could have been asked to do. To ask for nothing
// is wrong use: a container without a command must not look as if it had worked.
func (p *program) help(parser *kong.Kong) int {
	parser.Stdout = p.stderr
	if command, err := kong.Trace(parser, nil); err == nil {
		_ = command.PrintUsage(false) // a closed stderr leaves nothing to say
	}
	return exitUsage
}

// fail says what went wrong, if anything did, and returns the exit code.
func (p *program) fail(err error) int {
	if err == nil {
		return exitDone
	}
	text := telemetry.NewRedactor(p.secrets...).Text(err.Error())
	if _, wrong := errors.AsType[*config.Error](err); wrong {
		fmt.Fprintf(p.stderr, "achuan: wrong settings:\n  %s\n", strings.ReplaceAll(text, "\n", "\n  "))
		return exitUsage
	}
	fmt.Fprintf(p.stderr, "achuan: %s\n", text)
	return exitFailed
}

// load loads and checks the settings.
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
	if keys.Holds(s.AdminKey) {
		return nil, &config.Error{Setting: "ACHUAN_ADMIN_KEY", Problem: "is one of ACHUAN_API_KEYS too: its holder would be the administrator; make another"}
	}
	return s, nil
}
