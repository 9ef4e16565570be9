package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCreateSessionBytes(t *testing.T) {
	const settings = `"name":"新对话","model":"gpt-5.1-high","maxToken":0,"contextCount":10,"temperature":0,"presencePenalty":0,"frequencyPenalty":0,"prompt":"a \u003cpreset\u003e \u0026 more","topSort":0,"icon":"",`
	for _, tt := range []struct{ name, version, want string }{
		{"2.14", "", `{"code":0,"data":{"id":1000001,"created":"2026-01-15 10:20:30","updated":"2026-01-15 10:20:30","uid":42,` + settings + `"plugins":[],"mcp":[],"localPlugins":null,"useAppId":0},"msg":""}`},
		{"3.1", "3.1.2", `{"code":0,"data":{"id":1000001,"created":"2026-01-15 10:20:30","updated":"2026-01-15 10:20:30","uid":42,` + settings + `"plugins":[],"mcp":[],"webSearch":false,"localPlugins":null,"useAppId":0},"msg":""}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestPlatform(t, Options{Preset: new("a <preset> & more"), Version: tt.version})
			// The request sets only the model and the plugins.
			got := c.mustCall("POST /api/chat/session", `{"model":"gpt-5.1-high","plugins":[],"mcp":[],"prompt":"mine","contextCount":3,"temperature":1}`)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("created session (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateSessionDefaults(t *testing.T) {
	c := newTestPlatform(t, Options{})
	for _, body := range []string{"", "{}"} {
		c.mustCall("POST /api/chat/session", body)
	}
	c.mustCall("POST /api/chat/session", `{"model":"nobody-knows-it"}`)
	var models []string
	for _, x := range c.sim.Sessions() {
		models = append(models, x.Model)
		if x.Prompt != DefaultPreset {
			t.Errorf("prompt = %q, want the preset", x.Prompt)
		}
	}
	first := DefaultModels()[0].Value
	if diff := cmp.Diff([]string{first, first, "nobody-knows-it"}, models); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
}

// sessionObject returns a session of the list.
func (c *testPlatform) sessionObject(id int64) map[string]any {
	c.t.Helper()
	var list struct {
		Data struct{ Records []map[string]any }
	}
	decode(c.t, c.mustCall("GET /api/chat/session?page=1", ""), &list)
	for _, x := range list.Data.Records {
		if x["id"] == float64(id) {
			return x
		}
	}
	c.t.Fatalf("list = %v, want session %d in it", list.Data.Records, id)
	return nil
}

func (c *testPlatform) putSession(id int64, object map[string]any) (int, string) {
	c.t.Helper()
	body, err := json.Marshal(object)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.call(fmt.Sprintf("PUT /api/chat/session/%d", id), string(body))
}

func TestUpdateSession(t *testing.T) {
	c, id := newTestSession(t, Options{})
	object := c.sessionObject(id)
	object["prompt"], object["temperature"], object["contextCount"], object["maxToken"] = "be brief", 0.7, 20, 99
	object["uid"], object["created"] = 7, "1999-01-01 00:00:00" // the server ignores these
	object["unknown"] = "ignored"
	if status, text := c.putSession(id, object); status != http.StatusOK {
		t.Fatalf("PUT = HTTP %d %s, want HTTP 200", status, text)
	}
	want := Settings{Name: newSessionName, Model: "gpt-5.1-high", Prompt: "be brief", Temperature: 0.7, ContextCount: 20, MaxToken: 99}
	got, _ := c.sim.Session(id)
	if diff := cmp.Diff(want, got.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if got.UserID != DefaultUser || got.Created != formatTime(start) {
		t.Errorf("owner = %d, created = %q; want both unchanged", got.UserID, got.Created)
	}
}

func TestUpdateSessionClampsContextCount(t *testing.T) {
	c, id := newTestSession(t, Options{})
	for _, tt := range []struct{ ask, get int }{{0, 0}, {65, 65}, {66, 65}, {65536, 65}, {-1, 0}} {
		object := c.sessionObject(id)
		object["contextCount"] = tt.ask
		_, text := c.putSession(id, object)
		if want := fmt.Sprintf(`"contextCount":%d,`, tt.get); !strings.Contains(text, want) {
			t.Errorf("PUT of contextCount %d = %s, want %s in it", tt.ask, text, want)
		}
	}
}

func TestUpdateSessionNeedsTheWholeObject(t *testing.T) {
	for _, version := range []string{"2.14.0", "3.1.0"} {
		c, id := newTestSession(t, Options{Version: version})
		whole := c.sessionObject(id)
		for key := range whole {
			object := c.sessionObject(id)
			delete(object, key)
			want := http.StatusBadRequest
			if slices.Contains([]string{"created", "updated", "uid"}, key) {
				want = http.StatusOK
			}
			if status, text := c.putSession(id, object); status != want {
				t.Errorf("%s: PUT without %s = HTTP %d %s, want HTTP %d", version, key, status, text, want)
			}
		}
	}
}

func TestUpdateSessionRefusals(t *testing.T) {
	c, id := newTestSession(t, Options{})
	before, _ := c.sim.Session(id)
	for _, tt := range []struct {
		name   string
		change func(map[string]any)
		path   int64
		status int
	}{
		{"wrong type", func(o map[string]any) { o["temperature"] = "hot" }, id, http.StatusBadRequest},
		{"fraction of a token", func(o map[string]any) { o["maxToken"] = 1.5 }, id, http.StatusBadRequest},
		{"another id", func(o map[string]any) { o["id"] = id + 1 }, id, http.StatusBadRequest},
		{"unknown session", func(map[string]any) {}, id + 5, http.StatusOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			object := c.sessionObject(id)
			tt.change(object)
			status, text := c.putSession(tt.path, object)
			if status != tt.status || strings.HasPrefix(text, `{"code":0,`) {
				t.Errorf("PUT = HTTP %d %s, want HTTP %d and a failure", status, text, tt.status)
			}
			if after, _ := c.sim.Session(id); !cmp.Equal(before, after) {
				t.Errorf("session after the PUT (-want before +got after):\n%s", cmp.Diff(before, after))
			}
		})
	}
	if status, _ := c.call("PUT /api/chat/session/abc", "{}"); status != http.StatusBadRequest {
		t.Errorf("PUT of id abc = HTTP %d, want HTTP 400", status)
	}
}

func TestListSessions(t *testing.T) {
	c := newTestPlatform(t, Options{})
	if got, want := c.mustCall("GET /api/chat/session?page=1", ""),
		`{"code":0,"data":{"page":1,"size":30,"search":null,"asc":false,"total":0,"pages":0,"records":[]},"msg":""}`; got != want {
		t.Errorf("empty list = %s\nwant %s", got, want)
	}
	var made []int64
	for range 65 {
		made = append(made, c.createSession("gpt-5.1-high"))
	}
	slices.Reverse(made)
	c.sim.Edit(made[3], func(s *Settings) { s.Name = "my trip" })
	for _, tt := range []struct {
		query  string
		want   []int64
		search any
		total  float64
		pages  float64
	}{
		{"page=1", made[:30], nil, 65, 3},
		{"page=1&size=50", made[:30], nil, 65, 3},
		{"page=2", made[30:60], nil, 65, 3},
		{"page=3", made[60:], nil, 65, 3},
		{"page=4", nil, nil, 65, 3},
		{"page=x", made[:30], nil, 65, 3},
		{"page=1&search=trip", made[3:4], "trip", 1, 1},
		{"page=1&search=nothing", nil, "nothing", 0, 0},
	} {
		t.Run(tt.query, func(t *testing.T) {
			var list struct{ Data map[string]any }
			decode(t, c.mustCall("GET /api/chat/session?"+tt.query, ""), &list)
			if diff := cmp.Diff(tt.want, idsIn(list.Data["records"])); diff != "" {
				t.Errorf("sessions (-want +got):\n%s", diff)
			}
			if list.Data["search"] != tt.search || list.Data["total"] != tt.total || list.Data["pages"] != tt.pages {
				t.Errorf("search, total, pages = %v, %v, %v; want %v, %v, %v", list.Data["search"], list.Data["total"],
					list.Data["pages"], tt.search, tt.total, tt.pages)
			}
		})
	}
	var plain struct{ Data any }
	decode(t, c.mustCall("GET /api/chat/session", ""), &plain)
	if diff := cmp.Diff(made, idsIn(plain.Data)); diff != "" {
		t.Errorf("sessions of the plain list (-want +got):\n%s", diff)
	}
}

func idsIn(list any) (ids []int64) {
	for _, x := range list.([]any) {
		ids = append(ids, int64(x.(map[string]any)["id"].(float64)))
	}
	return ids
}

func TestDeleteSessions(t *testing.T) {
	c := newTestPlatform(t, Options{})
	a, b, d, e := c.createSession("x"), c.createSession("x"), c.createSession("x"), c.createSession("x")
	if got := c.mustCall(fmt.Sprintf("DELETE /api/chat/session/%d", b), ""); got != `{"code":0,"data":null,"msg":""}` {
		t.Errorf("DELETE = %s, want no data", got)
	}
	if _, got := c.call(fmt.Sprintf("DELETE /api/chat/session/%d", b), ""); got != `{"code":1,"data":null,"msg":"对话不存在"}` {
		t.Errorf("second DELETE = %s, want an unknown session", got)
	}
	c.mustCall(fmt.Sprintf("DELETE /api/chat/session/batch?ids[]=%d&ids[]=77&ids[]=%d", a, d), "")
	if diff := cmp.Diff([]int64{b, a, d}, c.sim.Deleted()); diff != "" {
		t.Errorf("deleted ids (-want +got):\n%s", diff)
	}
	if left := c.sim.Sessions(); len(left) != 1 || left[0].ID != e {
		t.Errorf("sessions left = %v, want %d", left, e)
	}
	if !strings.Contains(c.ask(b, "hello"), `"code":1,"err":"对话不存在"`) {
		t.Error("deleted session has answered, want an error frame")
	}
}

func TestSessionsBelongToUsers(t *testing.T) {
	c := newTestPlatform(t, Options{Tokens: map[string]int64{"ada": 1, "bob": 2}})
	c.token = "ada"
	id := c.createSession("gpt-5.1-high")
	object := c.sessionObject(id)
	c.token = "bob"
	if got := c.mustCall("GET /api/chat/session?page=1", ""); !strings.Contains(got, `"total":0`) {
		t.Errorf("list of another user = %s, want none", got)
	}
	if !strings.Contains(c.ask(id, "hello"), "对话不存在") {
		t.Error("session of another user has answered, want an error frame")
	}
	if _, text := c.putSession(id, object); !strings.Contains(text, "对话不存在") {
		t.Errorf("PUT of another user = %s, want an unknown session", text)
	}
	for _, route := range []string{"DELETE /api/chat/session/%d", "GET /api/chat/record/%d?page=1", "DELETE /api/chat/record/%d"} {
		if _, text := c.call(fmt.Sprintf(route, id), ""); !strings.Contains(text, "对话不存在") {
			t.Errorf("%s of another user = %s, want an unknown session", route, text)
		}
	}
	if _, ok := c.sim.Session(id); !ok {
		t.Error("session does not exist anymore, want it kept")
	}
}
