package httpapi

import (
	"strings"
	"testing"
)

func TestRequestID(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		kept       bool
	}{
		{"none", "", false},
		{"plain", "aZ09._-", true},
		{"as long as allowed", strings.Repeat("a", 64), true},
		{"too long", strings.Repeat("a", 65), false},
		{"a blank", "a b", false},
		{"a line break", "a\nlevel=ERROR", false},
		{"not ASCII", "爽", false},
		{"markup", "<b>", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, l := newTestServer(nil)
			r := request("GET", "/v1/models", "")
			if c.sent != "" {
				r.Header.Set("X-Request-Id", c.sent)
			}
			rec, _ := serve(s, r)
			got := rec.Header().Get("X-Request-Id")
			if kept := got == c.sent; kept != c.kept || !isPlainID(got) {
				t.Errorf("X-Request-Id = %q for %q, want it kept: %v", got, c.sent, c.kept)
			}
			checkContains(t, "the log", l.String(), "request_id="+got+"\n")
			if n := strings.Count(l.String(), "request_id="); n != 1 {
				t.Errorf("ids in the log = %d, want 1: %s", n, l)
			}
		})
	}
}

func TestRequestIDsDiffer(t *testing.T) {
	s, _, _ := newTestServer(nil)
	a, _ := serve(s, request("GET", "/healthz", ""))
	b, _ := serve(s, request("GET", "/healthz", ""))
	if x, y := a.Header().Get("X-Request-Id"), b.Header().Get("X-Request-Id"); x == y {
		t.Errorf("X-Request-Id = %q twice, want two ids", x)
	}
}
