package deploy

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// memoryLimit is the memory limit of each deployment. The program derives the limits of its heap and of request bodies
// from it.
const memoryLimit = "1g"

// Each deployment sets memoryLimit, and docs/operations.md documents it.
func TestMemoryLimits(t *testing.T) {
	found := map[string]string{}
	if m := regexp.MustCompile(`(?m)^MemoryMax=(\S+)$`).FindStringSubmatch(readFile(t, "systemd/achuan.service")); m != nil {
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
	decodeYAML(t, "kubernetes/deployment.yaml", &d)
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
		decodeYAML(t, name, &file)
		for service, s := range file.Services {
			if strings.HasPrefix(service, "achuan") {
				found[name+" "+service] = s.Memory
			}
		}
	}
	if len(found) != 1+1+1+3+1 {
		t.Errorf("memory limits = %v, want those of the unit, a container and five services", found)
	}
	for where, memory := range found {
		if strings.TrimSuffix(strings.ToLower(memory), "i") != memoryLimit {
			t.Errorf("memory limit of %s = %q, want %s", where, memory, memoryLimit)
		}
	}
	for _, page := range []string{"../docs/operations.md", "../docs/operations.zh-CN.md"} {
		if !strings.Contains(readFile(t, page), "1 GiB") {
			t.Errorf("memory limit in %s = none, want 1 GiB", page)
		}
	}
}
