package telemetry

import (
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Redacted replaces a secret.
const Redacted = "[redacted]"

// minSecret is the shortest secret, in bytes, that is replaced. A shorter one occurs inside ordinary words: replacing
// it would make lines unreadable and would even show what the secret is.
const minSecret = 4

var (
	// A JWT is base64url of `{"…`, a dot and more. Without its signature it is still a secret.
	jwtPattern = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(\.[A-Za-z0-9_-]*)?`)
	// The token after the scheme ends at a blank or a quote. It does not begin with a bracket, so that redacting twice
	// changes nothing.
	bearerPattern = regexp.MustCompile(`(?i)((?:\b|%[0-9a-f]{2})bearer(?:\s+|%20|\+))[^\s"'\[][^\s"']*`)
	// The value of a header that contains a secret, after its scheme. It can be quoted as a header, in JSON or as a Go
	// map.
	headerPattern = regexp.MustCompile(`(?i)((?:\bauthorization|\bx-api-key|\bx-goog-api-key)["']?\s*(?::|=|%3a|%3d)(?:\s|%20)*["'\[]?` +
		`(?:(?:bearer|basic|token)(?:\s+|%20|\+))?)([^\s"'\[\],;]+)`)
	schemePattern = regexp.MustCompile(`(?i)^(?:bearer|basic|token)(?:%20|\+)?$`)
)

// Redactor replaces secrets in text, in any letter case, and also long parts of them. It is safe for concurrent use.
type Redactor struct {
	whole     []string // lower case; replaced only as a whole
	fragments fragments
}

// NewRedactor returns a Redactor for the given secrets. It ignores secrets shorter than 4 bytes. Of a secret with 16
// bytes or more, it also replaces every part of at least 16 bytes, except of a URL, because most of a URL is not
// secret. It always replaces JWTs, bearer tokens and the values of headers with keys, even when they are not among
// the secrets.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		s = strings.TrimSpace(s)
		if len(s) < minSecret {
			continue
		}
		for _, form := range writtenForms(s) {
			if form = lower(form); len(form) < minFragment || strings.Contains(s, "://") {
				r.whole = append(r.whole, form)
			} else {
				r.fragments.add(form)
			}
		}
	}
	// The longest is first. Otherwise, of a secret that begins with another one, the rest would stay.
	slices.SortFunc(r.whole, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	r.whole = slices.Compact(r.whole)
	return r
}

// writtenForms returns s and the forms in which errors quote it: in a URL's query, in a path and as a Go string.
func writtenForms(s string) []string {
	quoted := strconv.Quote(s)
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s), quoted[1 : len(quoted)-1]}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// Text returns s with every secret replaced. It returns a text without secrets unchanged and does not allocate then.
func (r *Redactor) Text(s string) string {
	for _, form := range r.whole {
		s = replaceFold(s, form)
	}
	s = r.fragments.replace(s)
	if strings.Contains(s, "eyJ") {
		s = jwtPattern.ReplaceAllLiteralString(s, Redacted)
	}
	if containsFold(s, "bearer") {
		s = bearerPattern.ReplaceAllString(s, "${1}"+Redacted)
	}
	if containsFold(s, "authorization") || containsFold(s, "api-key") {
		s = headerPattern.ReplaceAllStringFunc(s, redactHeader)
	}
	return s
}

// redactHeader replaces the value in a match of headerPattern, unless it is already replaced.
func redactHeader(match string) string {
	parts := headerPattern.FindStringSubmatch(match)
	if "["+parts[2]+"]" == Redacted || schemePattern.MatchString(parts[2]) {
		return match
	}
	return parts[1] + Redacted
}

// replaceAttr is a slog.HandlerOptions.ReplaceAttr. slog resolves LogValuers and calls it for the message and for each
// attribute, also for those in groups.
func (r *Redactor) replaceAttr(_ []string, a slog.Attr) slog.Attr {
	if key := r.Text(a.Key); key != a.Key {
		a.Key = key
	}
	switch a.Value.Kind() {
	case slog.KindString:
		s := a.Value.String()
		if clean := r.Text(s); clean != s {
			a.Value = slog.StringValue(clean)
		}
	case slog.KindAny:
		a.Value = r.redactAny(a.Value)
	}
	return a
}

// redactAny redacts a value of a type that slog does not know. It turns most values into text, as slog's text handler
// does, because a secret can be anywhere in them. fmt also recovers from methods that panic.
func (r *Redactor) redactAny(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil, slog.Level, *slog.Source:
		return v
	case []byte:
		return slog.StringValue(r.Text(string(x)))
	case []string:
		clean := make([]string, len(x))
		for i, s := range x {
			clean[i] = r.Text(s)
		}
		return slog.AnyValue(clean)
	default:
		return slog.StringValue(r.Text(fmt.Sprintf("%+v", x)))
	}
}
