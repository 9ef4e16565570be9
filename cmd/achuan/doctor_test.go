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

// The checklist of a server that runs, by its settings; the question before costs is
// asked beside the JSON, and no answer is no.
func TestDoctor(t *testing.T) {
	environ := account(t, simulator.Say("OK"), "ACHUAN_DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "achuan.db"))
	p := start(t, environ, "serve")
	for _, c := range []struct {
		name, stdin string
		args        []string
		models      string // what became of the line
		questions   bool
		keeping     string // what became of metrics and backup
	}{
		{"no answer", "", []string{"--models"}, "skip", true, "hint"},
		{"no", "n\n", []string{"--models"}, "skip", true, "hint"},
		{"yes", "y\n", []string{"--models"}, "ok", true, "hint"},
		{"said before", "", []string{"--models", "--yes"}, "ok", false, "hint"},
		{"not wanted", "", nil, "skip", false, "hint"},
		{"in production", "", []string{"--production"}, "skip", false, "fail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := append([]string{"doctor", "--json", "--url", p.url + "/v1"}, c.args...)
			code := run(args, &program{stdin: io.NopCloser(strings.NewReader(c.stdin)), stdout: &stdout, stderr: &stderr, environ: environ})
			var report struct {
				OK    bool
				Lines []struct{ Name, State, Found, Remedy string }
			}
			if err := json.Unmarshal(stdout.Bytes(), &report); err != nil {
				t.Fatalf("%v\n%s", err, stdout.String())
			}
			if asked := strings.Contains(stderr.String(), "costs points"); asked != c.questions {
				t.Errorf("asked: %v", asked)
			}
			found := map[string]string{}
			for _, l := range report.Lines {
				found[l.Name] = l.State
			}
			// The JWT of these tests lasts for an hour, nobody scrapes, nothing is backed up.
			want := map[string]string{
				"settings": "ok", "jwt": "fail", "platform": "ok", "account": "ok", "models": c.models, "errors": "ok",
				"store": "ok", "clock": "ok", "keys": "ok", "metrics": c.keeping, "backup": c.keeping,
			}
			for name, state := range want {
				if found[name] != state {
					t.Errorf("%s: %s, want %s", name, found[name], state)
				}
			}
			if code != exitFailed || report.OK {
				t.Errorf("exit code %d, ok %v", code, report.OK)
			}
		})
	}
}
