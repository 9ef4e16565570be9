package httpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// otherDialect has errors of another shape and refuses every body.
type otherDialect struct{}

func (otherDialect) Decode(*http.Request, []byte) (dialect.Decoded, error) {
	return nil, chat.Invalid(chat.CodeInvalidValue, "x", "no")
}

func (otherDialect) AppendError(dst []byte, e *chat.Error, _ dialect.Client) ([]byte, int) {
	return append(append(dst, "other "...), e.Code...), http.StatusTeapot
}

// Errors have the shape of the dialect of their route, also those of the middleware that
// runs before the mux has found the route. Other routes keep OpenAI's.
func TestErrorsHaveTheShapeOfTheirDialect(t *testing.T) {
	s, _, _ := newTestServer(nil, withKeys, func(o *Options) { o.MaxBody = 1 << 10 })
	routes := newRouteTable()
	routes.addDialect(s, "/v1/other", otherDialect{})
	routes.add(s.api, "GET /v1/models", s.listModels)
	panics := func(http.ResponseWriter, *http.Request) error { panic("oh my") }
	routes.dialects["/v1/panics"] = otherDialect{}
	routes.add(s.api, "POST /v1/panics", panics)
	routes.addFallback(s.api, "/v1/", notFound)
	h := chain(routes.mux(), s.requestID, s.accessLog(routes.dialectOf), s.recoverPanic, s.limitBody)
	key := "Authorization: " + aliceKey
	for _, tt := range []struct {
		name   string
		give   *http.Request
		status int
		body   string // prefix
	}{
		{"decoder", request("POST", "/v1/other", "{}", key), http.StatusTeapot, "other invalid_value"},
		{"authentication", request("POST", "/v1/other", "{}"), http.StatusTeapot, "other missing_api_key"},
		{"size", request("POST", "/v1/other", strings.Repeat(" ", 2<<10), key), http.StatusTeapot, "other request_too_large"},
		{"longer path", request("POST", "/v1/other/x", "{}", key), http.StatusTeapot, "other not_found"},
		{"method", request("GET", "/v1/other", "", key), http.StatusTeapot, "other method_not_allowed"},
		{"panic", request("POST", "/v1/panics", "{}", key), http.StatusTeapot, "other internal_error"},
		{"route without a dialect", request("GET", "/v1/models", ""), http.StatusUnauthorized, `{"error":{`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, tt.give)
			if body := rec.Body.String(); rec.Code != tt.status || !strings.HasPrefix(body, tt.body) {
				t.Errorf("reply = %d %s, want %d %s", rec.Code, body, tt.status, tt.body)
			}
		})
	}
}

func TestStateOfARequestWithoutAccessLog(t *testing.T) {
	s, _, _ := newTestServer(nil)
	rec := httptest.NewRecorder()
	s.fail(rec, request("GET", "/", ""), errors.New("secret"))
	if body := rec.Body.String(); rec.Code != http.StatusInternalServerError || !strings.HasPrefix(body, `{"error":{`) {
		t.Errorf("reply = %d %s, want 500 in OpenAI's shape", rec.Code, body)
	}
}
