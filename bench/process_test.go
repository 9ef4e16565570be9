package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestParseCPU(t *testing.T) {
	const rest = " S 1 7 7 0 -1 4194560 1853 0 2 0 %u %s 3 4 20 0 9 0 8831 1269633024 5049"
	stat := func(name, user, system string) string {
		return "7 (" + name + ")" + strings.NewReplacer("%u", user, "%s", system).Replace(rest)
	}
	for name, c := range map[string]struct {
		stat string
		want time.Duration // -1: an error
	}{
		"plain":                {stat("achuan", "12", "30"), 420 * time.Millisecond},
		"brackets in the name": {stat("a) S 1 (b", "1", "0"), 10 * time.Millisecond},
		"cut short":            {"7 (achuan) S 1 7", -1},
		"no number":            {stat("achuan", "x", "0"), -1},
		"empty":                {"", -1},
	} {
		got, err := parseCPU(c.stat)
		if failed := err != nil; failed != (c.want < 0) || !failed && got != c.want {
			t.Errorf("%s: parseCPU(%q) = %v, %v; want %v", name, c.stat, got, err, c.want)
		}
	}
}

// The wanted value -1 is an error.
func TestParseMemory(t *testing.T) {
	const status = "Name:\tachuan\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nVmLib:\t\nThreads:\t9\n"
	for key, want := range map[string]int64{"VmRSS": 1 << 20, "VmHWM": 2 << 20, "VmLib": -1, "Threads": -1, "RSS": -1, "VmSwap": -1} {
		got, err := parseMemory(status, key)
		if failed := err != nil; failed != (want < 0) || !failed && got != want {
			t.Errorf("parseMemory(status, %q) = %d, %v; want %d", key, got, err, want)
		}
	}
}

// The parsers accept the files of this system.
func TestProcOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system has no /proc")
	}
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Fatal(err)
	}
	if cpu, err := parseCPU(string(stat)); err != nil || cpu < 0 || cpu > time.Hour {
		t.Errorf("parseCPU() = %v, %v; want a time under an hour", cpu, err)
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"VmRSS", "VmHWM"} {
		if n, err := parseMemory(string(status), key); err != nil || n < 1<<20 {
			t.Errorf("parseMemory(status, %q) = %d, %v; want at least 1 MiB", key, n, err)
		}
	}
}
