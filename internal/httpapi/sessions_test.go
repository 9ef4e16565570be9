package httpapi

import (
	"context"
	"net/http"
	"testing"
	"time"

	"achuan/internal/access"
	"achuan/internal/chat"
	"achuan/internal/gateway"
	"achuan/internal/openai"
)

// fakeSessions has one session, 4711, which belongs to owner.
type fakeSessions struct{ owner string }

func (f *fakeSessions) find(owner gateway.Owner, id int64) (chat.SessionInfo, error) {
	if id != 4711 || !owner.Sees(f.owner) {
		return chat.SessionInfo{}, &chat.Error{Kind: chat.KindNotFound, Code: chat.CodeSessionNotFound, Message: "no"}
	}
	at := time.Unix(1_700_000_000, 0)
	return chat.SessionInfo{ID: id, Model: "model-1", Owner: f.owner, State: "free", Turns: 2, Created: at, Used: at.Add(time.Minute)}, nil
}

func (f *fakeSessions) ListSessions(
	_ context.Context, owner gateway.Owner, offset, _ int,
) ([]chat.SessionInfo, int, error) {
	if !owner.Sees(f.owner) || offset > 0 {
		return nil, 0, nil
	}
	s, err := f.find(owner, 4711)
	return []chat.SessionInfo{s}, 3, err
}

func (f *fakeSessions) GetSession(_ context.Context, owner gateway.Owner, id int64) (chat.SessionInfo, error) {
	return f.find(owner, id)
}

func (f *fakeSessions) ListMessages(
	_ context.Context, owner gateway.Owner, id int64, page int,
) (chat.RecordPage, error) {
	if _, err := f.find(owner, id); err != nil {
		return chat.RecordPage{}, err
	}
	return chat.RecordPage{Page: page, Pages: 2, Total: 11, Records: []chat.Record{
		{ID: 5, Created: time.Unix(1_700_000_000, 0), UserText: "Hi", AIText: "Hello <b>"},
	}}, nil
}

func (f *fakeSessions) CreateSession(_ context.Context, caller chat.Caller, model string) (chat.SessionInfo, error) {
	return chat.SessionInfo{ID: 4712, Model: model, Owner: caller.ID, State: "free"}, nil
}

func (f *fakeSessions) DeleteSession(_ context.Context, owner gateway.Owner, id int64) error {
	_, err := f.find(owner, id)
	return err
}

func TestSessions(t *testing.T) {
	const (
		one      = "/v1/sessions/4711"
		bobKey   = "Authorization: Bearer sk-bob-0123456789"
		alice    = "Authorization: " + aliceKey
		adminKey = "Authorization: Bearer admin-0123456789"
		session  = `{"id":4711,"object":"session","model":"model-1","created":1700000000,"last_used":1700000060,"turns":2,"owner":"alice","name":null,"state":"free"}`
	)
	of := func(change func(*Options)) func(*Options) {
		return func(o *Options) {
			withKeys(o)
			caller, err := o.Keys.Authenticate(http.Header{"Authorization": {aliceKey}})
			if err != nil {
				t.Fatal(err)
			}
			o.Sessions, o.Admin = &fakeSessions{caller.ID}, access.NewAdminKey("admin-0123456789")
			if change != nil {
				change(o)
			}
		}
	}
	keyless := of(func(o *Options) { o.Keys, o.Sessions = nil, &fakeSessions{chat.AnonymousID} })
	network := of(func(o *Options) {
		o.Keys, o.Sessions, o.AllowAnonymous = nil, &fakeSessions{chat.AnonymousID}, true
	})
	runScenarios(t, []scenario{
		{name: "list", setOptions: of(nil), method: "GET", path: "/v1/sessions", headers: []string{alice}, status: 200,
			contains: []string{`{"object":"list","data":[` + session + `],"total":3,"has_more":true}`}},
		{name: "another's list", setOptions: of(nil), method: "GET", path: "/v1/sessions", headers: []string{bobKey}, status: 200,
			contains: []string{`{"object":"list","data":[],"total":0,"has_more":false}`}},
		{name: "the admin's list", setOptions: of(nil), method: "GET", path: "/v1/sessions", headers: []string{adminKey}, status: 200, contains: []string{session}},
		{name: "list without a key", setOptions: of(nil), method: "GET", path: "/v1/sessions", status: 401, contains: errorBody(chat.CodeMissingAPIKey)},
		{name: "a wrong limit", setOptions: of(nil), method: "GET", path: "/v1/sessions?limit=101", headers: []string{alice}, status: 400,
			contains: append(errorBody(chat.CodeInvalidValue), `"param":"limit"`)},
		{name: "a wrong offset", setOptions: of(nil), method: "GET", path: "/v1/sessions?offset=-1", headers: []string{alice}, status: 400,
			contains: append(errorBody(chat.CodeInvalidValue), `"param":"offset"`)},
		{name: "show", setOptions: of(nil), method: "GET", path: one, headers: []string{alice}, status: 200, contains: []string{session}},
		{name: "show another's", setOptions: of(nil), method: "GET", path: one, headers: []string{bobKey}, status: 404, contains: errorBody(chat.CodeSessionNotFound)},
		{name: "show what is no id", setOptions: of(nil), method: "GET", path: "/v1/sessions/ses_1", headers: []string{alice}, status: 404,
			contains: append(errorBody(chat.CodeSessionNotFound), `"param":"id"`)},
		{name: "messages", setOptions: of(nil), method: "GET", path: one + "/messages", headers: []string{alice}, status: 200,
			contains: []string{`{"object":"list","data":[{"role":"user","content":"Hi","record":5,"created":1700000000},` +
				`{"role":"assistant","content":"Hello <b>","record":5,"created":1700000000}],"page":1,"pages":2,"has_more":true}`}},
		{name: "another's messages", setOptions: of(nil), method: "GET", path: one + "/messages", headers: []string{bobKey}, status: 404, contains: errorBody(chat.CodeSessionNotFound)},
		{name: "messages of what is no id", setOptions: of(nil), method: "GET", path: "/v1/sessions/ses_1/messages", headers: []string{alice}, status: 404,
			contains: append(errorBody(chat.CodeSessionNotFound), `"param":"id"`)},
		{name: "messages of a wrong page", setOptions: of(nil), method: "GET", path: one + "/messages?page=0", headers: []string{alice}, status: 400,
			contains: append(errorBody(chat.CodeInvalidValue), `"param":"page"`)},
		{name: "create", setOptions: of(nil), method: "POST", path: "/v1/sessions", headers: []string{bobKey}, body: `{"model":"model-1"}`, status: 200,
			header: map[string]string{"X-Session-Id": "4712"}, contains: []string{`"id":4712`, `"owner":"bob"`}},
		{name: "create without a model", setOptions: of(nil), method: "POST", path: "/v1/sessions", headers: []string{bobKey}, body: `{}`, status: 400,
			contains: append(errorBody(chat.CodeMissingParameter), `"param":"model"`)},
		{name: "create as the admin", setOptions: of(nil), method: "POST", path: "/v1/sessions", headers: []string{adminKey}, body: `{"model":"model-1"}`, status: 401,
			contains: errorBody(chat.CodeInvalidAPIKey)},
		{name: "delete", setOptions: of(nil), method: "DELETE", path: one, headers: []string{alice}, status: 200,
			contains: []string{`{"id":4711,"object":"session.deleted","deleted":true}`}},
		{name: "delete what is no id", setOptions: of(nil), method: "DELETE", path: "/v1/sessions/ses_1", headers: []string{alice}, status: 404,
			contains: append(errorBody(chat.CodeSessionNotFound), `"param":"id"`)},
		{name: "delete another's", setOptions: of(nil), method: "DELETE", path: one, headers: []string{bobKey}, status: 404, contains: errorBody(chat.CodeSessionNotFound)},
		{name: "other methods", setOptions: of(nil), method: "PATCH", path: one, headers: []string{alice}, status: 405,
			header: map[string]string{"Allow": "GET, HEAD, DELETE"}, contains: errorBody(chat.CodeMethodNotAllowed)},
		{name: "keyless on this machine", setOptions: keyless, method: "GET", path: one, status: 200, contains: []string{`"owner":"anonymous"`}},
		{name: "keyless on a network", setOptions: network, method: "GET", path: one, status: 401, contains: errorBody(chat.CodeMissingAPIKey)},
		{name: "keyless list on a network", setOptions: network, method: "GET", path: "/v1/sessions", status: 401, contains: errorBody(chat.CodeMissingAPIKey)},
		{name: "keyless on a network, the admin", setOptions: network, method: "GET", path: one, headers: []string{adminKey}, status: 200, contains: []string{`"id":4711`}},
	})
}

// The headers that mark a repeated request reach the gateway.
func TestMarksOfRepetition(t *testing.T) {
	s, f, _ := newTestServer(hello)
	s.SetReady()
	serve(s, request("POST", "/v1/chat/completions", question, "Idempotency-Key: k-1", "X-Stainless-Retry-Count: 2"))
	if r := f.onlyRequest(t); r.IdempotencyKey != "k-1" || !r.Retried || r.Dialect != openai.DialectChat {
		t.Errorf("request = %+v, want the key k-1, Retried and the dialect %s", r, openai.DialectChat)
	}
	for _, header := range []string{"X-Stainless-Retry-Count: 0", "X-Stainless-Retry-Count: x", "X-Other: 1"} {
		s, f, _ := newTestServer(hello)
		serve(s, request("POST", "/v1/chat/completions", question, header))
		if r := f.onlyRequest(t); r.Retried {
			t.Errorf("Retried with %s = true, want false", header)
		}
	}
}
