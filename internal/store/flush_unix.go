//go:build !windows

package store

import (
	"errors"
	"os"
)

// flushFolder makes renames in a folder last.
func flushFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
