package main

import (
	"errors"
	"fmt"
	"io"
	"os/user"
	"strings"

	"github.com/spf13/cobra"

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

// program is the environment of a command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
	secrets        []string // secrets of the settings, after they are loaded
}

// run runs the command in args and returns the exit code.
func run(args []string, p *program) int {
	root := newRootCommand(p)
	if len(args) == 0 || args[0] == "--" {
		// A call without a command is an error, so that a container without a command does not look successful.
		root.SetOut(p.stderr)
		_ = root.Help() // when stderr is closed, nothing can be printed
		return exitUsage
	}
	isParsed := false // the library checks flags and arguments before it calls PersistentPreRun
	root.PersistentPreRun = func(*cobra.Command, []string) { isParsed = true }
	root.SetArgs(args)
	command, err := root.ExecuteC()
	if err != nil && !isParsed {
		fmt.Fprintf(p.stderr, "achuan: %s\nSee %s --help.\n", strings.TrimSpace(err.Error()), command.CommandPath())
		return exitUsage
	}
	return p.fail(err)
}

// newRootCommand returns the program's command line. It has all commands with their flags, in the order of the help.
func newRootCommand(p *program) *cobra.Command {
	cobra.EnableCommandSorting = false
	cobra.MousetrapHelpText = "" // on Windows, a shortcut may start the server
	root := &cobra.Command{
		Use:           "achuan",
		Short:         "An OpenAI-compatible API server in front of a chat platform that keeps conversations on its own side.",
		SilenceErrors: true, SilenceUsage: true, // run prints the errors
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetHelpCommand(&cobra.Command{Hidden: true}) // help is a flag only
	root.AddCommand(
		newServeCommand(p), newSimulateCommand(p), newConfigCommand(p), newSessionsCommand(p), newDoctorCommand(p),
		newHealthCommand(p), newBackupCommand(p), newRestoreCommand(p), newVersionCommand(p),
	)
	return root
}

// newCommand returns a command that takes no arguments. Its flags are in the order in which they are added.
func newCommand(use, short string, run func() error) *cobra.Command {
	command := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return run() },
	}
	command.Flags().SortFlags = false
	command.PersistentFlags().SortFlags = false
	return command
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
