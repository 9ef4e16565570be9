package main

import (
	"os"
	"runtime"
	"testing"
	"time"
)

// The wanted value -1 is an error, here and below.
func TestParseSchedstat(t *testing.T) {
	for stat, want := range map[string]time.Duration{
		"22196313 101583644 81\n": 22196313, "0 0 0\n": 0, "": -1, "x 1 2": -1, "-5 1 2": -1,
	} {
		got, err := parseSchedstat(stat)
		if failed := err != nil; failed != (want < 0) || !failed && got != want {
			t.Errorf("parseSchedstat(%q) = %v, %v; want %v", stat, got, err, want)
		}
	}
}

func TestParseMachineCPU(t *testing.T) {
	for stat, want := range map[string]time.Duration{
		"cpu  1 2 3 1000 500 4 5 6 1 0\ncpu0 9 9 9 9 9 9 9 9\n": 210 * time.Millisecond,
		"cpu  1 2 3":                    -1,
		"cpu  1 2 x 1000 500 4 5 6 1 0": -1,
		"intr 1 2 3 4 5 6 7 8 9":        -1,
		"":                              -1,
	} {
		got, err := parseMachineCPU(stat)
		if failed := err != nil; failed != (want < 0) || !failed && got != want {
			t.Errorf("parseMachineCPU(%q) = %v, %v; want %v", stat, got, err, want)
		}
	}
}

func TestParseMemory(t *testing.T) {
	const status = "Name:\tachuan\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nVmLib:\t\nThreads:\t9\n"
	for key, want := range map[string]int64{
		"VmRSS": 1 << 20, "VmHWM": 2 << 20, "VmLib": -1, "Threads": -1, "RSS": -1, "VmSwap": -1,
	} {
		got, err := parseMemory(status, key)
		if failed := err != nil; failed != (want < 0) || !failed && got != want {
			t.Errorf("parseMemory(status, %q) = %d, %v; want %d", key, got, err, want)
		}
	}
}

// The readers accept the files of this system.
func TestProcOfThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("this system has no /proc")
	}
	pid := os.Getpid()
	if cpu, err := cpuOf(pid); err != nil || cpu <= 0 || cpu > time.Hour {
		t.Errorf("cpuOf() = %v, %v; want a time under an hour", cpu, err)
	}
	one, err := cpuOf(pid)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := cpuOf(pid, pid); err != nil || two < 2*one {
		t.Errorf("cpuOf() of a process twice = %v, %v; want at least %v", two, err, 2*one)
	}
	if cpu, err := machineCPU(); err != nil || cpu <= 0 {
		t.Errorf("machineCPU() = %v, %v; want a time", cpu, err)
	}
	for _, key := range []string{"VmRSS", "VmHWM"} {
		if n, err := memoryOf(key, pid); err != nil || n < 1<<20 {
			t.Errorf("memoryOf(%q) = %d, %v; want at least 1 MiB", key, n, err)
		}
	}
	if _, err := cpuOf(1 << 30); err == nil {
		t.Error("cpuOf() of no process = no error, want one")
	}
}
