//go:build linux || darwin

package doctor_test

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"achuan/internal/config"
	"achuan/internal/doctor"
	"achuan/internal/simulator"
)

// The environment of the child process that checks a store under a file size limit.
const (
	limitVariable    = "ACHUAN_TEST_FILE_LIMIT"
	databaseVariable = "ACHUAN_TEST_DATABASE"
)

// The line of the store fails on a full disk. A limit on the size of files simulates the full disk, in a child
// process, because a process cannot remove its limit.
func TestFullDisk(t *testing.T) {
	if limit := os.Getenv(limitVariable); limit != "" {
		reportStoreUnderLimit(t, limit)
		return
	}
	s := newInstallation(t)
	s.createStoppedStore()
	for _, limit := range []int{1, 4096, 256 << 10} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$")
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", limitVariable, limit), databaseVariable+"="+s.environ["ACHUAN_DATABASE_URL"])
		output, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("test with a limit of %d bytes = %v, want success:\n%s", limit, err, output)
		}
		if !strings.Contains(string(output), "store: fail") {
			t.Errorf("output with limit %d = %s, want a failure of the store", limit, output)
		}
	}
	if l := s.runDoctor()["store"]; l.State != doctor.OK {
		t.Errorf("line store without a limit = %+v, want ok", l)
	}
}

// reportStoreUnderLimit sets the limit, runs the checklist and prints the line of the store.
func reportStoreUnderLimit(t *testing.T, limit string) {
	signal.Ignore(syscall.SIGXFSZ) // so that the write fails with an error
	bytes, err := strconv.ParseUint(limit, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := config.Load(config.LoadOptions{Dir: t.TempDir(), Environ: []string{
		"ACHUAN_JWT=" + simulator.NewToken(simulator.DefaultUser, time.Now(), 30*24*time.Hour),
		"ACHUAN_API_URL=http://127.0.0.1:1/api/chat/completions", "ACHUAN_LISTEN=127.0.0.1:0",
		"ACHUAN_DATABASE_URL=" + os.Getenv(databaseVariable),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var rlimit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &rlimit); err != nil {
		t.Fatal(err)
	}
	rlimit.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &rlimit); err != nil {
		t.Fatal(err)
	}
	doctor.Run(t.Context(), doctor.Options{Settings: settings}, func(l doctor.Line) {
		if l.Name == "store" {
			fmt.Printf("store: %s %s\n", l.State, l.Found)
		}
	})
}
