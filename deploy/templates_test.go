package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// renderFile is what is read of the blueprint.
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

// The blueprint makes the keys, asks for the JWT and connects the database.
func TestRender(t *testing.T) {
	var r renderFile
	decode(t, "render/render.yaml", &r)
	if len(r.Services) != 1 || len(r.Databases) != 1 {
		t.Fatalf("%+v", r)
	}
	s := r.Services[0]
	if s.Type != "web" || s.Runtime != "docker" || s.Probe != "/readyz" || s.Context != "." {
		t.Errorf("%+v", s)
	}
	if _, err := os.Stat("../" + strings.TrimPrefix(s.Dockerfile, "./")); err != nil {
		t.Error(err)
	}
	how := map[string]string{}
	for _, v := range s.Environ {
		switch {
		case v.Generate:
			how[v.Key] = "made"
		case v.Sync != nil && !*v.Sync:
			how[v.Key] = "asked for"
		case v.Database.Name == r.Databases[0].Name && v.Database.Property == "connectionString":
			how[v.Key] = "the database's"
		default:
			how[v.Key] = v.Value
		}
	}
	want := map[string]string{
		"ACHUAN_JWT": "asked for", "ACHUAN_API_KEYS": "made", "ACHUAN_ADMIN_KEY": "made",
		"ACHUAN_DATABASE_URL": "the database's", "ACHUAN_DRAIN_TIMEOUT": "20s",
	}
	if diff := cmp.Diff(want, how); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Coolify makes what SERVICE_ names.
func TestCoolify(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			Volumes     []string
		}
	}
	decode(t, "coolify/compose.yaml", &file)
	s := file.Services["achuan"]
	for name, made := range map[string]string{"ACHUAN_API_KEYS": "${SERVICE_PASSWORD_64_ACHUAN:?", "ACHUAN_ADMIN_KEY": "${SERVICE_PASSWORD_64_ADMIN:?"} {
		if !strings.HasPrefix(s.Environment[name], made) {
			t.Errorf("%s is %q", name, s.Environment[name])
		}
	}
	if diff := cmp.Diff([]string{"data:/data"}, s.Volumes); diff != "" {
		t.Error(diff)
	}
}

// The workflow runs the gate before it deploys, and holds no secret.
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
	decode(t, "push/deploy.yml", &w)
	if diff := cmp.Diff([]string{"main"}, w.On.Push.Branches); diff != "" {
		t.Error(diff)
	}
	gate := w.Jobs["check"].Steps
	if gate[len(gate)-1].Run != ".ci/run" || w.Jobs["deploy"].Needs != "check" {
		t.Error("it does not wait for the gate")
	}
	for name, job := range w.Jobs {
		if job.Timeout == 0 {
			t.Errorf("%s has no limit of time", name)
		}
		for _, step := range job.Steps {
			if step.Uses == "" && step.Run == "" {
				t.Errorf("%s has a step that does nothing", name)
			}
			for variable, value := range step.Env {
				if value != "${{ secrets."+variable+" }}" {
					t.Errorf("%s is %q", variable, value)
				}
			}
		}
	}
}
