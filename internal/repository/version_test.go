package repository

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	versionConstant = regexp.MustCompile(`(?m)^const version = "([^"]+)"$`)
	heading         = regexp.MustCompile(`(?m)^## (.+)$`)
	releaseHeading  = regexp.MustCompile(`^(\d+\.\d+\.\d+) - \d{4}-\d{2}-\d{2}$`)
)

// makeOutput runs a target of the Makefile and returns what it prints.
func makeOutput(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "make", append([]string{"-s", "--no-print-directory", "-C", root}, arguments...)...)
	out, err := command.Output()
	return string(out), err
}

// The constant in the code, the changelog, the Makefile and the image have the same version.
func TestVersion(t *testing.T) {
	match := versionConstant.FindStringSubmatch(read(t, "cmd/achuan/version.go"))
	if match == nil {
		t.Fatal("cmd/achuan/version.go has no constant version, want one")
	}
	version := match[1]

	headings := heading.FindAllStringSubmatch(read(t, "CHANGELOG.md"), -1)
	if len(headings) < 2 || headings[0][1] != "Unreleased" {
		t.Fatalf("the headings of CHANGELOG.md are %q, want Unreleased and the releases", headings)
	}
	for i, h := range headings[1:] {
		release := releaseHeading.FindStringSubmatch(h[1])
		if release == nil {
			t.Errorf("CHANGELOG.md has the heading %q, want a version and a date", h[1])
		} else if i == 0 && release[1] != version {
			t.Errorf("newest release in CHANGELOG.md = %s, want %s, the version in the code", release[1], version)
		}
	}

	if out, err := makeOutput(t, "version"); err != nil || strings.TrimSpace(out) != version {
		t.Errorf("make version = %q, %v, want %q", out, err, version)
	}
	if strings.Contains(read(t, "deploy/docker/Dockerfile"), "VERSION") {
		t.Error("Dockerfile sets a version, want only the one in the code")
	}
}

func TestReleaseNotes(t *testing.T) {
	log := read(t, "CHANGELOG.md")
	sections := heading.FindAllStringSubmatchIndex(log, -1)
	end := len(log)
	if len(sections) > 2 {
		end = sections[2][0]
	}
	want := strings.TrimSpace(log[sections[1][1]:end])
	got, err := makeOutput(t, "release-notes")
	if err != nil || strings.TrimSpace(got) != want {
		t.Errorf("make release-notes prints %q, %v, want %q", got, err, want)
	}
	if got, err := makeOutput(t, "release-notes", "VERSION=0.0.9"); err == nil || got != "" {
		t.Errorf("make release-notes VERSION=0.0.9 prints %q, %v, want an error", got, err)
	}
}
