package backup

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"achuan/internal/store"
)

// Note describes the last backup of a store. It is saved in a file beside the store.
type Note struct {
	Created  time.Time `json:"created"`
	File     string    `json:"file"`     // absolute path; "-" for standard output
	Settings string    `json:"settings"` // Digest of the settings in the backup
}

// noteSuffix is appended to the path of the store's file.
const noteSuffix = ".backup.json"

// SaveNote saves that a backup was made, so that LastNote can tell how old the last backup is. file is the backup's
// path, "-" for standard output.
func SaveNote(database string, m Manifest, file string) error {
	path, err := store.File(database)
	if err != nil {
		return err
	}
	if file != "-" {
		if file, err = filepath.Abs(file); err != nil {
			return err
		}
	}
	content, err := json.Marshal(Note{m.Created, file, m.SHA256[settingsFile]})
	if err != nil {
		return err
	}
	return os.WriteFile(path+noteSuffix, append(content, '\n'), 0o600)
}

// LastNote returns the note about a store's last backup. The error is os.ErrNotExist when there was no backup.
func LastNote(database string) (n Note, err error) {
	path, err := store.File(database)
	if err != nil {
		return n, err
	}
	content, err := os.ReadFile(path + noteSuffix)
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(content, &n)
}
