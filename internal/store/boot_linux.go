package store

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// bootID identifies a file together with the start of the machine that uses it. While the
// id is the same, the file holds every commit, although commits are not flushed to the
// disk. bootID returns "" if it cannot determine the id.
func bootID(path string) string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	file, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s %d:%d", strings.TrimSpace(string(boot)), file.Dev, file.Ino)
}
