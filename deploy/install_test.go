package deploy

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runInstall runs push/install.sh with a systemctl that records its arguments in the file "calls", and with a sleep
// that returns at once. It returns the output of the script.
func runInstall(t *testing.T, folder, binary string) (output string, err error) {
	t.Helper()
	tools := map[string]string{
		"systemctl": "#!/bin/sh\necho \"$@\" >>" + folder + "/calls\n",
		"sleep":     "#!/bin/sh\n",
	}
	for name, script := range tools {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "sh", "push/install.sh", binary)
	c.Env = []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "BINARY=" + filepath.Join(folder, "installed")}
	out, err := c.CombinedOutput()
	return string(out), err
}

// writeRelease writes a script in place of a released binary, with its checksum. isHealthy says whether its health
// command succeeds.
func writeRelease(t *testing.T, version string, isHealthy bool) string {
	t.Helper()
	folder := t.TempDir()
	content := fmt.Appendf(nil, "#!/bin/sh\ncase $1 in version) echo achuan %s;; health) exit %d;; esac\n",
		version, map[bool]int{true: 0, false: 1}[isHealthy])
	sums := fmt.Sprintf("%x  achuan_linux_amd64\n", sha256.Sum256(content))
	for name, text := range map[string][]byte{"achuan_linux_amd64": content, "SHA256SUMS": []byte(sums)} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "achuan_linux_amd64")
}

// The script keeps a binary that serves, restores the last one when the new one does not serve, and does not install
// a binary with a wrong checksum.
func TestInstall(t *testing.T) {
	folder := t.TempDir()
	installed := func() string { return readFile(t, filepath.Join(folder, "installed")) }
	output, err := runInstall(t, folder, writeRelease(t, "v1", true))
	if err != nil || !strings.Contains(installed(), "achuan v1") {
		t.Fatalf("install of v1 = %v, installed %s, want v1\n%s", err, installed(), output)
	}
	output, err = runInstall(t, folder, writeRelease(t, "v2", true))
	if err != nil || !strings.Contains(installed(), "achuan v2") {
		t.Fatalf("install of v2 = %v, installed %s, want v2\n%s", err, installed(), output)
	}
	const want = "start achuan-backup.service\nrestart achuan.service\n"
	if calls := readFile(t, filepath.Join(folder, "calls")); !strings.Contains(calls, want) {
		t.Errorf("calls of systemctl = %s, want a backup before the restart", calls)
	}
	output, err = runInstall(t, folder, writeRelease(t, "v3", false))
	if err == nil || !strings.Contains(output, "the one before is back and serves") || !strings.Contains(installed(), "achuan v2") {
		t.Errorf("install of the unhealthy v3 = %v, want an error and v2 restored\n%s", err, output)
	}
	broken := writeRelease(t, "v4", true)
	if err := os.WriteFile(broken, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err = runInstall(t, folder, broken)
	if err == nil || !strings.Contains(installed(), "achuan v2") {
		t.Errorf("install with a wrong checksum = %v, want an error and v2 kept\n%s", err, output)
	}
}
