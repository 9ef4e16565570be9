package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"

	"achuan/internal/config"
	"achuan/internal/platform"
)

// accountOf returns the platform's host, and the account there as the store knows
// it: by its user, so that a renewed JWT keeps its sessions.
func accountOf(s *config.Settings) (host, account string) {
	if u, err := url.Parse(s.APIURL); err == nil {
		host = u.Host
	}
	if token, err := platform.ParseToken(s.JWT); err == nil {
		return host, host + "/" + strconv.FormatInt(token.UserID, 10)
	}
	digest := sha256.Sum256([]byte(s.JWT)) // not to be told apart in another way
	return host, host + "/jwt-" + hex.EncodeToString(digest[:8])
}

// countSessions counts the sessions by state, for the metrics; nil when the store
// cannot say.
func (a *App) countSessions(ctx context.Context) map[string]int {
	counts, err := a.store.Counts(ctx)
	if err != nil {
		return nil
	}
	named := make(map[string]int, len(counts))
	for state, n := range counts {
		named[string(state)] = n
	}
	return named
}
