package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/config"
)

// others are the names that look like settings and are something else.
var others = map[string]string{
	"ACHUAN_KEY":            "the client key that commands use",
	"ACHUAN_BIN":            "the binary that SDK tests drive",
	"ACHUAN_BENCH_SESSIONS": "the store's benchmarks",
	"ACHUAN_TEST_POSTGRES":  "the store's tests",
	"ACHUAN_TEST_DEPLOY":    "these tests",
}

var settingName = regexp.MustCompile(`\bACHUAN_[A-Z0-9_]*[A-Z0-9]\b`)

// pages are the files that may name settings.
func pages(t *testing.T) (names []string) {
	t.Helper()
	for _, root := range []string{".", "../docs", "../README.md", "../README.zh-CN.md", "../CHANGELOG.md", "../.ci", "../Makefile"} {
		err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && filepath.Ext(name) != ".go" {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return names
}

// Whatever a page or a file here sets, the program knows.
func TestSettingsExist(t *testing.T) {
	known := map[string]bool{}
	for _, s := range config.Describe() {
		known[s.Name] = true
		if s.Secret {
			known[s.Name+"_FILE"] = true
		}
	}
	seen := 0
	for _, page := range pages(t) {
		for _, name := range settingName.FindAllString(read(t, page), -1) {
			seen++
			isOfTests := strings.HasPrefix(name, "ACHUAN_E2E_")                           // how many rounds the heavy tests run
			if !known[name] && others[name] == "" && !isOfTests && name != "ACHUAN_JTW" { // the guide's slip
				t.Errorf("%s names %s, which is no setting", page, name)
			}
		}
	}
	if seen < 100 {
		t.Errorf("found %d names only", seen)
	}
}

var settingRow = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| (-|`[^`]*`) \\| ")

// Every setting stands in the operations page of either language, with its default.
func TestSettingsAreDocumented(t *testing.T) {
	var want []string
	for _, s := range config.Describe() {
		shown := "-"
		if s.Default != "" {
			shown = "`" + s.Default + "`"
		}
		want = append(want, s.Name+" "+shown)
	}
	for _, page := range []string{"../docs/operations.md", "../docs/operations.zh-CN.md"} {
		var told []string
		for _, m := range settingRow.FindAllStringSubmatch(read(t, page), -1) {
			told = append(told, m[1]+" "+m[2])
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("settings in %s (-program +page):\n%s", page, diff)
		}
	}
}

// Every file here is told of in the deployment guide of either language.
func TestWaysToDeployAreDocumented(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"../docs/deployment.md", "../docs/deployment.zh-CN.md"} {
		guide := read(t, page)
		for _, e := range entries {
			if e.IsDir() && !slices.Contains([]string{"grafana", "prometheus"}, e.Name()) && !strings.Contains(guide, "deploy/"+e.Name()+"/") {
				t.Errorf("%s does not tell of deploy/%s/", page, e.Name())
			}
		}
	}
}
