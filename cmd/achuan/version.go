package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is the version of this source tree. It is the only place that names it: the Makefile reads this line, and
// the newest release in CHANGELOG.md has the same number.
const version = "0.1.0"

// commit is set by the Makefile (-ldflags "-X main.commit=…"). A build without it takes the commit from the
// information that the go command writes into the binary.
var commit string

// buildVersion returns the version and the commit of this binary.
func buildVersion() (string, string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return version, cmp.Or(commit, vcsRevision(info), "unknown")
}

// vcsRevision returns the commit that the go command recorded, with "-dirty" if files had changed since. It returns ""
// if the build ran outside of a repository.
func vcsRevision(info *debug.BuildInfo) string {
	var revision, dirty string
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}

func newVersionCommand(p *program) *cobra.Command {
	return newCommand("version", "Print the version.", func() error { return printVersion(p) })
}

// printVersion prints the version, the commit, the Go version and the system.
func printVersion(p *program) error {
	version, commit := buildVersion()
	_, err := fmt.Fprintf(p.stdout, "achuan %s\ncommit %s\n%s %s/%s\n",
		version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
