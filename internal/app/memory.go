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
	// heapPercent is the part of the container's memory that the Go heap may have. The
	// rest is for SQLite's page cache, stacks and the kernel's buffers.
	heapPercent = 80
	// defaultBodyMemory bounds request bodies where the process has no memory limit.
	defaultBodyMemory = 1 << 30
)

// limitMemory tells the garbage collector how much memory the process has, as its
// cgroup says it, so that it works harder before the kernel ends the process. The
// environment's GOMEMLIMIT takes precedence: the runtime has read it already.
func limitMemory(logger *slog.Logger) {
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

// bodyMemory returns how many bytes the bodies of all requests in flight may take: half
// of what the heap may have.
func bodyMemory() int64 {
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		return limit / 2
	}
	return defaultBodyMemory
}

// cgroupMemory returns the memory limit in bytes of the cgroup that the process is in:
// the least of its own and of those above it. 0 means that there is none.
func cgroupMemory(root fs.FS) int64 {
	memberships, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0 // no Linux, or hidden
	}
	least := int64(math.MaxInt64)
	for line := range strings.Lines(string(memberships)) {
		// hierarchy:controllers:path; version 2 has neither number nor controllers.
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		switch {
		case fields[0] == "0" && fields[1] == "":
			least = min(least, cgroupLimit(root, "sys/fs/cgroup", fields[2], "memory.max", "memory.high"))
		case strings.Contains(","+fields[1]+",", ",memory,"):
			least = min(least, cgroupLimit(root, "sys/fs/cgroup/memory", fields[2], "memory.limit_in_bytes"))
		}
	}
	if least >= unlimited {
		return 0
	}
	return least
}

// unlimited is what version 1 has for no limit, or more than any machine has.
const unlimited = 1 << 50

// cgroupLimit returns the least number in the files of a group and of those above it. In
// a container the path may be one of the host, which is not there: then the mount itself
// is the container's group, as it is where the path is only "/".
func cgroupLimit(root fs.FS, mount, group string, files ...string) int64 {
	least := int64(math.MaxInt64)
	for at := path.Clean("/" + group); ; at = path.Dir(at) {
		for _, file := range files {
			text, err := fs.ReadFile(root, strings.TrimPrefix(path.Join("/", mount, at, file), "/"))
			if err != nil {
				continue
			}
			// "max" is no number and no limit.
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
		}
		if at == "/" {
			return least
		}
	}
}
