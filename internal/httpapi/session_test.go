package httpapi

import (
	"strings"
	"testing"

	"achuan/internal/chat"
)

// A request names its session in the header, in metadata or in `user`, in this order. A header that is not an id is
// only a label.
func TestSessionRef(t *testing.T) {
	off := func(o *Options) { o.UserSessions = false }
	for _, c := range []struct {
		name   string
		header string
		keys   string
		set    []func(*Options)
		want   chat.SessionRef
	}{
		{"none", "", `"n":1`, nil, chat.SessionRef{}},
		{"header", "12", `"n":1`, nil, chat.SessionRef{ID: 12}},
		{"header, 16 digits", "9999999999999999", `"n":1`, nil, chat.SessionRef{ID: 9999999999999999}},
		{"metadata", "", `"metadata":{"sessionId":13}`, nil, chat.SessionRef{ID: 13}},
		{"metadata as text", "", `"metadata":{"sessionId":"13"}`, nil, chat.SessionRef{ID: 13}},
		{"user", "", `"user":"u"`, nil, chat.SessionRef{Name: "u"}},
		{"user as long as allowed", "", `"user":"` + strings.Repeat("u", 512) + `"`, nil, chat.SessionRef{Name: strings.Repeat("u", 512)}},
		{"header before metadata before user", "12", `"user":"u","metadata":{"sessionId":13}`, nil, chat.SessionRef{ID: 12}},
		{"metadata before user", "", `"user":"u","metadata":{"sessionId":13}`, nil, chat.SessionRef{ID: 13}},
		{"a label", "chat-1", `"n":1`, nil, chat.SessionRef{}},
		{"a label and metadata", "chat-1", `"metadata":{"sessionId":13}`, nil, chat.SessionRef{ID: 13}},
		{"a label and user", "0", `"user":"u"`, nil, chat.SessionRef{Name: "u"}},
		{"user sessions off", "", `"user":"u"`, []func(*Options){off}, chat.SessionRef{}},
		{"user sessions off, a long user", "", `"user":"` + strings.Repeat("u", 600) + `"`, []func(*Options){off}, chat.SessionRef{}},
		{"user sessions off, several choices", "", `"user":"u","n":2`, []func(*Options){off}, chat.SessionRef{}},
		{"a label and several choices", "chat-1", `"n":2`, nil, chat.SessionRef{}},
		{"a long user beside an id", "12", `"user":"` + strings.Repeat("u", 600) + `"`, nil, chat.SessionRef{ID: 12}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f, l := newTestServer([]step{doneStep(someUsage), doneStep(someUsage).forChoice(1)}, c.set...)
			r := request("POST", "/v1/chat/completions", questionWith(c.keys))
			if c.header != "" {
				r.Header.Set("X-Session-Id", c.header)
			}
			serve(s, r)
			if got := f.onlyRequest(t).Session; got != c.want {
				t.Errorf("session = %+v, want %+v", got, c.want)
			}
			_, isID := chat.ParseSessionID(c.header)
			if label := c.header != "" && !isID; label != strings.Contains(l.String(), "label="+c.header) {
				t.Errorf("log has the label = %v, want %v\n%s", !label, label, l)
			}
		})
	}
}
