package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version and commit are set by the build (-ldflags "-X main.version=…"). A
// build without them knows what the go command wrote into the binary.
var version, commit string

// buildVersion returns the version and the commit of this binary.
func buildVersion() (string, string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return identify(info, version, commit)
}

// identify fills in what the build did not say.
func identify(info *debug.BuildInfo, version, commit string) (string, string) {
	var revision, dirty string
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value
		case setting.Key == "vcs.modified" && setting.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision != "" {
		revision += dirty
	}
	return cmp.Or(version, info.Main.Version, "(devel)"), cmp.Or(commit, revision, "unknown")
}

type versionCommand struct{}

// Run prints the version, the commit and what built them.
func (versionCommand) Run(p *program) error {
	version, commit := buildVersion()
	_, err := fmt.Fprintf(p.stdout, "achuan %s\ncommit %s\n%s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
