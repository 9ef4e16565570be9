package app

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"

	"achuan/internal/config"
	"achuan/internal/gateway"
	"achuan/internal/platform"
)

// modelRules returns the rules of ACHUAN_MODELS.
func modelRules(s *config.Settings) (rules []gateway.ModelRule) {
	for _, r := range s.ModelRules() {
		rules = append(rules, gateway.ModelRule(r))
	}
	return rules
}

// titlePrefix returns the prefix in ACHUAN_SESSION_TITLES.
func titlePrefix(titles string) string {
	if titles == config.TitlesOn || titles == config.TitlesOff {
		return ""
	}
	return titles
}

// accountOf returns the platform's host and the name of the account in the store. The name contains the user id, so
// that the account keeps its sessions when the JWT is renewed.
func accountOf(s *config.Settings) (host, account string) {
	if u, err := url.Parse(s.APIURL); err == nil {
		host = u.Host
	}
	if token, err := platform.ParseToken(s.JWT); err == nil {
		return host, host + "/" + strconv.FormatInt(token.UserID, 10)
	}
	digest := sha256.Sum256([]byte(s.JWT)) // the only way to identify an account whose JWT cannot be read
	return host, host + "/jwt-" + hex.EncodeToString(digest[:8])
}
