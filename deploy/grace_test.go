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

// beyond is how much longer whoever ends the program waits than the program drains.
const beyond = 10 * time.Second

// defaultDrain is the drain where a file does not set it.
func defaultDrain(t *testing.T) time.Duration {
	t.Helper()
	for _, s := range config.Describe() {
		if s.Name == "ACHUAN_DRAIN_TIMEOUT" {
			return duration(t, s.Default)
		}
	}
	t.Fatal("there is no drain")
	return 0
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func decode(t *testing.T, name string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, name)), into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// grace is what a file grants, by where in it.
type grace struct{ drain, granted time.Duration }

func composeGraces(t *testing.T, name string) map[string]grace {
	t.Helper()
	var file struct {
		Services map[string]struct {
			Environment map[string]string
			Grace       string `yaml:"stop_grace_period"`
		}
	}
	decode(t, name, &file)
	found := map[string]grace{}
	for service, s := range file.Services {
		if drain := s.Environment["ACHUAN_DRAIN_TIMEOUT"]; drain != "" || strings.HasPrefix(service, "achuan") {
			found[name+" "+service] = grace{duration(t, drain), duration(t, s.Grace)}
		}
	}
	return found
}

func kubernetesGrace(t *testing.T) grace {
	t.Helper()
	var settings struct{ Data map[string]string }
	decode(t, "kubernetes/configmap.yaml", &settings)
	var d struct {
		Spec struct {
			Template struct {
				Spec struct {
					Granted    int `yaml:"terminationGracePeriodSeconds"`
					Containers []struct {
						Lifecycle struct {
							PreStop struct{ Sleep struct{ Seconds int } } `yaml:"preStop"`
						}
					}
				}
			}
		}
	}
	decode(t, "kubernetes/deployment.yaml", &d)
	pod := d.Spec.Template.Spec
	// The time before the signal is part of what is granted.
	return grace{
		duration(t, settings.Data["ACHUAN_DRAIN_TIMEOUT"]),
		time.Duration(pod.Granted-pod.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second,
	}
}

func renderGrace(t *testing.T) grace {
	t.Helper()
	var r renderFile
	decode(t, "render/render.yaml", &r)
	drain := ""
	for _, v := range r.Services[0].Environ {
		if v.Key == "ACHUAN_DRAIN_TIMEOUT" {
			drain = v.Value
		}
	}
	return grace{duration(t, drain), time.Duration(r.Services[0].Grace) * time.Second}
}

// Whoever ends the program grants it the drain and ten seconds more.
func TestGracePeriods(t *testing.T) {
	unit := read(t, "systemd/achuan.service")
	in := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindStringSubmatch(unit)
		if m == nil {
			t.Fatalf("the unit has no %s", pattern)
		}
		return m[1]
	}
	found := map[string]grace{
		"systemd":    {duration(t, in(`(?m)^Environment=ACHUAN_DRAIN_TIMEOUT=(.*)$`)), duration(t, in(`(?m)^TimeoutStopSec=(.*)$`))},
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
		t.Errorf("found %v", found)
	}
	for where, g := range found {
		if g.granted != g.drain+beyond {
			t.Errorf("%s grants %v to a drain of %v", where, g.granted, g.drain)
		}
		if g.drain != defaultDrain(t) {
			t.Errorf("%s drains for %v, the program by itself for %v", where, g.drain, defaultDrain(t))
		}
	}
	if m := regexp.MustCompile(`grace_period (\S+)`).FindStringSubmatch(read(t, "caddy/Caddyfile")); m == nil || duration(t, m[1]) < defaultDrain(t)+beyond {
		t.Errorf("Caddy ends answers before achuan does: %v", m)
	}
	if seconds := regexp.MustCompile(`proxy_read_timeout (\d+)s`).FindStringSubmatch(read(t, "nginx/achuan.conf")); seconds == nil {
		t.Error("nginx has no read timeout")
	} else if n, err := strconv.Atoi(seconds[1]); err != nil || n < 300 {
		t.Errorf("nginx waits for %s s, achuan for 180 s and 120 s", seconds[1])
	}
}
