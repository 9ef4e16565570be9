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

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// minSecret is the length in bytes from which a secret is looked for. A shorter
// one would be found inside ordinary words and make every line unreadable,
// which hides nothing: it tells the secret.
const minSecret = 4

var (
	// A JWT is base64url of `{"…`, a dot and more; a signature that was cut off
	// makes it no less a secret.
	jwtPattern = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]{4,}(\.[A-Za-z0-9_-]*)?`)
	// What follows the scheme is taken up to a blank or a quote. An opening
	// bracket is left alone, so that redacting twice changes nothing.
	bearerPattern = regexp.MustCompile(`(?i)((?:\b|%[0-9a-f]{2})bearer(?:\s+|%20|\+))[^\s"'\[][^\s"']*`)
	// The value of a header that holds a secret, behind its scheme, as requests are
	// quoted: in a header, in JSON, as a map of Go.
	headerPattern = regexp.MustCompile(`(?i)((?:\bauthorization|\bx-api-key|\bx-goog-api-key)["']?\s*(?::|=|%3a|%3d)(?:\s|%20)*["'\[]?` +
		`(?:(?:bearer|basic|token)(?:\s+|%20|\+))?)([^\s"'\[\],;]+)`)
	scheme = regexp.MustCompile(`(?i)^(?:bearer|basic|token)(?:%20|\+)?$`)
)

// Redactor replaces secrets in text, in any letter case, and parts of them that are
// long enough to be of use. It is safe for concurrent use.
type Redactor struct {
	short     []string // lower case; looked for as they are
	fragments fragments
}

// NewRedactor returns a Redactor for the given secrets; those shorter than four
// bytes are passed over. Of a secret with at least 16 bytes, every part with 16 is
// replaced too, except of a URL, of which the most part is no secret. JWTs, bearer
// tokens and the values of headers with keys are replaced whether they are among the
// secrets or not.
func NewRedactor(secrets ...string) *Redactor {
	r := &Redactor{}
	for _, s := range secrets {
		s = strings.TrimSpace(s)
		if len(s) < minSecret {
			continue
		}
		for _, form := range writtenForms(s) {
			if form = lower(form); len(form) < minFragment || strings.Contains(s, "://") {
				r.short = append(r.short, form)
			} else {
				r.fragments.add(form)
			}
		}
	}
	// The longest comes first, or the rest of a secret that starts with another would stay.
	slices.SortFunc(r.short, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	r.short = slices.Compact(r.short)
	return r
}

// writtenForms returns s and how it looks where errors commonly quote it: in a
// URL's query and path and as a Go string.
func writtenForms(s string) []string {
	quoted := strconv.Quote(s)
	forms := []string{s, url.QueryEscape(s), url.PathEscape(s), quoted[1 : len(quoted)-1]}
	slices.Sort(forms)
	return slices.Compact(forms)
}

// Text returns s with every secret replaced. A text without one is returned as
// it is, without allocating.
func (r *Redactor) Text(s string) string {
	for _, form := range r.short {
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

// redactHeader replaces the value in a match of headerPattern, unless that is done.
func redactHeader(match string) string {
	parts := headerPattern.FindStringSubmatch(match)
	if "["+parts[2]+"]" == Redacted || scheme.MatchString(parts[2]) {
		return match
	}
	return parts[1] + Redacted
}

// replaceAttr is a slog.HandlerOptions.ReplaceAttr: slog calls it for the
// message and for each attribute, those in groups included, after resolving
// LogValuers.
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
		a.Value = r.any(a.Value)
	}
	return a
}

// any redacts a value of a type that slog knows nothing of. All but a few are
// turned into text here, by the same rules as the text handler's, because a
// secret could be anywhere in them; fmt also survives methods that panic.
func (r *Redactor) any(v slog.Value) slog.Value {
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
