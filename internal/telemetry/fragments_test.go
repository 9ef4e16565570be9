package telemetry

import (
	"net/url"
	"strings"
	"testing"
)

const (
	longJWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ1c2VySWQiOjQyLCJyb2xlIjoidXNlciJ9.Qm9iJ3Mtc2lnbmF0dXJlLTAxMjM0NTY3ODk"
	longKey = "0f1e2d3c4b5a69788796a5b4c3d2e1f0abcdefabcdef"
	oddKey  = "pass+word/with=odd&signs"
)

// Text replaces long parts of a secret in every form in which they are written.
func TestRedactorFindsParts(t *testing.T) {
	r := NewRedactor(longJWT, longKey, oddKey, "short", "postgres://achuan:hidden@db.example.test:5432/achuan")
	header, rest, _ := strings.Cut(longJWT, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	for _, tt := range []struct{ name, text, want string }{
		{"only the signature", "sig " + signature + " end", "sig " + Redacted + " end"},
		{"only the payload", payload, Redacted},
		{"header and payload", header + "." + payload, Redacted},
		{"signature, upper case", strings.ToUpper(signature), Redacted},
		{"the whole secret, lower case", "x=" + strings.ToLower(longJWT) + "&y", "x=" + Redacted + "&y"},
		{"cut at the beginning", "…" + longKey[9:], "…" + Redacted},
		{"cut at the end", longKey[:16] + "…", Redacted + "…"},
		{"cut at both ends", "a" + longKey[7:23] + "z", "a" + Redacted + "z"},
		{"upper case", strings.ToUpper(longKey), Redacted},
		{"a part that is too short", longKey[:15], longKey[:15]},
		{"two parts", longKey[:20] + " " + longKey[20:], Redacted + " " + Redacted},
		{"two adjacent parts", longKey[20:] + longKey[:20], Redacted},
		{"in a query", "/?k=" + url.QueryEscape(oddKey), "/?k=" + Redacted},
		{"in a query, lower case", "/?k=" + strings.ToLower(url.QueryEscape(oddKey)), "/?k=" + Redacted},
		{"part of a query", "…" + url.QueryEscape(oddKey)[4:24], "…" + Redacted},
		{"a short secret, upper case", "a SHORT one", "a " + Redacted + " one"},
		{"a whole URL", "POSTGRES://achuan:hidden@db.example.test:5432/achuan!", Redacted + "!"},
		{"a URL's host", "dial db.example.test:5432: refused", "dial db.example.test:5432: refused"},
		{"a header", "Authorization: sk-unknown", "Authorization: " + Redacted},
		{"a header, upper case", "AUTHORIZATION:sk-unknown,", "AUTHORIZATION:" + Redacted + ","},
		{"a header in JSON", `{"authorization":"sk-unknown"}`, `{"authorization":"` + Redacted + `"}`},
		{"a header in a map", "map[X-Api-Key:[sk-unknown]]", "map[X-Api-Key:[" + Redacted + "]]"},
		{"a header with a scheme", "authorization: Basic QWxhZGRpbg==", "authorization: Basic " + Redacted},
		{"a header, escaped", "authorization%3A%20sk-unknown", "authorization%3A%20" + Redacted},
		{"bearer, upper case", "BEARER sk-unknown", "BEARER " + Redacted},
		{"bearer, escaped", "a=Bearer%20sk-unknown", "a=Bearer%20" + Redacted},
		{"bearer, escaped in an escaped header", "Authorization%3A%20Bearer+sk-unknown", "Authorization%3A%20Bearer+" + Redacted},
		{"a header without a value", "the Authorization header", "the Authorization header"},
		{"an error code", "invalid_api_key: The key is wrong.", "invalid_api_key: The key is wrong."},
	} {
		t.Run(tt.name, func(t *testing.T) { checkText(t, r, tt.text, tt.want) })
	}
}

// checkText checks the redacted form of a text, and that redacting it again changes nothing.
func checkText(t *testing.T, r *Redactor, text, want string) {
	t.Helper()
	got := r.Text(text)
	if got != want {
		t.Errorf("Text(%q) = %q, want %q", text, got, want)
	}
	if again := r.Text(got); again != got {
		t.Errorf("Text(%q) = %q, want no change", got, again)
	}
}

// Text replaces every part of a secret at every position in a text.
func TestRedactorFindsEveryPart(t *testing.T) {
	r := NewRedactor(longJWT, longKey)
	for _, secret := range []string{longJWT, longKey} {
		for start := 0; start+minFragment <= len(secret); start++ {
			for before := range probeSize {
				text := strings.Repeat("-", before) + "(" + secret[start:start+minFragment] + ")"
				if got, want := r.Text(text), strings.Repeat("-", before)+"("+Redacted+")"; got != want {
					t.Fatalf("Text(%q) = %q, want %q", text, got, want)
				}
			}
		}
	}
}

func BenchmarkRedactor(b *testing.B) {
	r := NewRedactor(longJWT, longKey, oddKey)
	text := strings.Repeat("POST /v1/chat/completions finished after 12.3ms with status 200; ", 3)
	b.ReportAllocs()
	for b.Loop() {
		r.Text(text)
	}
}
