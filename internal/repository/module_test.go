package repository

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// copyTree copies the files that git knows, and new files that it does not ignore, to a repository of their own.
func copyTree(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	names, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z", "-co", "--exclude-standard").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, but not yet in a commit
		} else if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(target, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runIn(t, to, "git", "init", "-q")
	runIn(t, to, "git", "add", "-A")
	return to
}

// runIn runs a command in a folder and returns its output.
func runIn(t *testing.T, folder, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = folder
	// In a hook of git these name the repository of the hook, and git would change that one.
	command.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s = %v, want nil\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return string(out)
}

// After `make rename-module`, no import and no module has the old path, and every import is found.
func TestRenameModule(t *testing.T) {
	const renamed = "example.com/you/achuan"
	all := packages(t)
	old := all[0].Module.Path
	folder := copyTree(t)
	runIn(t, folder, "make", "rename-module", "MODULE="+renamed)

	paths := strings.Fields(runIn(t, folder, "go", "list", "-deps", "-test", "./..."))
	count := 0
	for _, path := range paths {
		if strings.HasPrefix(path, old+"/") {
			t.Errorf("path of a package = %s, want it to begin with %s", path, renamed)
		}
		if strings.HasPrefix(path, renamed+"/") {
			count++
		}
	}
	if count < len(all) {
		t.Errorf("go list found %d packages under %s, want at least %d", count, renamed, len(all))
	}
	for _, name := range find(t, "go.mod") {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(content), "module "+renamed) {
			t.Errorf("%s = %s\nwant module %s in it", name, content, renamed)
		}
	}
}

// A `replace` makes go.mod say something else than what is built, and it has no effect in a module that imports ours.
func TestModulesReplaceNothing(t *testing.T) {
	modules := find(t, "go.mod")
	if len(modules) < 2 {
		t.Fatalf("find(go.mod) = %v, want at least 2 modules", modules)
	}
	for _, name := range modules {
		out, err := exec.CommandContext(t.Context(), "go", "mod", "edit", "-json", filepath.Join(root, name)).Output()
		if err != nil {
			t.Fatal(err)
		}
		var mod struct {
			Replace []struct{ Old struct{ Path string } }
		}
		if err := json.Unmarshal(out, &mod); err != nil {
			t.Fatal(err)
		}
		for _, r := range mod.Replace {
			t.Errorf("%s replaces %s, want no replacement", name, r.Old.Path)
		}
	}
}
