package doctor

import (
	"context"
	"strings"
	"time"

	"achuan/internal/config"
	"achuan/internal/platform"
)

// noSettings is the line of whatever needs the settings.
func noSettings() Line { return skip("the settings are not valid") }

// checkSettings: they can be read, and all values are allowed.
func (d *doctor) checkSettings(context.Context) Line {
	switch {
	case d.SettingsError != nil:
		return fail("correct what is named; achuan config shows every setting, where it comes from and what it may be",
			"%s", strings.ReplaceAll(d.SettingsError.Error(), "\n", "; "))
	case d.remote:
		return skip("those of %s are not known here", d.URL)
	case len(d.Settings.Warnings) > 0:
		return ok("valid, but: %s", strings.Join(d.Settings.Warnings, "; "))
	}
	return ok("valid")
}

const newToken = "log in on the platform's web page, copy the Authorization header of its requests into ACHUAN_JWT (or the file of ACHUAN_JWT_FILE), and restart"

// checkToken: the account's JWT is there, readable, and lasts a while.
func (d *doctor) checkToken(ctx context.Context) Line {
	if d.remote {
		return d.remoteToken(ctx)
	}
	if d.Settings == nil {
		return noSettings()
	}
	if d.Settings.JWT == "" {
		return fail(newToken, "ACHUAN_JWT is not set")
	}
	token, err := platform.ParseToken(d.Settings.JWT)
	switch {
	case err != nil:
		return fail(newToken, "%s", strings.TrimPrefix(err.Error(), "platform: "))
	case token.Expires.IsZero():
		return ok("it does not say when it runs out")
	}
	return life(token.Expires.Sub(d.Now()))
}

// remoteToken asks the server's metrics.
func (d *doctor) remoteToken(ctx context.Context) Line {
	left, err := d.server.metric(ctx, "achuan_account_seconds_to_expiry")
	if err != nil {
		return skip("the server's metrics do not say: %v", err).but("set ACHUAN_ADMIN_KEY here to that of the server, or run achuan doctor where it runs")
	}
	return life(time.Duration(left * float64(time.Second)))
}

func life(left time.Duration) Line {
	switch days := left.Hours() / 24; {
	case left <= 0:
		return fail(newToken, "it has run out %.1f days ago", -days)
	case left < leastLife:
		return fail(newToken, "%.1f days left", days)
	default:
		return ok("%.0f days left", days)
	}
}

// checkKeys: who can reach the server cannot use it without a key.
func (d *doctor) checkKeys(ctx context.Context) Line {
	if d.remote {
		return d.remoteKeys(ctx)
	}
	const remedy = "set ACHUAN_API_KEYS, a key for each person or program: openssl rand -hex 24 makes one"
	s := d.Settings
	switch {
	case s == nil:
		return noSettings()
	case len(s.APIKeys) > 0:
		return ok("%d client keys, on %s", len(s.APIKeys), s.Listen)
	case config.IsLoopback(s.Listen):
		return ok("none, and %s is for this machine alone", s.Listen)
	case s.AllowAnonymous:
		return fail(remedy+", and take ACHUAN_ALLOW_ANONYMOUS away", "whoever can reach %s may spend the account's points", s.Listen)
	}
	return fail(remedy, "%s is open to other machines, and no client keys are set: achuan serve refuses to start", s.Listen)
}

// remoteKeys tries the door.
func (d *doctor) remoteKeys(ctx context.Context) Line {
	r, err := d.server.ask(ctx, "GET", "/v1/models", "", nil)
	switch {
	case err != nil:
		return skip("%v", err)
	case r.status == 401:
		return ok("%s asks for a key", d.URL)
	case r.status != 200 || config.IsLoopback(hostPort(d.URL)):
		return ok("%s says %d without a key", d.URL, r.status)
	}
	return fail("set ACHUAN_API_KEYS on the server, unless this machine's network is all that reaches it", "%s serves without a key", d.URL)
}
