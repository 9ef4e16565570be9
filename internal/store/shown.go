package store

import (
	"net/url"
	"strings"
)

// redactURL is a database URL as people may see it, without a password. What cannot be
// read as a URL may hold one anywhere, and is not shown at all.
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
