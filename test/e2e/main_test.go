//go:build linux

package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// maxParallel is the number of tests that run at the same time. It is more than the number of CPUs, because the tests
// mostly wait, for example until a lease expires.
const maxParallel = "6"

// binaryPath is the path of the program under test.
var binaryPath string

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", maxParallel); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binaryPath = os.Getenv("ACHUAN_BIN"); binaryPath == "" {
		dir, err := os.MkdirTemp("", "achuan-e2e-")
		if err == nil {
			defer os.RemoveAll(dir) //nolint:errcheck // a folder that stays in the temporary folder does no harm
			err = buildBinary(filepath.Join(dir, "achuan"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "cannot build the program:", err)
			return 1
		}
	}
	return m.Run()
}

func buildBinary(to string) error {
	command := exec.Command("go", "build", "-o", to, "achuan/cmd/achuan")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return err
	}
	binaryPath = to
	return nil
}
