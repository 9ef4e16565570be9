package config

import (
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxMaxBody bounds ACHUAN_MAX_BODY: a body is held in memory while it is decoded.
const maxMaxBody = 1 << 30

// refuse notes that a setting's value is not what is allowed.
func (c *collection) refuse(name string) { c.refused[name] = true }

// tellRefused tells the refused values in the order of the settings.
func (c *collection) tellRefused() {
	for _, setting := range settings {
		if !c.refused[setting.Name] {
			continue
		}
		v := c.values[setting.Name]
		what := shown(v.text)
		if setting.Secret {
			what = "the value"
		}
		c.problems.add(v.from, setting.Name, "%s is not allowed; want %s", what, setting.Allowed)
	}
}

// shown quotes what was given, unless it could be a secret in the wrong place:
// a URL with a password, a token.
func shown(text string) string {
	if strings.Contains(text, "@") || strings.Contains(text, "eyJ") {
		return "the value (not shown, it may hold a secret)"
	}
	const most = 80
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}

// validate checks what parsing cannot, and brings values into the form that
// Settings promises. A value that never got here is not complained of again.
func (c *collection) validate(s *Settings) {
	c.cutBearer(s)
	s.LogFormat = strings.ToLower(s.LogFormat)
	s.UserSessions = UserSessions(strings.ToLower(string(s.UserSessions)))
	s.Audit = Audit(strings.ToLower(string(s.Audit)))
	s.ToolStreaming = ToolStreaming(strings.ToLower(string(s.ToolStreaming)))

	checks := []struct {
		name string
		ok   bool
	}{
		{nameJWT, !strings.ContainsFunc(s.JWT, notToken)},
		{nameAPIURL, s.Demo || validAPIURL(s.APIURL)},
		{nameCookie, !strings.ContainsFunc(s.PlatformCookie, unicode.IsControl)},
		{nameAdminKey, !strings.ContainsFunc(s.AdminKey, notToken)},
		{nameListen, validListen(s.Listen)},
		{nameCORSOrigins, normalOrigins(s.CORSOrigins)},
		{nameMaxBody, s.MaxBody >= 1 && s.MaxBody <= maxMaxBody},
		{nameUserSessions, s.UserSessions == UserSessionsContinue || s.UserSessions == UserSessionsOff},
		{nameDatabase, validDatabase(s.DatabaseURL)},
		{nameRetention, s.SessionRetention >= time.Second},
		{nameNamedRetention, s.NamedRetention == 0 || s.NamedRetention >= time.Second},
		{nameVerifyIdle, s.VerifyIdle > 0},
		{nameToolStreaming, s.ToolStreaming == ToolStreamingValid || s.ToolStreaming == ToolStreamingEager},
		{"ACHUAN_CONNECT_TIMEOUT", s.ConnectTimeout > 0},
		{"ACHUAN_FIRST_EVENT_TIMEOUT", s.FirstEventTimeout > 0},
		{"ACHUAN_IDLE_TIMEOUT", s.IdleTimeout > 0},
		{"ACHUAN_DRAIN_TIMEOUT", s.DrainTimeout > 0},
		{"ACHUAN_LOG_LEVEL", slices.Contains([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}, s.LogLevel)},
		{nameLogFormat, s.LogFormat == "text" || s.LogFormat == "json"},
		{nameAudit, s.Audit == AuditNone || s.Audit == AuditHash},
		{nameTraces, s.TracesURL == "" || validURL(s.TracesURL)},
	}
	for _, check := range checks {
		if !check.ok && !c.unusable[check.name] {
			c.refuse(check.name)
		}
	}
}

// cutBearer takes a JWT that was copied together with the scheme before it.
func (c *collection) cutBearer(s *Settings) {
	scheme, token, ok := strings.Cut(s.JWT, " ")
	if ok && strings.EqualFold(scheme, "bearer") {
		s.JWT = strings.TrimSpace(token)
		c.warn("%s: %s begins with %q, which is not part of the token and was cut off", c.values[nameJWT].from, nameJWT, scheme)
	}
}

// notToken tells the characters that a token cannot hold: it is visible ASCII.
func notToken(r rune) bool { return r <= ' ' || r > '~' }

func validAPIURL(text string) bool {
	return validURL(text) && strings.HasSuffix(text, "/chat/completions")
}

// validURL reports whether a text is an http or https URL with nothing but a host
// and a path.
func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.ContainsAny(text, "?#")
}

// validDatabase reports whether a URL is one of a store; "" is none yet.
func validDatabase(text string) bool {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return path != ""
	}
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host != ""
}

// normalOrigins brings origins into the form in which browsers send them, in
// small letters and without a scheme's own port, and reports whether all are
// origins. Schemes are free: desktop and phone apps have their own.
func normalOrigins(origins []string) bool {
	if slices.Equal(origins, []string{"*"}) {
		return true
	}
	for i, origin := range origins {
		u, err := url.Parse(strings.ToLower(origin))
		if err != nil || u.Scheme == "" || u.Hostname() == "" || u.Scheme+"://"+u.Host != strings.ToLower(origin) ||
			strings.Contains(u.Host, "*") || strings.HasSuffix(u.Host, ":") {
			return false
		}
		host := u.Host
		if own := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; own != "" {
			host = strings.TrimSuffix(host, own)
		}
		origins[i] = u.Scheme + "://" + host
	}
	return true
}
