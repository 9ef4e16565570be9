package repository

import (
	"regexp"
	"strings"
	"testing"
)

// workflows are the files for GitHub Actions.
var workflows = []string{
	".github/workflows/ci.yml", ".github/workflows/nightly.yml", ".github/workflows/release.yml", "deploy/push/deploy.yml",
}

var (
	action    = regexp.MustCompile(`uses: ([a-z-]+/[a-z-]+)@(\S+)`)
	nodeSetup = regexp.MustCompile(`node-version: (\d+)`)
)

// Each workflow runs .ci/run before anything leaves the repository, and all use the same versions.
func TestWorkflows(t *testing.T) {
	versions := map[string]string{} // by the name of the action
	for _, name := range workflows {
		text := read(t, name)
		if !regexp.MustCompile(`(?m)^ +- run: \.ci/run( nightly)?$`).MatchString(text) {
			t.Errorf("%s = %s\nwant a step that runs .ci/run", name, text)
		}
		if !strings.Contains(text, "\npermissions:\n  contents: read\n") {
			t.Errorf("%s = %s\nwant the permission to read only", name, text)
		}
		found := action.FindAllStringSubmatch(text, -1)
		for _, node := range nodeSetup.FindAllStringSubmatch(text, -1) {
			found = append(found, []string{"", "Node", node[1]})
		}
		for _, use := range found {
			if first := versions[use[1]]; first != "" && first != use[2] {
				t.Errorf("%s uses %s in version %s, want %s as in the other workflows", name, use[1], use[2], first)
			}
			versions[use[1]] = use[2]
		}
	}
	if len(versions) < 5 {
		t.Errorf("actions of the workflows = %v, want at least 5", versions)
	}
	for _, name := range find(t, ".yml") {
		if strings.HasPrefix(name, ".github/workflows/") && !strings.Contains(strings.Join(workflows, "\n"), name) {
			t.Errorf("list of workflows has no %s, want it", name)
		}
	}
}

// Dependabot updates every module and lock file.
func TestDependabotKnowsEveryModule(t *testing.T) {
	text := read(t, ".github/dependabot.yml")
	for _, suffix := range []string{"go.mod", "package-lock.json", "Dockerfile"} {
		for _, name := range find(t, suffix) {
			folder := "/" + strings.TrimSuffix(strings.TrimSuffix(name, suffix), "/")
			if !regexp.MustCompile(`["\[ ]` + regexp.QuoteMeta(folder) + `(["\]]|\n)`).MatchString(text) {
				t.Errorf(".github/dependabot.yml has no %s, want it for %s", folder, name)
			}
		}
	}
}
