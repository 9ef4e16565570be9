package deploy

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// grantedMemory is what every way to run achuan grants it, as each of them writes it.
const grantedMemory = "1g"

// Whoever runs achuan bounds its memory: from that bound it takes those of its heap and
// of the bodies of requests. docs/operations.md tells the figure.
func TestMemoryLimits(t *testing.T) {
	found := map[string]string{}
	if m := regexp.MustCompile(`(?m)^MemoryMax=(\S+)$`).FindStringSubmatch(read(t, "systemd/achuan.service")); m != nil {
		found["systemd"] = m[1]
	} else {
		found["systemd"] = ""
	}
	var d struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Name      string
						Resources struct{ Limits struct{ Memory string } }
					}
				}
			}
		}
	}
	decode(t, "kubernetes/deployment.yaml", &d)
	for _, c := range d.Spec.Template.Spec.Containers {
		found["kubernetes "+c.Name] = c.Resources.Limits.Memory
	}
	files, err := filepath.Glob("co*/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		var file struct {
			Services map[string]struct {
				Memory string `yaml:"mem_limit"`
			}
		}
		decode(t, name, &file)
		for service, s := range file.Services {
			if strings.HasPrefix(service, "achuan") {
				found[name+" "+service] = s.Memory
			}
		}
	}
	if len(found) != 1+1+1+3+1 {
		t.Errorf("found %v, want the unit, a container and five services", found)
	}
	for where, memory := range found {
		if strings.TrimSuffix(strings.ToLower(memory), "i") != grantedMemory {
			t.Errorf("%s grants %q of memory, want %s", where, memory, grantedMemory)
		}
	}
	for _, page := range []string{"../docs/operations.md", "../docs/operations.zh-CN.md"} {
		if !strings.Contains(read(t, page), "1 GiB") {
			t.Errorf("%s does not say 1 GiB", page)
		}
	}
}
