package doctor

import (
	"context"
	"strings"
	"time"

	"achuan/internal/platform"
)

const renewToken = "log in on the platform's web page, copy the Authorization header of its requests into ACHUAN_JWT " +
	"(or the file of ACHUAN_JWT_FILE), and restart"

// checkToken checks that the account's JWT is set, can be read, and does not expire soon.
func (d *doctor) checkToken(context.Context) Line {
	if d.Settings.JWT == "" {
		return fail(renewToken, "ACHUAN_JWT is not set")
	}
	token, err := platform.ParseToken(d.Settings.JWT)
	switch {
	case err != nil:
		return fail(renewToken, "%s", strings.TrimPrefix(err.Error(), "platform: "))
	case token.Expires.IsZero():
		return ok("the JWT does not say when it expires")
	}
	return tokenExpiry(token.Expires.Sub(d.Now()))
}

// checkRemoteToken reads the time to expiry from the server's metrics.
func (d *doctor) checkRemoteToken(ctx context.Context) Line {
	left, err := d.server.readMetric(ctx, "achuan_account_seconds_to_expiry")
	if err != nil {
		return skip("the server's metrics do not say: %v", err).
			withRemedy("set ACHUAN_ADMIN_KEY here to the server's admin key, or run achuan doctor on the server's machine")
	}
	return tokenExpiry(time.Duration(left * float64(time.Second)))
}

// tokenExpiry returns the line of a JWT that is valid for so long from now.
func tokenExpiry(left time.Duration) Line {
	switch days := left.Hours() / 24; {
	case left <= 0:
		return fail(renewToken, "the JWT expired %.1f days ago", -days)
	case left < minTokenLife:
		return fail(renewToken, "%.1f days left", days)
	default:
		return ok("%.0f days left", days)
	}
}
