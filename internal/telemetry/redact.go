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
	bearerPattern = regexp.MustCompile(`(?i)\b(bearer\s+)[^\s"'\[][^\s"']*`)
)

// Redactor replaces secrets in text. It is safe for concurrent use.
type Redactor struct {
	forms   []string          // of the secrets, as they could be written
	secrets *strings.Replacer // replaces the forms
}

// NewRedactor returns a Redactor for the given secrets; those shorter than four
// bytes are passed over. JWTs and bearer tokens are replaced whether they are
// among the secrets or not.
func NewRedactor(secrets ...string) *Redactor {
	var forms []string
	for _, s := range secrets {
		if s = strings.TrimSpace(s); len(s) >= minSecret {
			forms = append(forms, writtenForms(s)...)
		}
	}
	// The first match in the replacer's order wins: the longest comes first, or
	// the rest of a secret that starts with another would stay.
	slices.SortFunc(forms, func(a, b string) int {
		if len(a) != len(b) {
			return len(b) - len(a)
		}
		return strings.Compare(a, b)
	})
	forms = slices.Compact(forms)
	pairs := make([]string, 0, 2*len(forms))
	for _, form := range forms {
		pairs = append(pairs, form, Redacted)
	}
	return &Redactor{forms, strings.NewReplacer(pairs...)}
}

// writtenForms returns s and how it looks where errors commonly quote it: in a
// URL's query and path and as a Go string.
func writtenForms(s string) []string {
	quoted := strconv.Quote(s)
	return []string{s, url.QueryEscape(s), url.PathEscape(s), quoted[1 : len(quoted)-1]}
}

// Text returns s with every secret replaced. A text without one is returned as
// it is, without allocating.
func (r *Redactor) Text(s string) string {
	// A Replacer allocates even when it finds nothing; almost every text is clean.
	if slices.ContainsFunc(r.forms, func(form string) bool { return strings.Contains(s, form) }) {
		s = r.secrets.Replace(s)
	}
	if strings.Contains(s, "eyJ") {
		s = jwtPattern.ReplaceAllLiteralString(s, Redacted)
	}
	if mentionsBearer(s) {
		s = bearerPattern.ReplaceAllString(s, "${1}"+Redacted)
	}
	return s
}

// mentionsBearer spares most texts the regular expression.
func mentionsBearer(s string) bool {
	const scheme = "bearer"
	for i := range len(s) - len(scheme) {
		if s[i]|0x20 == 'b' && strings.EqualFold(s[i:i+len(scheme)], scheme) {
			return true
		}
	}
	return false
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
