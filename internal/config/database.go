package config

import (
	"path/filepath"
	"runtime"
)

// memoryDatabase is the URL of a store in memory, which the demo uses.
const memoryDatabase = "sqlite::memory:"

// databaseFile is the name of the default database, in a folder of its own.
var databaseFile = filepath.Join("achuan", "achuan.db")

// setDefaultDatabase sets the default of the database: SQLite in the system's folder for user data. Without such a
// folder, the store is in memory, and a warning says so.
func (l *loader) setDefaultDatabase(environ rawValues, home string) {
	if _, ok := l.values[nameDatabase]; ok {
		return
	}
	if environ["HOME"].text == "" {
		environ["HOME"] = rawValue{text: home}
	}
	folder := dataFolder(runtime.GOOS, environ)
	if folder == "" {
		l.values[nameDatabase] = rawValue{memoryDatabase, sourceDefault}
		l.warn("there is no home folder to keep a database in: sessions are forgotten when the program ends; set %s to keep them",
			nameDatabase)
		return
	}
	l.values[nameDatabase] = rawValue{"sqlite:" + filepath.Join(folder, databaseFile), sourceDefault}
}

// dataFolder returns the folder for user data on an operating system (a GOOS), "" when the environment does not name
// it.
func dataFolder(system string, environ rawValues) string {
	folderIn := func(name string, below ...string) string {
		folder := environ[name].text
		if folder == "" || !filepath.IsAbs(folder) {
			return ""
		}
		return filepath.Join(append([]string{folder}, below...)...)
	}
	switch system {
	case "windows":
		return folderIn("LOCALAPPDATA")
	case "darwin":
		return folderIn("HOME", "Library", "Application Support")
	}
	if folder := folderIn("XDG_DATA_HOME"); folder != "" {
		return folder
	}
	return folderIn("HOME", ".local", "share")
}
