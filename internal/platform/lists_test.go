package platform

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"

	"github.com/google/go-cmp/cmp"
)

func TestRecords(t *testing.T) {
	var got receivedRequest
	date := time.Date(2026, 1, 15, 2, 30, 0, 0, time.UTC)
	dated := func(reply http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", date.Format(http.TimeFormat))
			reply(w, r)
		}
	}
	c := startPlatform(t, recordRequest(&got, dated(replyData(`{"page":2,"size":10,"search":null,"asc":false,"total":12,"pages":"2","records":[`+
		`{"id":5000001,"created":"2026-01-15 10:20:30","updated":"2026-01-15 10:20:33","sessionId":7,"recordType":"message","userText":"hello \u003cb\u003e",`+
		`"aiText":"<think>x</think>Hi","promptTokens":205,"completionTokens":"4","useImages":null},{"id":4,"created":"soon","aiText":null}]}`))))
	page, err := c.Records(t.Context(), 7, 2)
	if err != nil || got.Line != "GET /api/chat/record/7?page=2" {
		t.Fatalf("Records = %v after the request %s, want nil after GET /api/chat/record/7?page=2", err, got.Line)
	}
	want := chat.RecordPage{Total: 12, Page: 2, Pages: 2, Date: date, Records: []chat.Record{{
		ID: 5000001, Created: time.Date(2026, 1, 15, 2, 20, 30, 0, time.UTC), UserText: "hello <b>", AIText: "<think>x</think>Hi", Reasoning: "x", Text: "Hi",
		Usage: chat.Usage{PromptTokens: 205, CompletionTokens: 4},
	}, {ID: 4}}}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Errorf("Records (-want +got):\n%s", diff)
	}
}

func TestRecordsLeniency(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       chat.RecordPage
	}{
		{"none", `{"page":1,"size":10,"total":0,"pages":0,"records":[]}`, chat.RecordPage{Page: 1}},
		{"null", `null`, chat.RecordPage{Page: 1}},
		{"null list", `{"total":0,"records":null}`, chat.RecordPage{Page: 1}},
		{"plain array", `[{"id":1,"userText":"a"}]`, chat.RecordPage{Page: 1, Pages: 1, Total: 1, Records: []chat.Record{{ID: 1, UserText: "a"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			page, err := startPlatform(t, replyData(tt.data)).Records(t.Context(), 7, 1)
			page.Date = time.Time{} // of the test's server
			if diff := cmp.Diff(tt.want, page); diff != "" || err != nil {
				t.Errorf("Records = %v (-want +got):\n%s", err, diff)
			}
		})
	}
	_, err := startPlatform(t, replyData(`"x"`)).Records(t.Context(), 7, 1)
	checkError(t, err, wantFailed)
}

func TestModels(t *testing.T) {
	a := chat.Model{ID: "a", Label: "A"}
	b := chat.Model{ID: "b", Label: "b"}
	for _, tt := range []struct {
		name, data string
		want       []chat.Model // nil for an error
	}{
		{"usual", `{"cm":1,"models":[{"label":"A","value":"a","attr":{"tag":"x","plugin":false}},{"label":"b","value":"b","attr":null}],"mcp":null}`, []chat.Model{a, b}},
		{"first of a value is kept", `{"models":[{"label":"A","value":"a"},{"label":"b","value":"b"},{"label":"other","value":"a"}]}`, []chat.Model{a, b}},
		{"chat models only", `{"models":[{"label":"A","value":"a","modelType":"chat"},{"value":"r","modelType":"realtime"},{"value":"s","attr":{"modelType":"realtime"}},{"value":"b","modelType":""}]}`, []chat.Model{a, b}},
		{"somewhere inside", `{"x":{"models":"no"},"ui":{"models":[{"label":"A","value":"a"}]},"z":{"deep":{"models":[{"value":"b"}]}}}`, []chat.Model{a}},
		{"odd entries", `{"models":[null,5,"x",{"label":"no value"},{"value":7},{"label":"A","value":"a","attr":"odd"}]}`, []chat.Model{a}},
		{"empty", `{"models":[]}`, []chat.Model{}},
		{"efforts", `{"models":[{"value":"b","reasoningEfforts":["low",null,"high"],"attr":{"reasoningEfforts":["high","max"]}},{"label":"A","value":"a","reasoningEfforts":null}]}`,
			[]chat.Model{{ID: "b", Label: "b", ReasoningEfforts: []string{"low", "high", "max"}}, a}},
		{"files of 2.14", `{"mFileCount":5,"mFileSize":"5","models":[{"value":"a","label":"A","attr":{"multimodal":true,"onlyImg":true}},
			{"value":"b","attr":{"multimodal":false,"onlyImg":true}},{"value":"a","attr":{"multimodal":true,"onlyImg":false}},
			{"value":"b","attr":{"multimodal":"true","onlyImg":1}}]}`,
			[]chat.Model{withFiles(a, chat.FilesAny, 5, 5<<20), withFiles(b, chat.FilesPictures, 5, 5<<20)}},
		{"files of 3.1", `{"mFileCount":8,"models":[{"value":"a","label":"A","attr":{"multimodal":true,"capabilities":{"imageInput":true,"anyFile":false}}},
			{"value":"b","attr":{"multimodal":true,"capabilities":{"imageInput":false,"anyFile":false}}}]}`,
			[]chat.Model{withFiles(a, chat.FilesPictures, 8, 0), withFiles(b, chat.FilesNone, 8, 0)}},
		{"null list", `{"models":null}`, nil},
		{"no list", `{"cm":1}`, nil},
		{"null", `null`, nil},
		{"too deep", strings.Repeat(`{"a":`, 20) + `{"models":[]}` + strings.Repeat("}", 20), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got receivedRequest
			models, err := startPlatform(t, recordRequest(&got, replyData(tt.data))).Models(t.Context())
			if got.Line != "GET /api/chat/tmpl" {
				t.Errorf("request = %s, want GET /api/chat/tmpl", got.Line)
			}
			if tt.want == nil {
				checkError(t, err, wantFailed)
				return
			}
			if diff := cmp.Diff(tt.want, models); diff != "" || err != nil {
				t.Errorf("Models = %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func withFiles(m chat.Model, files chat.FileSupport, maxFiles int, maxSize int64) chat.Model {
	m.Files, m.MaxFiles, m.MaxFileSize = files, maxFiles, maxSize
	return m
}

func TestParseToken(t *testing.T) {
	made := func(claims string) string {
		return "eyJh." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".secret"
	}
	for _, tt := range []struct {
		name, jwt string
		want      Token
		err       string
	}{
		{"usual", testToken, Token{42, time.Unix(1893456000, 0)}, ""},
		{"with its scheme", " Bearer " + testToken + "\n", Token{42, time.Unix(1893456000, 0)}, ""},
		{"numbers as strings", made(`{"userId":"7","exp":"1893456000"}`), Token{7, time.Unix(1893456000, 0)}, ""},
		{"no end", made(`{"userId":7,"exp":null}`), Token{UserID: 7}, ""},
		{"no user", made(`{"exp":1}`), Token{}, "userId"},
		{"empty", "", Token{}, "three parts"},
		{"two parts", "secret.secret", Token{}, "three parts"},
		{"no base64", "secret.se cret.secret", Token{}, "base64url"},
		{"no JSON", "secret.c2VjcmV0.secret", Token{}, "JSON"},
		{"no object", made(`5`), Token{}, "JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseToken(tt.jwt)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "secret") {
					t.Errorf("ParseToken = %v, want an error with %q and without a secret", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
				t.Errorf("ParseToken = %v (-want +got):\n%s", err, diff)
			}
		})
	}
	if got, err := ParseToken(strings.Replace(made(`{"userId":71,"exp":1}`), ".secret", "==.secret", 1)); err != nil || got.UserID != 71 {
		t.Errorf("ParseToken with padding = %+v, %v, want user 71", got, err)
	}
}
