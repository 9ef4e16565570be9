package store

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// bootID names a file together with the start of the machine on which it is used: while
// that is the same, what was committed to the file is in it, although it was not
// flushed to the disk. "" when it cannot be told.
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
