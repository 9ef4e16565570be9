//go:build !windows

package store

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes a lock that the system releases when the process ends. It returns errLocked
// if another process has the lock.
func lockFile(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
