package app

import (
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"

	"achuan/internal/telemetry"
)

const (
	// heapPercent is the share of the container's memory for the Go heap. The rest is for SQLite's page cache, stacks
	// and kernel buffers.
	heapPercent = 80
	// defaultBodyMemory is the memory for request bodies and answers when the process has no memory limit.
	defaultBodyMemory = 1 << 30
)

// setMemoryLimit sets the limit of the Go heap from the memory limit of the process's cgroup, so that the garbage
// collector works harder before the kernel kills the process. GOMEMLIMIT in the environment has priority: the runtime
// has already applied it.
func setMemoryLimit(logger *slog.Logger) {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := cgroupMemory(os.DirFS("/"))
	if limit == 0 {
		return
	}
	heap := limit / 100 * heapPercent
	debug.SetMemoryLimit(heap)
	logger.Info("memory limit taken from the cgroup", telemetry.KeyBytes, heap)
}

// maxBodyMemory returns how many bytes the bodies of all requests in flight and their answers may use together: half of
// the heap limit.
func maxBodyMemory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit / 2
	}
	return defaultBodyMemory
}

// cgroupMemory returns the memory limit of the process's cgroup in bytes: the smallest of the group and its parents.
// 0 means that there is no limit.
func cgroupMemory(root fs.FS) int64 {
	memberships, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0 // this is not Linux, or /proc is hidden
	}
	limit := int64(math.MaxInt64)
	for line := range strings.Lines(string(memberships)) {
		// The form is hierarchy:controllers:path. In version 2, the hierarchy is 0 and there are no controllers.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[0] == "0" && fields[1] == "":
			limit = min(limit, cgroupLimit(root, "sys/fs/cgroup", fields[2], "memory.max", "memory.high"))
		case strings.Contains(","+fields[1]+",", ",memory,"):
			limit = min(limit, cgroupLimit(root, "sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes"))
		}
	}
	if limit >= minUnlimited {
		return 0
	}
	return limit
}

// minUnlimited is more memory than any machine has. Version 1 writes a larger number when there is no limit.
const minUnlimited = 1 << 50

// cgroupLimit returns the smallest number in the files of a group and its parents. In a container, the path of the
// group can be a path on the host, which does not exist here. The mount itself, which is the last parent, is then the
// group of the container.
func cgroupLimit(root fs.FS, mount, group string, files ...string) int64 {
	limit := int64(math.MaxInt64)
	for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
		for _, file := range files {
			text, err := fs.ReadFile(root, strings.TrimPrefix(path.Join("/", mount, dir, file), "/"))
			if err != nil {
				continue
			}
			// "max" is not a number and means no limit.
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				limit = min(limit, n)
			}
		}
		if dir == "/" {
			return limit
		}
	}
}
