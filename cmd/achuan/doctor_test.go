package main

import (
	"bytes"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// The checklist runs against a running server with its settings. The confirmation is on standard error, so that
// standard output stays JSON. No answer means no.
func TestDoctor(t *testing.T) {
	environ := account(t, simulator.Say("OK"), "ACHUAN_DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "achuan.db"))
	p := start(t, environ, "serve")
	for _, c := range []struct {
		name, stdin string
		args        []string
		models      string // state of the line models
		confirms    bool   // the user is asked for confirmation
		storage     string // state of the lines metrics and backup
	}{
		{"no answer", "", []string{"--models"}, "skip", true, "hint"},
		{"no", "n\n", []string{"--models"}, "skip", true, "hint"},
		{"yes", "y\n", []string{"--models"}, "ok", true, "hint"},
		{"--yes", "", []string{"--models", "--yes"}, "ok", false, "hint"},
		{"without --models", "", nil, "skip", false, "hint"},
		{"--production", "", []string{"--production"}, "skip", false, "fail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := append([]string{"doctor", "--json", "--url", p.url + "/v1"}, c.args...)
			code := run(args, &program{
				stdin: io.NopCloser(strings.NewReader(c.stdin)), stdout: &stdout, stderr: &stderr, environ: environ,
			})
			var report struct {
				OK    bool
				Lines []struct{ Name, State, Found, Remedy string }
			}
			if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
				t.Fatalf("output of doctor --json = %s, %v, want JSON", stdout.String(), err)
			}
			if confirms := strings.Contains(stderr.String(), "costs points"); confirms != c.confirms {
				t.Errorf("doctor asked for confirmation: %v, want %v", confirms, c.confirms)
			}
			states := map[string]string{}
			for _, l := range report.Lines {
				states[l.Name] = l.State
			}
			// The JWT of these tests expires in an hour, nobody scrapes, and there is no backup.
			want := map[string]string{
				"settings": "ok", "jwt": "fail", "platform": "ok", "account": "ok", "models": c.models, "errors": "ok",
				"store": "ok", "clock": "ok", "keys": "ok", "metrics": c.storage, "backup": c.storage,
			}
			for name, state := range want {
				if states[name] != state {
					t.Errorf("state of line %s = %s, want %s", name, states[name], state)
				}
			}
			if code != exitFailed || report.OK {
				t.Errorf("exit code = %d, ok = %v, want %d, false", code, report.OK, exitFailed)
			}
		})
	}
}
