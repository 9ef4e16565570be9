package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The bounds of ACHUAN_BLOB_ROOM. A few files of the maximum size fit into the smallest room.
const (
	minBlobRoom = 64 << 20
	maxBlobRoom = 1 << 40
)

// maxBodyLimit is the largest ACHUAN_MAX_BODY. A body is in memory while it is decoded.
const maxBodyLimit = 1 << 30

// markNotAllowed records that a setting's value is not allowed.
func (l *loader) markNotAllowed(name string) { l.notAllowed[name] = true }

// reportNotAllowed adds a problem for each value that is not allowed, in the order of the settings.
func (l *loader) reportNotAllowed() {
	for _, setting := range settings {
		if !l.notAllowed[setting.Name] {
			continue
		}
		v := l.values[setting.Name]
		value := quoteValue(v.text)
		if setting.Secret {
			value = "the value"
		}
		l.problems.add(v.source, setting.Name, "%s is not allowed; want %s", value, setting.Allowed)
	}
}

// quoteValue quotes the beginning of a value, unless the value could be a misplaced secret: a URL with a password, or
// a token.
func quoteValue(text string) string {
	if strings.Contains(text, "@") || strings.Contains(text, "eyJ") {
		return "the value (not shown, it may hold a secret)"
	}
	const maxQuoted = 80
	if len(text) > maxQuoted {
		text = text[:maxQuoted] + "…"
	}
	return strconv.Quote(text)
}

// validate checks what parse does not check, and normalizes values. It does not report a setting that has a problem
// already.
func (l *loader) validate(s *Settings) {
	l.stripBearer(s)
	s.LogFormat = strings.ToLower(s.LogFormat)
	s.UserSessions = UserSessions(strings.ToLower(string(s.UserSessions)))
	s.Audit = Audit(strings.ToLower(string(s.Audit)))
	s.ToolStreaming = ToolStreaming(strings.ToLower(string(s.ToolStreaming)))

	checks := []struct {
		name string
		ok   bool
	}{
		{nameJWT, !strings.ContainsFunc(s.JWT, isNotTokenRune)},
		{nameAPIURL, s.Demo || isValidAPIURL(s.APIURL)},
		{nameCookie, !strings.ContainsFunc(s.PlatformCookie, unicode.IsControl)},
		{nameAdminKey, !strings.ContainsFunc(s.AdminKey, isNotTokenRune)},
		{nameListen, isValidListen(s.Listen)},
		{nameCORSOrigins, normalizeOrigins(s.CORSOrigins)},
		{nameMaxBody, s.MaxBody >= 1 && s.MaxBody <= maxBodyLimit},
		{nameBlobURL, s.BlobURL == "" || strings.HasPrefix(s.BlobURL, "s3://")},
		{nameBlobRoom, s.BlobRoom >= minBlobRoom && s.BlobRoom <= maxBlobRoom},
		{nameFetchAllow, !slices.ContainsFunc(s.FetchAllow, isInvalidFetchAllow)},
		{nameImageOutput, len(s.ImageOutput) > 0 && !slices.ContainsFunc(s.ImageOutput, isInvalidImageOutput)},
		{nameModels, !slices.ContainsFunc(s.Models, isInvalidModelRule)},
		{nameUserSessions, s.UserSessions == UserSessionsContinue || s.UserSessions == UserSessionsOff},
		{nameDatabase, isValidDatabase(s.DatabaseURL)},
		{nameRetention, s.SessionRetention >= time.Second},
		{nameNamedRetention, s.NamedRetention == 0 || s.NamedRetention >= time.Second},
		{nameSessionTitles, s.SessionTitles != "" && utf8.RuneCountInString(s.SessionTitles) <= 20},
		{nameVerifyIdle, s.VerifyIdle > 0},
		{nameMaxText, s.MaxText == 0 || s.MaxText >= 1000},
		{nameToolStreaming, s.ToolStreaming == ToolStreamingValid || s.ToolStreaming == ToolStreamingEager},
		{"ACHUAN_CONNECT_TIMEOUT", s.ConnectTimeout > 0},
		{"ACHUAN_FIRST_EVENT_TIMEOUT", s.FirstEventTimeout > 0},
		{"ACHUAN_IDLE_TIMEOUT", s.IdleTimeout > 0},
		{"ACHUAN_DRAIN_TIMEOUT", s.DrainTimeout > 0},
		{"ACHUAN_LOG_LEVEL", slices.Contains([]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}, s.LogLevel)},
		{nameLogFormat, s.LogFormat == "text" || s.LogFormat == "json"},
		{nameAudit, s.Audit == AuditNone || s.Audit == AuditHash},
		{nameTraces, s.TracesURL == "" || isValidURL(s.TracesURL)},
	}
	for _, check := range checks {
		if !check.ok && !l.hasProblem[check.name] {
			l.markNotAllowed(check.name)
		}
	}
}

// stripBearer removes the scheme from a JWT that was copied together with it.
func (l *loader) stripBearer(s *Settings) {
	scheme, token, ok := strings.Cut(s.JWT, " ")
	if ok && strings.EqualFold(scheme, "bearer") {
		s.JWT = strings.TrimSpace(token)
		l.warn("%s: %s begins with %q, which is not part of the token and was cut off", l.values[nameJWT].source, nameJWT, scheme)
	}
}

// isNotTokenRune reports whether a token must not contain r. A token is visible ASCII.
func isNotTokenRune(r rune) bool { return r <= ' ' || r > '~' }

func isValidAPIURL(text string) bool {
	return isValidURL(text) && strings.HasSuffix(text, "/chat/completions")
}

// isValidURL reports whether text is an http or https URL with only a host and a path.
func isValidURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		!strings.ContainsAny(text, "?#")
}

// isValidDatabase reports whether text is the URL of a store. "" is valid: the default is set later.
func isValidDatabase(text string) bool {
	if path, ok := strings.CutPrefix(text, "sqlite:"); ok {
		return path != ""
	}
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Host != ""
}

// normalizeOrigins changes origins into the form that browsers send: in lower case and without the scheme's default
// port. It reports whether all are origins. Every scheme is allowed, because desktop and phone apps have their own.
func normalizeOrigins(origins []string) bool {
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
		if defaultPort := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; defaultPort != "" {
			host = strings.TrimSuffix(host, defaultPort)
		}
		origins[i] = u.Scheme + "://" + host
	}
	return true
}

// isInvalidFetchAllow reports whether an entry of ACHUAN_FETCH_ALLOW is no host name, address or network.
func isInvalidFetchAllow(entry string) bool {
	if _, err := netip.ParsePrefix(entry); err == nil {
		return false
	}
	if _, err := netip.ParseAddr(entry); err == nil {
		return false
	}
	u, err := url.Parse("http://" + entry)
	return err != nil || u.Hostname() != entry || strings.ContainsAny(entry, "/:@*")
}

func isInvalidImageOutput(entry string) bool { return entry != ImageMarkdown && entry != ImageList }
