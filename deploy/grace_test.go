package deploy

import (
	"maps"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"achuan/internal/config"
)

// graceMargin is how much longer than the drain timeout a process manager waits before it kills the program.
const graceMargin = 10 * time.Second

// defaultDrain returns the default of ACHUAN_DRAIN_TIMEOUT.
func defaultDrain(t *testing.T) time.Duration {
	t.Helper()
	for _, s := range config.Describe() {
		if s.Name == "ACHUAN_DRAIN_TIMEOUT" {
			return parseDuration(t, s.Default)
		}
	}
	t.Fatal("config.Describe() = no ACHUAN_DRAIN_TIMEOUT, want it in the list")
	return 0
}

func parseDuration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decodeYAML(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, name)), into); err != nil {
		t.Fatalf("content of %s = %v, want YAML", name, err)
	}
}

// gracePeriod holds the drain timeout of a file, and the time from SIGTERM until the program is killed.
type gracePeriod struct{ drain, limit time.Duration }

func composeGraces(t *testing.T, name string) map[string]gracePeriod {
	t.Helper()
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			Grace       string `yaml:"stop_grace_period"`
		}
	}
	decodeYAML(t, name, &file)
	found := map[string]gracePeriod{}
	for service, s := range file.Services {
		if drain := s.Environment["ACHUAN_DRAIN_TIMEOUT"]; drain != "" || strings.HasPrefix(service, "achuan") {
			found[name+" "+service] = gracePeriod{parseDuration(t, drain), parseDuration(t, s.Grace)}
		}
	}
	return found
}

func kubernetesGrace(t *testing.T) gracePeriod {
	t.Helper()
	var settings struct{ Data map[string]string }
	decodeYAML(t, "kubernetes/configmap.yaml", &settings)
	var d struct {
		Spec struct {
			Template struct {
				Spec struct {
					Grace      int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Lifecycle struct {
							PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
						}
					}
				}
			}
		}
	}
	decodeYAML(t, "kubernetes/deployment.yaml", &d)
	pod := d.Spec.Template.Spec
	// The grace period of Kubernetes includes the preStop hook, which runs before the signal.
	return gracePeriod{
		parseDuration(t, settings.Data["ACHUAN_DRAIN_TIMEOUT"]),
		time.Duration(pod.Grace-pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second,
	}
}

func renderGrace(t *testing.T) gracePeriod {
	t.Helper()
	var r renderFile
	decodeYAML(t, "render/render.yaml", &r)
	drain := ""
	for _, v := range r.Services[0].Environ {
		if v.Key == "ACHUAN_DRAIN_TIMEOUT" {
			drain = v.Value
		}
	}
	return gracePeriod{parseDuration(t, drain), time.Duration(r.Services[0].Grace) * time.Second}
}

// Each process manager waits for the drain timeout and graceMargin.
func TestGracePeriods(t *testing.T) {
	unit := readFile(t, "systemd/achuan.service")
	unitValue := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(unit)
		if m == nil {
			t.Fatalf("unit = %s\nwant a match of %s", unit, pattern)
		}
		return m[1]
	}
	found := map[string]gracePeriod{
		"systemd": {
			parseDuration(t, unitValue(`(?m)^Environment=ACHUAN_DRAIN_TIMEOUT=(.*)$`)),
			parseDuration(t, unitValue(`(?m)^TimeoutStopSec=(.*)$`)),
		},
		"kubernetes": kubernetesGrace(t),
		"render":     renderGrace(t),
	}
	files, err := filepath.Glob("co*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		maps.Copy(found, composeGraces(t, file))
	}
	if len(found) != 3+1+3+1 {
		t.Errorf("grace periods = %v, want those of 8 services", found)
	}
	for where, g := range found {
		if g.limit != g.drain+graceMargin {
			t.Errorf("grace period of %s = %v, want %v for a drain timeout of %v", where, g.limit, g.drain+graceMargin, g.drain)
		}
		if g.drain != defaultDrain(t) {
			t.Errorf("drain timeout of %s = %v, want the default %v", where, g.drain, defaultDrain(t))
		}
	}
	m := regexp.MustCompile(`grace_period (\S+)`).FindStringSubmatch(readFile(t, "caddy/Caddyfile"))
	if want := defaultDrain(t) + graceMargin; m == nil || parseDuration(t, m[1]) < want {
		t.Errorf("grace period of Caddy = %v, want at least %v", m, want)
	}
	seconds := regexp.MustCompile(`proxy_read_timeout (\d+)s`).FindStringSubmatch(readFile(t, "nginx/achuan.conf"))
	if seconds == nil {
		t.Error("proxy_read_timeout of nginx = none, want one")
	} else if n, err := strconv.Atoi(seconds[1]); err != nil || n < 300 {
		t.Errorf("proxy_read_timeout of nginx = %s s, want at least 300 s, the 180 s and 120 s of achuan", seconds[1])
	}
}
