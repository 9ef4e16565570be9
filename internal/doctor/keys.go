package doctor

import (
	"context"
	"net/http"

	"achuan/internal/config"
)

// checkKeys checks that nobody on another machine can use the server without a client key.
func (d *doctor) checkKeys(context.Context) Line {
	const remedy = "set ACHUAN_API_KEYS to one key for each person or program: openssl rand -hex 24 makes a key"
	s := d.Settings
	switch {
	case len(s.APIKeys) > 0:
		return ok("%d client keys, on %s", len(s.APIKeys), s.Listen)
	case config.IsLoopback(s.Listen):
		return ok("no client keys, and only this machine can reach %s", s.Listen)
	case s.AllowAnonymous:
		return fail(remedy+", and remove ACHUAN_ALLOW_ANONYMOUS", "everyone who can reach %s may spend the account's points", s.Listen)
	}
	return fail(remedy, "%s is open to other machines, and no client keys are set: achuan serve refuses to start", s.Listen)
}

// checkRemoteKeys sends a request without a key.
func (d *doctor) checkRemoteKeys(ctx context.Context) Line {
	r, err := d.server.send(ctx, http.MethodGet, "/v1/models", "", nil)
	switch {
	case err != nil:
		return skip("%v", err)
	case r.status == http.StatusUnauthorized:
		return ok("%s asks for a key", d.URL)
	case r.status != http.StatusOK || config.IsLoopback(hostOf(d.URL)):
		return ok("%s returns HTTP %d without a key", d.URL, r.status)
	}
	return fail("set ACHUAN_API_KEYS on the server, unless only this machine's network can reach it", "%s serves without a key", d.URL)
}
