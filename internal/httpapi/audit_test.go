package httpapi

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// The hash is that of the body as the client sent it, so that sha256sum over the client's
// copy has the same result.
func TestAudit(t *testing.T) {
	for _, c := range []struct {
		name  string
		audit bool
		body  string
	}{
		{"hash", true, question},
		{"hash of a body that is refused", true, " {"},
		{"none", false, question},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _, l := newTestServer(hello, func(o *Options) { o.Audit = c.audit })
			serve(s, request("POST", "/v1/chat/completions", c.body))
			want := fmt.Sprintf("body_sha256=%x ", sha256.Sum256([]byte(c.body)))
			if !c.audit {
				want = "!body_sha256"
			}
			checkContains(t, "the log", l.String(), want)
		})
	}
}
