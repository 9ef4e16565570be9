package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// units are those of systemd, as they can be checked here: with the binary where it is.
func units(t *testing.T) (folder string, names []string) {
	t.Helper()
	folder = t.TempDir()
	found, err := filepath.Glob("systemd/achuan*.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range found {
		if !slices.Contains([]string{".service", ".timer"}, filepath.Ext(name)) {
			continue
		}
		text := strings.ReplaceAll(read(t, name), "/usr/local/bin/achuan", binary(t))
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Join(folder, filepath.Base(name)))
	}
	if len(names) != 3 {
		t.Fatalf("found the units %v", found)
	}
	return folder, names
}

// systemd finds nothing to say about the units.
func TestUnits(t *testing.T) {
	analyze := need(t, "systemd-analyze", "systemd")
	folder, names := units(t)
	verify := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no", "--recursive-errors=no"}, names...)...)
	verify.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+folder+":")
	if out, err := verify.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

var exposure = regexp.MustCompile(`exposure level for (\S+): ([0-9.]+)`)

// mostExposed is how much of the machine a unit may reach, of 10.
const mostExposed = 1.5

func TestUnitsAreHardened(t *testing.T) {
	analyze := need(t, "systemd-analyze", "systemd")
	_, names := units(t)
	seen := 0
	for _, name := range names {
		if filepath.Ext(name) != ".service" {
			continue
		}
		out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", name).CombinedOutput()
		m := exposure.FindStringSubmatch(string(out))
		if err != nil || m == nil {
			t.Fatalf("%v\n%s", err, out)
		}
		level, err := strconv.ParseFloat(m[2], 64)
		if err != nil || level > mostExposed {
			t.Errorf("%s is exposed by %s, more than %v\n%s", m[1], m[2], mostExposed, out)
		}
		seen++
	}
	if seen != 2 {
		t.Errorf("looked at %d services", seen)
	}
}

// What a backup says of the settings is what the server has.
func TestBackupUnitHasTheServersSettings(t *testing.T) {
	setting := regexp.MustCompile(`(?m)^(?:Environment|EnvironmentFile|LoadCredential|User)=.*$`)
	server := setting.FindAllString(read(t, "systemd/achuan.service"), -1)
	backup := setting.FindAllString(read(t, "systemd/achuan-backup.service"), -1)
	if diff := cmp.Diff(server, backup); diff != "" || len(server) < 5 {
		t.Errorf("(-server +backup):\n%s", diff)
	}
}
