package platform

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"achuan/internal/chat"

	"github.com/google/go-cmp/cmp"
)

// capturedSession is a session object of version 2.14 with a key of a later version.
const capturedSession = `{"id":1000001,"created":"2026-01-15 10:20:29","updated":"2026-01-15 10:20:29","uid":42,"name":"新对话 \u003cb\u003e","model":"demo-large",` +
	`"maxToken":0,"contextCount":10,"temperature":0.0,"presencePenalty":0,"frequencyPenalty":0,"prompt":"","topSort":0,"icon":"",` +
	`"plugins":[],"mcp":[],"localPlugins":null,"useAppId":0, "later" : {"model":"x","big":12345678901234567890.10} }`

func TestCreateSession(t *testing.T) {
	var got receivedRequest
	c := startPlatform(t, recordRequest(&got, replyData(capturedSession)))
	s, err := c.CreateSession(t.Context(), "demo-large")
	if err != nil {
		t.Fatal(err)
	}
	if got.Line != "POST /api/chat/session" || got.Body != `{"model":"demo-large","plugins":[],"mcp":[]}` || got.Header.Get("Authorization") != testToken {
		t.Errorf("request = %+v, want a POST of the model with the account's token", got)
	}
	want := chat.Session{ID: 1000001, Settings: chat.Settings{Model: "demo-large", ContextCount: 10}, Object: []byte(capturedSession)}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("CreateSession (-want +got):\n%s", diff)
	}
}

func TestSessionLeniency(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       chat.Settings
		ok         bool
	}{
		{"numbers as strings", `{"id":"7","model":"m","maxToken":"100","contextCount":"20","temperature":"0.7","presencePenalty":"-1"}`,
			chat.Settings{Model: "m", MaxTokens: 100, ContextCount: 20, Temperature: 0.7, PresencePenalty: -1}, true},
		{"nulls", `{"id":7,"model":null,"maxToken":null,"contextCount":null,"temperature":null,"prompt":null}`, chat.Settings{}, true},
		{"other kinds", `{"id":7.0,"model":{},"maxToken":[],"contextCount":"x","temperature":true,"prompt":5}`, chat.Settings{}, true},
		{"id alone", `{"id":7}`, chat.Settings{}, true},
		{"no id", `{"model":"m"}`, chat.Settings{}, false},
		{"id of nothing", `{"id":0}`, chat.Settings{}, false},
		{"null", `null`, chat.Settings{}, false},
		{"list", `[{"id":7}]`, chat.Settings{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := startPlatform(t, replyData(tt.data)).CreateSession(t.Context(), "m")
			if !tt.ok {
				checkError(t, err, wantFailed)
				return
			}
			if diff := cmp.Diff(chat.Session{ID: 7, Settings: tt.want, Object: []byte(tt.data)}, s); diff != "" || err != nil {
				t.Errorf("CreateSession = %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestOverlaySettings(t *testing.T) {
	same := chat.Settings{Model: "demo-large", ContextCount: 10}
	for _, tt := range []struct {
		name, object string
		change       func(*chat.Settings)
		want         string
	}{
		{"nothing changes", capturedSession, func(*chat.Settings) {}, capturedSession},
		{"all change", capturedSession, func(s *chat.Settings) {
			*s = chat.Settings{Model: "m<1>", Prompt: "你 \"be\" <good>\n", Temperature: 0.7, PresencePenalty: -2, FrequencyPenalty: 1e-7, MaxTokens: 100, ContextCount: 65}
		}, strings.NewReplacer(`"model":"demo-large"`, `"model":"m<1>"`, `"maxToken":0`, `"maxToken":100`, `"contextCount":10`, `"contextCount":65`,
			`"temperature":0.0`, `"temperature":0.7`, `"presencePenalty":0`, `"presencePenalty":-2`, `"frequencyPenalty":0`, `"frequencyPenalty":1e-7`,
			`"prompt":""`, `"prompt":"你 \"be\" <good>\n"`).Replace(capturedSession)},
		{"missing keys are added", `{"id":7,"model":"demo-large" , "contextCount": "10" }  `, func(s *chat.Settings) { s.Prompt, s.MaxTokens = "p", 5 },
			`{"id":7,"model":"demo-large" , "contextCount": "10" ,"prompt":"p","maxToken":5}  `},
		{"null becomes a value", `{"prompt":null,"id":7,"model":"demo-large","contextCount":10}`, func(s *chat.Settings) { s.Prompt = "p" },
			`{"prompt":"p","id":7,"model":"demo-large","contextCount":10}`},
		{"a value becomes none", `{"prompt":"old","id":7,"model":"demo-large","contextCount":10}`, func(*chat.Settings) {},
			`{"prompt":"","id":7,"model":"demo-large","contextCount":10}`},
		{"twice the same key", `{"id":7,"model":"a","model":"b","contextCount":10}`, func(*chat.Settings) {},
			`{"id":7,"model":"demo-large","model":"demo-large","contextCount":10}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := same
			tt.change(&want)
			got, err := overlaySettings([]byte(tt.object), want, "")
			if diff := cmp.Diff(tt.want, string(got)); diff != "" || err != nil {
				t.Errorf("overlaySettings = %v (-want +got):\n%s", err, diff)
			}
		})
	}
	for _, object := range []string{"", "null", "[]", `{"id":0}`, `{"id":7`, `{"id":7}}`} {
		if got, err := overlaySettings([]byte(object), same, ""); err == nil {
			t.Errorf("overlaySettings(%q) = %q, want an error", object, got)
		}
	}
}

// FuzzOverlaySettings changes any object and checks that it then has the settings and no other
// change.
func FuzzOverlaySettings(f *testing.F) {
	f.Add([]byte(capturedSession), "m", 0.5, 7)
	f.Add([]byte(`{"id":"7","Model":1,"model":"\u006d","x":{"model":2}}`), "", 1.0, 0)
	f.Fuzz(func(t *testing.T, object []byte, model string, temperature float64, tokens int) {
		want := chat.Settings{Model: model, Temperature: temperature, MaxTokens: max(0, min(tokens, 1<<31-1))}
		out, err := overlaySettings(object, want, "")
		if err != nil {
			return
		}
		var before, after map[string]json.RawMessage
		if json.Unmarshal(object, &before) != nil || json.Unmarshal(out, &after) != nil {
			t.Fatalf("overlaySettings(%q) = %q, want a JSON object", object, out)
		}
		odd := false // a key that only nearly is a setting's
		for key, value := range before {
			exact := slices.Contains(settingKeys, key)
			isKey := func(k string) bool { return strings.EqualFold(k, key) }
			odd = odd || !exact && slices.ContainsFunc(settingKeys, isKey)
			if !exact && string(after[key]) != string(value) {
				t.Errorf("%s: %q became %q, want no change", key, value, after[key])
			}
		}
		got, err := parseSession(out)
		if err != nil || !odd && utf8.ValidString(model) && got.Settings != want {
			t.Errorf("overlaySettings(%q) = %q with settings %+v, %v, want settings %+v", object, out, got.Settings, err, want)
		}
	})
}

var settingKeys = []string{"model", "prompt", "temperature", "presencePenalty", "frequencyPenalty", "maxToken", "contextCount"}

func TestUpdateSession(t *testing.T) {
	asked := chat.Settings{Model: "m", Prompt: "be good\r\n", Temperature: 0.7, PresencePenalty: 0.1, FrequencyPenalty: -0.3, MaxTokens: 9, ContextCount: 65}
	stored := func(change string) string {
		out, err := overlaySettings([]byte(capturedSession), asked, "")
		if err != nil {
			t.Fatal(err)
		}
		old, value, _ := strings.Cut(change, " -> ")
		if !strings.Contains(string(out), old) {
			t.Fatalf("overlaySettings(capturedSession) = %s, want %s in it", out, old)
		}
		return strings.Replace(string(out), old, value, 1)
	}
	for _, tt := range []struct {
		name    string
		replies []string // data of each
		want    string   // the object in force; "" for an error
		count   int      // contextCount in force
	}{
		{"stuck", []string{stored(" -> ")}, stored(" -> "), 65},
		{"context clamped", []string{stored(`"contextCount":65 -> "contextCount":30`)}, stored(`"contextCount":65 -> "contextCount":30`), 30},
		{"32-bit number", []string{stored(`0.7 -> 0.699999988079071`)}, stored(`0.7 -> 0.699999988079071`), 65},
		{"prompt trimmed", []string{stored(`"be good\r\n" -> "be good"`)}, stored(`"be good\r\n" -> "be good"`), 65},
		{"stuck the second time", []string{capturedSession, stored(" -> ")}, stored(" -> "), 65},
		{"reply without the session", []string{`null`, stored(" -> ")}, stored(" -> "), 65},
		{"another session", []string{stored(`"id":1000001 -> "id":2`), stored(" -> ")}, stored(" -> "), 65},
		{"never stuck", []string{capturedSession, capturedSession}, "", 0},
		{"prompt did not", []string{stored(`be good -> be bad`), stored(`be good -> be bad`)}, "", 0},
		{"temperature did not", []string{stored(`0.7 -> 0.69`), stored(`0.7 -> 0.69`)}, "", 0},
		{"penalty did not", []string{stored(`-0.3 -> 0`), stored(`-0.3 -> 0`)}, "", 0},
		{"limit did not", []string{stored(`"maxToken":9 -> "maxToken":0`), stored(`"maxToken":9 -> "maxToken":0`)}, "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var lines, bodies []string
			c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				lines, bodies = append(lines, r.Method+" "+r.RequestURI), append(bodies, string(body))
				replyData(tt.replies[min(len(lines), len(tt.replies))-1])(w, r)
			})
			s := chat.Session{ID: 1000001, Settings: asked, Object: []byte(capturedSession), Fresh: true}
			got, err := c.UpdateSession(t.Context(), s)
			for i := range max(len(lines), len(tt.replies)) {
				if i >= len(lines) || i >= len(tt.replies) || lines[i] != "PUT /api/chat/session/1000001" || bodies[i] != stored(" -> ") {
					t.Fatalf("requests = %q with bodies %q, want %d times PUT with %s", lines, bodies, len(tt.replies), stored(" -> "))
				}
			}
			if tt.want == "" {
				checkError(t, err, wantFailed)
				return
			}
			want := chat.Session{ID: 1000001, Settings: asked, Object: []byte(tt.want), Fresh: true}
			want.ContextCount = tt.count
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("UpdateSession = %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestUpdateSessionErrors(t *testing.T) {
	s := chat.Session{ID: 7, Object: []byte(`{"id":7}`)}
	lost := wantLost
	lost.NotAsked = true
	_, err := startPlatform(t, replyWith(200, jsonType, `{"code":1,"data":null,"msg":"对话不存在"}`)).UpdateSession(t.Context(), s)
	checkError(t, err, lost)
	c := startPlatform(t, func(http.ResponseWriter, *http.Request) { t.Error("UpdateSession sent a request, want none") })
	_, err = c.UpdateSession(t.Context(), chat.Session{ID: 7, Fresh: true})
	checkError(t, err, chat.Error{Kind: chat.KindInternal, Code: chat.CodeInternal})
}

func TestFindSession(t *testing.T) {
	page := func(pages int, ids ...int) string {
		var records []string
		for _, id := range ids {
			records = append(records, fmt.Sprintf(`{"id":%d,"model":"m%d","extra":[1.0]}`, id, id))
		}
		return fmt.Sprintf(`{"page":1,"size":30,"search":null,"asc":false,"total":9,"pages":%d,"records":[%s]}`, pages, strings.Join(records, ","))
	}
	for _, tt := range []struct {
		name    string
		pages   []string
		found   bool
		fetched int
	}{
		{"first page", []string{page(3, 9, 7)}, true, 1},
		{"third page", []string{page(3, 9), page(3, 8), page(3, 7)}, true, 3},
		{"nowhere", []string{page(2, 9), page(2, 8)}, false, 3},
		{"no sessions", []string{page(0)}, false, 1},
		{"pages unknown", []string{page(0, 9), page(0, 7)}, true, 2},
		{"pages unknown, nowhere", []string{page(0, 9), page(0)}, false, 3},
		{"nothing counted beyond the last page", []string{page(0, 9), `{"total":0,"records":[]}`}, false, 3},
		{"records null", []string{`{"total":"0","records":null}`}, false, 1},
		{"data null", []string{`null`}, false, 1},
		{"plain array", []string{`[{"id":9},{"id":"7","model":"m7","extra":[1.0]}]`}, true, 1},
		{"plain array, nowhere", []string{`[{"id":9}]`}, false, 1},
		{"odd entries", []string{`{"pages":1,"records":[null,5,"x",{"id":7,"model":"m7","extra":[1.0]}]}`}, true, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fetched := 0
			c := startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
				// After the last page the first is read again.
				page := fetched%len(tt.pages) + 1
				if fetched++; r.RequestURI != fmt.Sprintf("/api/chat/session?page=%d", page) {
					t.Errorf("request = %s as call %d, want the pages in order", r.RequestURI, fetched)
				}
				replyData(tt.pages[page-1])(w, r)
			})
			s, err := c.FindSession(t.Context(), 7)
			if fetched != tt.fetched {
				t.Errorf("FindSession read %d pages, want %d", fetched, tt.fetched)
			}
			if !tt.found {
				checkError(t, err, wantLost)
				return
			}
			if err != nil || s.ID != 7 || s.Model != "m7" || !s.Fresh || !strings.HasSuffix(string(s.Object), `,"model":"m7","extra":[1.0]}`) {
				t.Errorf("FindSession = %+v, %v, want session 7", s, err)
			}
		})
	}
}

func TestDeleteSession(t *testing.T) {
	var got receivedRequest
	c := startPlatform(t, recordRequest(&got, replyData(`null`)))
	if err := c.DeleteSession(t.Context(), 7); err != nil || got.Line != "DELETE /api/chat/session/7" || got.Body != "" {
		t.Errorf("DeleteSession = %v after the request %+v, want nil after DELETE /api/chat/session/7", err, got)
	}
	lost := wantLost
	lost.NotAsked = true
	checkError(t, startPlatform(t, replyWith(200, jsonType, `{"code":1,"data":null,"msg":"对话不存在"}`)).DeleteSession(t.Context(), 7), lost)
}

func TestReplyTooLong(t *testing.T) {
	c := startPlatform(t, replyData(`"`+strings.Repeat("a", maxCallReply)+`"`))
	checkError(t, c.DeleteSession(t.Context(), 7), wantFailed)
	c = startPlatform(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		replyWith(200, jsonType, `{"code":0`)(w, r)
	})
	checkError(t, c.DeleteSession(t.Context(), 7), chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendTruncated})
}
