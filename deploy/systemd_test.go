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

// prepareUnits writes copies of the systemd units that name the built binary. It returns their folder and paths.
func prepareUnits(t *testing.T) (folder string, names []string) {
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
		text := strings.ReplaceAll(readFile(t, name), "/usr/local/bin/achuan", buildBinary(t))
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(name)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Join(folder, filepath.Base(name)))
	}
	if len(names) != 3 {
		t.Fatalf("units = %v, want 3", found)
	}
	return folder, names
}

// systemd reports nothing about the units.
func TestUnitsAreValid(t *testing.T) {
	analyze := requireTool(t, "systemd-analyze", "systemd")
	folder, names := prepareUnits(t)
	args := append([]string{"verify", "--man=no", "--recursive-errors=no"}, names...)
	verify := exec.CommandContext(t.Context(), analyze, args...)
	verify.Env = append(os.Environ(), "SYSTEMD_UNIT_PATH="+folder+":")
	if out, err := verify.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify = %v, want no output\n%s", err, out)
	}
}

var exposure = regexp.MustCompile(`exposure level for (\S+): ([0-9.]+)`)

// maxExposure is the highest allowed exposure level of systemd-analyze, which ranges from 0 to 10.
const maxExposure = 1.5

func TestUnitsAreHardened(t *testing.T) {
	analyze := requireTool(t, "systemd-analyze", "systemd")
	_, names := prepareUnits(t)
	seen := 0
	for _, name := range names {
		if filepath.Ext(name) != ".service" {
			continue
		}
		out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", name).CombinedOutput()
		m := exposure.FindStringSubmatch(string(out))
		if err != nil || m == nil {
			t.Fatalf("systemd-analyze security %s = %s, %v, want an exposure level", name, out, err)
		}
		level, err := strconv.ParseFloat(m[2], 64)
		if err != nil || level > maxExposure {
			t.Errorf("exposure of %s = %s, want at most %v\n%s", m[1], m[2], maxExposure, out)
		}
		seen++
	}
	if seen != 2 {
		t.Errorf("checked %d services, want 2", seen)
	}
}

// The unit of the backup has the same settings as the unit of the server.
func TestBackupUnitHasSettingsOfServer(t *testing.T) {
	setting := regexp.MustCompile(`(?m)^(?:Environment|EnvironmentFile|LoadCredential|User)=.*$`)
	server := setting.FindAllString(readFile(t, "systemd/achuan.service"), -1)
	backup := setting.FindAllString(readFile(t, "systemd/achuan-backup.service"), -1)
	if diff := cmp.Diff(server, backup); diff != "" || len(server) < 5 {
		t.Errorf("backup unit has other settings than the server's %d, want the same, and at least 5 (-want server +got backup):\n%s",
			len(server), diff)
	}
}
