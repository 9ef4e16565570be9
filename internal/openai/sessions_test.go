package openai

import (
	"testing"
	"time"

	"achuan/internal/chat"
)

func TestAppendSessions(t *testing.T) {
	session := chat.SessionInfo{
		ID: 7, Model: "demo-large", Owner: "k1", State: "free", Turns: 3, Created: answerTime, Used: answerTime.Add(time.Minute),
	}
	named := session
	named.Name, named.Owner = `a "b"`, ""
	const (
		plain = `{"id":7,"object":"session","model":"demo-large","created":1767225600,"last_used":1767225660,"turns":3,` +
			`"owner":"K1","name":null,"state":"free"}`
		other = `{"id":7,"object":"session","model":"demo-large","created":1767225600,"last_used":1767225660,"turns":3,` +
			`"owner":"","name":"a \"b\"","state":"free"}`
	)
	owner := func(id string) string { return map[string]string{"k1": "K1"}[id] }
	for _, tt := range []struct {
		name          string
		list          []chat.SessionInfo
		offset, total int
		want          string
	}{
		{"none", nil, 0, 0, `{"object":"list","data":[],"total":0,"has_more":false}`},
		{"behind the end", nil, 5, 2, `{"object":"list","data":[],"total":2,"has_more":false}`},
		{"first of two", []chat.SessionInfo{session}, 0, 2, `{"object":"list","data":[` + plain + `],"total":2,"has_more":true}`},
		{"last of two", []chat.SessionInfo{named}, 1, 2, `{"object":"list","data":[` + other + `],"total":2,"has_more":false}`},
		{"both", []chat.SessionInfo{session, named}, 0, 2, `{"object":"list","data":[` + plain + `,` + other + `],"total":2,"has_more":false}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendSessions(nil, tt.list, owner, tt.offset, tt.total)); got != tt.want {
				t.Errorf("AppendSessions = %s, want %s", got, tt.want)
			}
		})
	}
	const want = `{"id":7,"object":"session.deleted","deleted":true}`
	if got := string(AppendDeletedSession(nil, 7)); got != want {
		t.Errorf("AppendDeletedSession(7) = %s, want %s", got, want)
	}
}

func TestAppendMessages(t *testing.T) {
	r := chat.Record{ID: 5, Created: answerTime, UserText: "hi", AIText: "<think>x</think>hello"}
	const message = `{"role":"user","content":"hi","record":5,"created":1767225600},` +
		`{"role":"assistant","content":"<think>x</think>hello","record":5,"created":1767225600}`
	for _, tt := range []struct {
		name string
		page chat.RecordPage
		want string
	}{
		{"none", chat.RecordPage{Page: 1}, `{"object":"list","data":[],"page":1,"pages":0,"has_more":false}`},
		{"last page", chat.RecordPage{Page: 2, Pages: 2, Records: []chat.Record{r}},
			`{"object":"list","data":[` + message + `],"page":2,"pages":2,"has_more":false}`},
		{"first page", chat.RecordPage{Page: 1, Pages: 2, Records: []chat.Record{r, r}},
			`{"object":"list","data":[` + message + `,` + message + `],"page":1,"pages":2,"has_more":true}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendMessages(nil, tt.page)); got != tt.want {
				t.Errorf("AppendMessages = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestDecodeSession(t *testing.T) {
	for _, tt := range []struct{ body, model, want string }{
		{`{"model": "m"}`, "m", ""},
		{`{"model": "m", "other": 1}`, "m", ""},
		{`{}`, "", "missing_required_parameter"},
		{`{"model": 5}`, "", "invalid_type"},
		{`[]`, "", "invalid_json"},
		{`{"model"`, "", "invalid_json"},
	} {
		t.Run(tt.body, func(t *testing.T) {
			model, err := DecodeSession([]byte(tt.body))
			code := ""
			if err != nil {
				code = string(chat.AsError(err).Code)
			}
			if model != tt.model || code != tt.want {
				t.Errorf("DecodeSession(%s) = %q, %v, want %q and code %q", tt.body, model, err, tt.model, tt.want)
			}
		})
	}
}
