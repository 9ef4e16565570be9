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

// The environment of a child process that looks at a store under a limit.
const (
	limitVariable    = "ACHUAN_TEST_FILE_LIMIT"
	databaseVariable = "ACHUAN_TEST_DATABASE"
)

// A disk that takes no more is told. A limit on the size of files stands for it, in a
// process of its own, because it cannot be taken back.
func TestFullDisk(t *testing.T) {
	if limit := os.Getenv(limitVariable); limit != "" {
		lookUnderLimit(t, limit)
		return
	}
	s := newSetup(t)
	s.stopped()
	for _, limit := range []int{1, 4096, 256 << 10} {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$")
		child.Env = append(os.Environ(), fmt.Sprintf("%s=%d", limitVariable, limit), databaseVariable+"="+s.environ["ACHUAN_DATABASE_URL"])
		said, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("limit %d: %v\n%s", limit, err, said)
		}
		if !strings.Contains(string(said), "store: fail") {
			t.Errorf("limit %d: %s, want a failure of the store", limit, said)
		}
	}
	if l := s.look()["store"]; l.State != doctor.OK {
		t.Errorf("store without a limit = %+v, want ok", l)
	}
}

// lookUnderLimit runs the checklist and tells of the store.
func lookUnderLimit(t *testing.T, limit string) {
	signal.Ignore(syscall.SIGXFSZ) // the write fails instead
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
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	old.Cur = bytes
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	doctor.Run(t.Context(), doctor.Options{Settings: settings}, func(l doctor.Line) {
		if l.Name == "store" {
			fmt.Printf("store: %s %s\n", l.State, l.Found)
		}
	})
}
