package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// cpuOf returns the CPU time of processes in user and kernel mode. It is exact to the nanosecond for all threads that
// still exist. Go does not end threads.
func cpuOf(pids ...int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if err != nil {
			return 0, err
		}
		for _, task := range tasks {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // the thread has ended
			}
			if err != nil {
				return 0, err
			}
			cpu, err := parseSchedstat(string(stat))
			if err != nil {
				return 0, err
			}
			sum += cpu
		}
	}
	return sum, nil
}

// parseSchedstat returns the CPU time in /proc/PID/schedstat: its first field, in nanoseconds.
func parseSchedstat(stat string) (time.Duration, error) {
	first, _, _ := strings.Cut(stat, " ")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("/proc/PID/schedstat is %q, want numbers", stat)
	}
	return time.Duration(n), nil
}

// tick is the unit of the times in /proc/stat. USER_HZ is 100 on all architectures of Go.
const tick = 10 * time.Millisecond

// machineCPU returns the CPU time that all programs and the kernel have used.
func machineCPU() (time.Duration, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	return parseMachineCPU(string(stat))
}

// parseMachineCPU returns the times of the first line of /proc/stat but those of waiting (idle, iowait) and of guests,
// which are contained in others. The fields are user, nice, system, idle, iowait, irq, softirq, steal, guest.
func parseMachineCPU(stat string) (time.Duration, error) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, fmt.Errorf("/proc/stat begins with %q, want cpu and 8 numbers", line)
	}
	var ticks int64
	for _, i := range []int{1, 2, 3, 6, 7, 8} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * tick, nil
}

// memoryOf returns the sum of the values of a key in /proc/PID/status, such as VmRSS, in bytes.
func memoryOf(key string, pids ...int) (int64, error) {
	var sum int64
	for _, pid := range pids {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return 0, err
		}
		n, err := parseMemory(string(status), key)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func parseMemory(status, key string) (int64, error) {
	_, rest, found := strings.Cut("\n"+status, "\n"+key+":")
	line, _, _ := strings.Cut(rest, "\n")
	fields := strings.Fields(line)
	if !found || len(fields) != 2 || fields[1] != "kB" {
		return 0, fmt.Errorf("/proc/PID/status has no %s in kB", key)
	}
	kilobytes, err := strconv.ParseInt(fields[0], 10, 64)
	return kilobytes << 10, err
}

// resetPeakMemory sets VmHWM of a process to its VmRSS.
func resetPeakMemory(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}
