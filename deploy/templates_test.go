package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// renderFile is the part of a Render blueprint that the tests use.
type renderFile struct {
	Databases []struct{ Name string }
	Services  []struct {
		Type       string
		Runtime    string
		Dockerfile string `yaml:"dockerfilePath"`
		Context    string `yaml:"dockerContext"`
		Probe      string `yaml:"healthCheckPath"`
		Grace      int    `yaml:"maxShutdownDelaySeconds"`
		Environ    []struct {
			Key, Value string
			Generate   bool                            `yaml:"generateValue"`
			Sync       *bool                           `yaml:"sync"`
			Database   struct{ Name, Property string } `yaml:"fromDatabase"`
		} `yaml:"envVars"`
	}
}

// The blueprint generates the keys, asks for the JWT and connects the database.
func TestRender(t *testing.T) {
	var r renderFile
	decodeYAML(t, "render/render.yaml", &r)
	if len(r.Services) != 1 || len(r.Databases) != 1 {
		t.Fatalf("blueprint = %+v, want one service and one database", r)
	}
	s := r.Services[0]
	if s.Type != "web" || s.Runtime != "docker" || s.Probe != "/readyz" || s.Context != "." {
		t.Errorf("service = %+v, want a web service of the Dockerfile with /readyz", s)
	}
	if _, err := os.Stat("../" + strings.TrimPrefix(s.Dockerfile, "./")); err != nil {
		t.Error(err)
	}
	got := map[string]string{} // where the value comes from, by name
	for _, v := range s.Environ {
		switch {
		case v.Generate:
			got[v.Key] = "generated"
		case v.Sync != nil && !*v.Sync:
			got[v.Key] = "asked for"
		case v.Database.Name == r.Databases[0].Name && v.Database.Property == "connectionString":
			got[v.Key] = "database"
		default:
			got[v.Key] = v.Value
		}
	}
	want := map[string]string{
		"ACHUAN_JWT": "asked for", "ACHUAN_API_KEYS": "generated", "ACHUAN_ADMIN_KEY": "generated",
		"ACHUAN_DATABASE_URL": "database", "ACHUAN_DRAIN_TIMEOUT": "20s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

// Coolify generates the values of the SERVICE_ variables.
func TestCoolify(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			Volumes     []string
		}
	}
	decodeYAML(t, "coolify/compose.yaml", &file)
	s := file.Services["achuan"]
	for name, want := range map[string]string{
		"ACHUAN_API_KEYS":  "${SERVICE_PASSWORD_64_ACHUAN:?",
		"ACHUAN_ADMIN_KEY": "${SERVICE_PASSWORD_64_ADMIN:?",
	} {
		if !strings.HasPrefix(s.Environment[name], want) {
			t.Errorf("%s = %q, want the prefix %q", name, s.Environment[name], want)
		}
	}
	if diff := cmp.Diff([]string{"data:/data"}, s.Volumes); diff != "" {
		t.Errorf("volumes (-want +got):\n%s", diff)
	}
}

// The workflow runs the gate before it deploys, and contains no secret.
func TestPushWorkflow(t *testing.T) {
	var w struct {
		On   struct{ Push struct{ Branches []string } }
		Jobs map[string]struct {
			Needs   string
			Timeout int `yaml:"timeout-minutes"`
			Steps   []struct {
				Uses, Run string
				Env       map[string]string
			}
		}
	}
	decodeYAML(t, "push/deploy.yml", &w)
	if diff := cmp.Diff([]string{"main"}, w.On.Push.Branches); diff != "" {
		t.Errorf("branches (-want +got):\n%s", diff)
	}
	gate := w.Jobs["check"].Steps
	if gate[len(gate)-1].Run != ".ci/run" || w.Jobs["deploy"].Needs != "check" {
		t.Error("workflow deploys before .ci/run, want it after")
	}
	for name, job := range w.Jobs {
		if job.Timeout == 0 {
			t.Errorf("timeout-minutes of job %s = none, want one", name)
		}
		for _, step := range job.Steps {
			if step.Uses == "" && step.Run == "" {
				t.Errorf("step of job %s = %+v, want uses or run", name, step)
			}
			for variable, value := range step.Env {
				if value != "${{ secrets."+variable+" }}" {
					t.Errorf("%s = %q, want the secret of this name", variable, value)
				}
			}
		}
	}
}
