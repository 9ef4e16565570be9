package app

import (
	"context"
	"os"
	"strings"
	"time"

	"achuan/internal/platform"
	"achuan/internal/telemetry"
)

// tokenFileInterval is how often the file of the JWT is read. A file that is mounted into a container
// changes without an event of its folder.
const tokenFileInterval = time.Second

// watchTokenFile uses the JWT in the file of ACHUAN_JWT_FILE as soon as it changes, until ctx ends. A JWT of another
// account is refused: the sessions in the store belong to this one.
func (a *App) watchTokenFile(ctx context.Context) {
	path := a.settings.JWTFile
	if path == "" {
		return
	}
	current := a.settings.JWT
	tick := time.NewTicker(tokenFileInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		content, err := os.ReadFile(path)
		jwt := strings.TrimSpace(string(content))
		if err != nil || jwt == "" || jwt == current { // a file that is being replaced may be absent or empty
			continue
		}
		current = jwt
		a.replaceToken(jwt)
	}
}

// replaceToken makes the platform client use another JWT of the same account.
func (a *App) replaceToken(jwt string) {
	token, err := platform.ParseToken(jwt)
	if err != nil {
		a.opts.Logger.Error("the new content of ACHUAN_JWT_FILE is not a readable JWT; the one before stays in use", telemetry.KeyError, err)
		return
	}
	if before, err := platform.ParseToken(a.settings.JWT); err != nil || before.UserID != token.UserID {
		a.opts.Logger.Error("the new JWT in ACHUAN_JWT_FILE belongs to another account; restart the server to change the account")
		return
	}
	if err := a.platform.SetJWT(jwt); err != nil {
		a.opts.Logger.Error("the new JWT in ACHUAN_JWT_FILE cannot be used", telemetry.KeyError, err)
		return
	}
	a.opts.Logger.Info("the account's JWT was replaced")
	a.reportTokenExpiry(jwt)
}
