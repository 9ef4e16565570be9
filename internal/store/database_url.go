package store

import (
	"errors"
	"net/url"
	"strings"
)

// ErrPostgres means that a database is PostgreSQL, which has no file that achuan can copy.
var ErrPostgres = errors.New("the store is PostgreSQL, which has tools of its own")

// ErrMemory means that a database exists only in the memory of its process.
var ErrMemory = errors.New("the store is in memory: there is nothing to keep")

// File returns the path of a SQLite database. For other URLs it returns ErrPostgres or
// ErrMemory.
func File(database string) (string, error) {
	path, ok := strings.CutPrefix(database, "sqlite:")
	switch {
	case !ok:
		return "", ErrPostgres
	case path == memoryPath:
		return "", ErrMemory
	}
	return path, nil
}

// redactURL returns a database URL without its password, for messages. It returns nothing of
// a text that it cannot parse, because that may contain a password anywhere.
func redactURL(database string) string {
	if database == "" {
		return "(no URL)"
	}
	if strings.HasPrefix(database, "sqlite:") {
		return database
	}
	u, err := url.Parse(database)
	if err != nil || u.Scheme == "" {
		return "(not a URL)"
	}
	query := u.Query()
	for _, secret := range []string{"password", "sslpassword"} {
		if query.Has(secret) {
			query.Set(secret, "xxxxx")
			u.RawQuery = query.Encode()
		}
	}
	return u.Redacted()
}
