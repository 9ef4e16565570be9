//go:build !windows

package store

import (
	"errors"
	"os"
)

// flushFolder flushes the renames in a folder to the disk.
func flushFolder(folder string) error {
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
