package main

import (
	"runtime/debug"
	"testing"
)

func TestIdentify(t *testing.T) {
	vcs := func(version string, dirty string) *debug.BuildInfo {
		return &debug.BuildInfo{
			Main:     debug.Module{Version: version},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc123"}, {Key: "vcs.modified", Value: dirty}},
		}
	}
	tests := []struct {
		name                        string
		info                        *debug.BuildInfo
		version, commit             string
		wantedVersion, wantedCommit string
	}{
		{"the build said both", vcs("v1.0.0", "true"), "v2.0.0", "def456", "v2.0.0", "def456"},
		{"the go command knows", vcs("v1.0.0", "false"), "", "", "v1.0.0", "abc123"},
		{"a changed tree", vcs("v1.0.0", "true"), "", "", "v1.0.0", "abc123-dirty"},
		{"nobody knows", &debug.BuildInfo{}, "", "", "(devel)", "unknown"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			version, commit := identify(tt.info, tt.version, tt.commit)
			if version != tt.wantedVersion || commit != tt.wantedCommit {
				t.Errorf("got %s, %s; want %s, %s", version, commit, tt.wantedVersion, tt.wantedCommit)
			}
		})
	}
}
