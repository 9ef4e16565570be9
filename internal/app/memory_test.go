package app

import (
	"log/slog"
	"math"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestCgroupMemory(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, c := range []struct {
		name string
		root fstest.MapFS
		want int64
	}{
		{"no Linux", fstest.MapFS{}, 0},
		{"version 2, no limit", fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("max\n")}, 0},
		{"version 2, a container", fstest.MapFS{"proc/self/cgroup": file("0::/\n"), "sys/fs/cgroup/memory.max": file("536870912\n")}, 512 << 20},
		{"version 2, a unit", fstest.MapFS{
			"proc/self/cgroup": file("0::/system.slice/achuan.service\n"), "sys/fs/cgroup/system.slice/achuan.service/memory.max": file("1073741824\n"),
			"sys/fs/cgroup/system.slice/memory.max": file("max\n"),
		}, 1 << 30},
		{"version 2, a smaller limit above", fstest.MapFS{
			"proc/self/cgroup": file("0::/a/b\n"), "sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("1000000\n"),
		}, 1000000},
		{"version 2, memory.high", fstest.MapFS{
			"proc/self/cgroup": file("0::/a\n"), "sys/fs/cgroup/a/memory.max": file("2000000\n"), "sys/fs/cgroup/a/memory.high": file("1000000\n"),
		}, 1000000},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup": file("9:name=systemd:/\n4:memory:/docker/abc\n0::/\n"), "sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": file("268435456\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, 256 << 20},
		{"version 1, the host's path", fstest.MapFS{
			"proc/self/cgroup": file("4:cpu,memory:/docker/abc\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("268435456\n"),
		}, 256 << 20},
		{"version 1, no limit", fstest.MapFS{
			"proc/self/cgroup": file("4:memory:/\n"), "sys/fs/cgroup/memory/memory.limit_in_bytes": file("9223372036854771712\n"),
		}, 0},
		{"nonsense", fstest.MapFS{"proc/self/cgroup": file("x\n0::/../../etc\n::\n"), "sys/fs/cgroup/memory.max": file("-1\n")}, 0},
	} {
		if got := cgroupMemory(c.root); got != c.want {
			t.Errorf("%s: cgroupMemory = %d, want %d", c.name, got, c.want)
		}
	}
}

// Bodies may use half of the heap limit. setMemoryLimit does not change a limit from GOMEMLIMIT.
func TestMaxBodyMemory(t *testing.T) {
	was := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(was)
	debug.SetMemoryLimit(800 << 20)
	if got := maxBodyMemory(); got != 400<<20 {
		t.Errorf("maxBodyMemory = %d with a limit of 800 MiB, want 400 MiB", got)
	}
	t.Setenv("GOMEMLIMIT", "800MiB")
	setMemoryLimit(slog.New(slog.DiscardHandler))
	if got := debug.SetMemoryLimit(-1); got != 800<<20 {
		t.Errorf("heap limit after setMemoryLimit = %d, want it unchanged", got)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if got := maxBodyMemory(); got != defaultBodyMemory {
		t.Errorf("maxBodyMemory = %d without a limit, want %d", got, defaultBodyMemory)
	}
}
