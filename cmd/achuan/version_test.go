package main

import (
	"runtime/debug"
	"testing"
)

func TestVCSRevision(t *testing.T) {
	recorded := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: modified}}
	}
	tests := []struct {
		name     string
		settings []debug.BuildSetting
		want     string
	}{
		{"clean tree", recorded("false"), "abc123"},
		{"changed tree", recorded("true"), "abc123-dirty"},
		{"no repository", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := vcsRevision(&debug.BuildInfo{Settings: tt.settings}); got != tt.want {
				t.Errorf("vcsRevision(%v) = %q, want %q", tt.settings, got, tt.want)
			}
		})
	}
}

func TestBuildVersion(t *testing.T) {
	defer func(old string) { commit = old }(commit)
	commit = "def456"
	if v, c := buildVersion(); v != version || c != "def456" {
		t.Errorf("buildVersion() = %q, %q, want %q, %q", v, c, version, "def456")
	}
}
