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

// atOnce is how many tests run at the same time: most of what they do is to wait,
// for a lease to run out above all.
const atOnce = "6"

// binary is the program under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if binary = os.Getenv("ACHUAN_BIN"); binary == "" {
		dir, err := os.MkdirTemp("", "achuan-e2e-")
		if err == nil {
			defer os.RemoveAll(dir) //nolint:errcheck // a leftover in the system's own folder for such
			err = build(filepath.Join(dir, "achuan"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "the program cannot be built:", err)
			return 1
		}
	}
	return m.Run()
}

func build(to string) error {
	command := exec.Command("go", "build", "-o", to, "achuan/cmd/achuan")
	command.Stderr = os.Stderr
	if err := command.Run(); err != nil {
		return err
	}
	binary = to
	return nil
}
