package config

import (
	"path/filepath"
	"runtime"
)

// memoryDatabase is the store of the demo.
const memoryDatabase = "sqlite::memory:"

// databaseFile is the name of the default database, in a folder of its own.
var databaseFile = filepath.Join("achuan", "achuan.db")

// resolveDatabase gives the database its default: SQLite in the folder where the
// system keeps a user's data. Where there is none, nothing is kept, and the log
// says so.
func (c *collection) resolveDatabase(environ values, home string) {
	if _, ok := c.values[nameDatabase]; ok {
		return
	}
	if environ["HOME"].text == "" {
		environ["HOME"] = given{text: home}
	}
	folder := dataFolder(runtime.GOOS, environ)
	if folder == "" {
		c.values[nameDatabase] = given{memoryDatabase, fromDefault}
		c.warn("there is no home folder to keep a database in: sessions are forgotten when the program ends; set %s to keep them", nameDatabase)
		return
	}
	c.values[nameDatabase] = given{"sqlite:" + filepath.Join(folder, databaseFile), fromDefault}
}

// dataFolder returns the folder for a user's data, "" when the environment does
// not tell.
func dataFolder(system string, environ values) string {
	in := func(name string, below ...string) string {
		folder := environ[name].text
		if folder == "" || !filepath.IsAbs(folder) {
			return ""
		}
		return filepath.Join(append([]string{folder}, below...)...)
	}
	switch system {
	case "windows":
		return in("LOCALAPPDATA")
	case "darwin":
		return in("HOME", "Library", "Application Support")
	}
	if folder := in("XDG_DATA_HOME"); folder != "" {
		return folder
	}
	return in("HOME", ".local", "share")
}
