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

// install runs the script with a systemctl that writes down what it is asked, and a
// sleep that does not.
func install(t *testing.T, folder, binary string) (said string, err error) {
	t.Helper()
	tools := map[string]string{
		"systemctl": "#!/bin/sh\necho \"$@\" >>" + folder + "/asked\n",
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

// release makes what stands for a released binary: a program that is healthy or not.
func release(t *testing.T, version string, healthy bool) string {
	t.Helper()
	folder := t.TempDir()
	content := fmt.Appendf(nil, "#!/bin/sh\ncase $1 in version) echo achuan %s;; health) exit %d;; esac\n", version, map[bool]int{true: 0, false: 1}[healthy])
	sums := fmt.Sprintf("%x  achuan_linux_amd64\n", sha256.Sum256(content))
	for name, text := range map[string][]byte{"achuan_linux_amd64": content, "SHA256SUMS": []byte(sums)} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "achuan_linux_amd64")
}

// A binary that serves stays; one that does not makes place for the one before; one
// that is not what was released is not touched.
func TestInstall(t *testing.T) {
	folder := t.TempDir()
	installed := func() string { return read(t, filepath.Join(folder, "installed")) }
	if said, err := install(t, folder, release(t, "v1", true)); err != nil || !strings.Contains(installed(), "achuan v1") {
		t.Fatalf("%v\n%s", err, said)
	}
	if said, err := install(t, folder, release(t, "v2", true)); err != nil || !strings.Contains(installed(), "achuan v2") {
		t.Fatalf("%v\n%s", err, said)
	}
	if asked := read(t, filepath.Join(folder, "asked")); !strings.Contains(asked, "start achuan-backup.service\nrestart achuan.service\n") {
		t.Errorf("it was not backed up before: %s", asked)
	}
	said, err := install(t, folder, release(t, "v3", false))
	if err == nil || !strings.Contains(said, "the one before is back and serves") || !strings.Contains(installed(), "achuan v2") {
		t.Errorf("%v\n%s", err, said)
	}
	broken := release(t, "v4", true)
	if err := os.WriteFile(broken, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, err := install(t, folder, broken); err == nil || !strings.Contains(installed(), "achuan v2") {
		t.Errorf("%v\n%s", err, said)
	}
}
