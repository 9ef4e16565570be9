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

// notSettings are names that look like settings, with what they are.
var notSettings = map[string]string{
	"ACHUAN_KEY":            "the client key in commands of the documentation",
	"ACHUAN_BIN":            "the binary under test of the SDK tests",
	"ACHUAN_BENCH_SESSIONS": "for the benchmarks of the store",
	"ACHUAN_TEST_POSTGRES":  "for the tests of the store",
	"ACHUAN_TEST_DEPLOY":    "for these tests",
}

var settingName = regexp.MustCompile(`\bACHUAN_[A-Z0-9_]*[A-Z0-9]\b`)

// listPages returns the files that may name settings.
func listPages(t *testing.T) (names []string) {
	t.Helper()
	for _, root := range []string{
		".", "../docs", "../README.md", "../README.zh-CN.md", "../CHANGELOG.md", "../.ci", "../Makefile",
	} {
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

// The program has each setting that a page or a file names.
func TestSettingsExist(t *testing.T) {
	known := map[string]bool{}
	for _, s := range config.Describe() {
		known[s.Name] = true
		if s.Secret {
			known[s.Name+"_FILE"] = true
		}
	}
	seen := 0
	for _, page := range listPages(t) {
		for _, name := range settingName.FindAllString(readFile(t, page), -1) {
			seen++
			isOfTests := strings.HasPrefix(name, "ACHUAN_E2E_") // the rounds of the long tests
			isTypo := name == "ACHUAN_JTW"                      // an example of a typing error
			if !known[name] && notSettings[name] == "" && !isOfTests && !isTypo {
				t.Errorf("%s names %s, want a setting", page, name)
			}
		}
	}
	if seen < 100 {
		t.Errorf("found %d names of settings, want at least 100", seen)
	}
}

var settingRow = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| (-|`[^`]*`) \\| ")

// The operations page documents each setting and its default, in both languages.
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
		var got []string
		for _, m := range settingRow.FindAllStringSubmatch(readFile(t, page), -1) {
			got = append(got, m[1]+" "+m[2])
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("settings in %s (-want program +got page):\n%s", page, diff)
		}
	}
}

// The deployment guide mentions each folder, in both languages.
func TestWaysToDeployAreDocumented(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"../docs/deployment.md", "../docs/deployment.zh-CN.md"} {
		guide := readFile(t, page)
		for _, e := range entries {
			if e.IsDir() && !slices.Contains([]string{"grafana", "prometheus"}, e.Name()) && !strings.Contains(guide, "deploy/"+e.Name()+"/") {
				t.Errorf("%s has no mention of deploy/%s/, want one", page, e.Name())
			}
		}
	}
}
