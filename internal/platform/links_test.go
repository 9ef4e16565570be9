package platform

import (
	"encoding/json"
	"strings"
	"testing"
)

// Nobody has described the reply, so links count in every shape.
func TestLinksInEveryShape(t *testing.T) {
	for _, tt := range []struct{ name, data, want string }{
		{"list", `[{"url": "https://a.test", "title": "A"}, {"link": "http://b.test", "name": "B"}]`, "https://a.test=A http://b.test=B"},
		{"by number", `{"10": {"href": "https://c.test"}, "2": "https://b.test", "1": {"url": "https://a.test", "title": "A"}}`,
			"https://a.test=A https://b.test=2 https://c.test="},
		{"by link", `{"https://a.test": "A"}`, "https://a.test=A"},
		{"by task", `{"77": [{"url": "https://a.test", "title": "A"}, {"url": "https://a.test", "title": "again"}]}`, "https://a.test=A"},
		{"nothing", `null`, ""},
		{"other texts", `{"a": "javascript:alert(1)", "b": 5, "c": [true, "ftp://x.test"]}`, ""},
		{"deep", strings.Repeat("[", 20) + `"https://a.test"` + strings.Repeat("]", 20), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var data any
			if err := json.Unmarshal([]byte(tt.data), &data); err != nil {
				t.Fatal(err)
			}
			var l linkList
			l.collect(data, "", 0)
			var got []string
			for _, c := range l.citations {
				got = append(got, c.URL+"="+c.Title)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("links = %q, want %q", got, tt.want)
			}
		})
	}
}
