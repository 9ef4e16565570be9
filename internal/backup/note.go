package backup

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"achuan/internal/store"
)

// Note is what is kept beside a store about its last backup.
type Note struct {
	Created  time.Time `json:"created"`
	File     string    `json:"file"`     // "-" for standard output
	Settings string    `json:"settings"` // the digest of the settings in it
}

// noteSuffix follows the name of the store's file.
const noteSuffix = ".backup.json"

// Remember notes that a backup was made, for who asks how old the last one is.
func Remember(database string, m Manifest, file string) error {
	path, err := store.File(database)
	if err != nil {
		return err
	}
	if file != "-" {
		if file, err = filepath.Abs(file); err != nil {
			return err
		}
	}
	said, err := json.Marshal(Note{m.Created, file, m.SHA256[settingsFile]})
	if err != nil {
		return err
	}
	return os.WriteFile(path+noteSuffix, append(said, '\n'), 0o600)
}

// Last returns what is known of a store's last backup. Its error is os.ErrNotExist
// when none was made.
func Last(database string) (n Note, err error) {
	path, err := store.File(database)
	if err != nil {
		return n, err
	}
	said, err := os.ReadFile(path + noteSuffix)
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(said, &n)
}
