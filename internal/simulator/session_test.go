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
			c := newSite(t, Options{Preset: new("a <preset> & more"), Version: tt.version})
			// What is no setting of a new session is ignored.
			got := c.ok("POST /api/chat/session", `{"model":"gpt-5.1-high","plugins":[],"mcp":[],"prompt":"mine","contextCount":3,"temperature":1}`)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCreateSessionDefaults(t *testing.T) {
	c := newSite(t, Options{})
	for _, body := range []string{"", "{}"} {
		c.ok("POST /api/chat/session", body)
	}
	c.ok("POST /api/chat/session", `{"model":"nobody-knows-it"}`)
	var models []string
	for _, x := range c.sim.Sessions() {
		models = append(models, x.Model)
		if x.Prompt != DefaultPreset {
			t.Errorf("prompt %q, want the preset", x.Prompt)
		}
	}
	first := DefaultModels()[0].Value
	if diff := cmp.Diff([]string{first, first, "nobody-knows-it"}, models); diff != "" {
		t.Error(diff)
	}
}

// object returns a session as the list shows it.
func (c *site) object(id int64) map[string]any {
	c.t.Helper()
	var list struct {
		Data struct{ Records []map[string]any }
	}
	decode(c.t, c.ok("GET /api/chat/session?page=1", ""), &list)
	for _, x := range list.Data.Records {
		if x["id"] == float64(id) {
			return x
		}
	}
	c.t.Fatalf("no session %d", id)
	return nil
}

func (c *site) put(id int64, object map[string]any) (int, string) {
	c.t.Helper()
	body, err := json.Marshal(object)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.call(fmt.Sprintf("PUT /api/chat/session/%d", id), string(body))
}

func TestUpdateSession(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
	object := c.object(id)
	object["prompt"], object["temperature"], object["contextCount"], object["maxToken"] = "be brief", 0.7, 20, 99
	object["uid"], object["created"] = 7, "1999-01-01 00:00:00" // the server's own
	object["unknown"] = "ignored"
	if status, text := c.put(id, object); status != http.StatusOK {
		t.Fatalf("HTTP %d %s", status, text)
	}
	want := Settings{Name: newName, Model: "gpt-5.1-high", Prompt: "be brief", Temperature: 0.7, ContextCount: 20, MaxToken: 99}
	got, _ := c.sim.Session(id)
	if diff := cmp.Diff(want, got.Settings); diff != "" {
		t.Error(diff)
	}
	if got.UserID != DefaultUser || got.Created != stamp(start) {
		t.Errorf("owner %d, created %q were changed", got.UserID, got.Created)
	}
}

func TestUpdateSessionClampsContextCount(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
	for _, tt := range []struct{ ask, get int }{{0, 0}, {65, 65}, {66, 65}, {65536, 65}, {-1, 0}} {
		object := c.object(id)
		object["contextCount"] = tt.ask
		_, text := c.put(id, object)
		if want := fmt.Sprintf(`"contextCount":%d,`, tt.get); !strings.Contains(text, want) {
			t.Errorf("contextCount %d: %s, want %s", tt.ask, text, want)
		}
	}
}

func TestUpdateSessionNeedsTheWholeObject(t *testing.T) {
	for _, version := range []string{"2.14.0", "3.1.0"} {
		c := newSite(t, Options{Version: version})
		id := c.session("gpt-5.1-high")
		whole := c.object(id)
		for key := range whole {
			object := c.object(id)
			delete(object, key)
			want := http.StatusBadRequest
			if slices.Contains([]string{"created", "updated", "uid"}, key) {
				want = http.StatusOK
			}
			if status, text := c.put(id, object); status != want {
				t.Errorf("%s without %s: HTTP %d %s, want %d", version, key, status, text, want)
			}
		}
	}
}

func TestUpdateSessionRefusals(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
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
			object := c.object(id)
			tt.change(object)
			status, text := c.put(tt.path, object)
			if status != tt.status || strings.HasPrefix(text, `{"code":0,`) {
				t.Errorf("HTTP %d %s", status, text)
			}
			if after, _ := c.sim.Session(id); !cmp.Equal(before, after) {
				t.Error(cmp.Diff(before, after))
			}
		})
	}
	if status, _ := c.call("PUT /api/chat/session/abc", "{}"); status != http.StatusBadRequest {
		t.Errorf("an id that is no number: HTTP %d", status)
	}
}

func TestListSessions(t *testing.T) {
	c := newSite(t, Options{})
	if got, want := c.ok("GET /api/chat/session?page=1", ""),
		`{"code":0,"data":{"page":1,"size":30,"search":null,"asc":false,"total":0,"pages":0,"records":[]},"msg":""}`; got != want {
		t.Errorf("empty list\n got %s\nwant %s", got, want)
	}
	var made []int64
	for range 65 {
		made = append(made, c.session("gpt-5.1-high"))
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
			decode(t, c.ok("GET /api/chat/session?"+tt.query, ""), &list)
			if diff := cmp.Diff(tt.want, idsIn(list.Data["records"])); diff != "" {
				t.Error(diff)
			}
			if list.Data["search"] != tt.search || list.Data["total"] != tt.total || list.Data["pages"] != tt.pages {
				t.Errorf("wrapper %v", list.Data)
			}
		})
	}
	var plain struct{ Data any }
	decode(t, c.ok("GET /api/chat/session", ""), &plain)
	if diff := cmp.Diff(made, idsIn(plain.Data)); diff != "" {
		t.Error(diff)
	}
}

func idsIn(list any) (ids []int64) {
	for _, x := range list.([]any) {
		ids = append(ids, int64(x.(map[string]any)["id"].(float64)))
	}
	return ids
}

func TestDeleteSessions(t *testing.T) {
	c := newSite(t, Options{})
	a, b, d, e := c.session("x"), c.session("x"), c.session("x"), c.session("x")
	if got := c.ok(fmt.Sprintf("DELETE /api/chat/session/%d", b), ""); got != `{"code":0,"data":null,"msg":""}` {
		t.Error(got)
	}
	if _, got := c.call(fmt.Sprintf("DELETE /api/chat/session/%d", b), ""); got != `{"code":1,"data":null,"msg":"对话不存在"}` {
		t.Errorf("the second time: %s", got)
	}
	c.ok(fmt.Sprintf("DELETE /api/chat/session/batch?ids[]=%d&ids[]=77&ids[]=%d", a, d), "")
	if diff := cmp.Diff([]int64{b, a, d}, c.sim.Deleted()); diff != "" {
		t.Error(diff)
	}
	if left := c.sim.Sessions(); len(left) != 1 || left[0].ID != e {
		t.Errorf("left: %v", left)
	}
	if !strings.Contains(c.ask(b, "hello"), `"code":1,"err":"对话不存在"`) {
		t.Error("a deleted session answers")
	}
}

func TestSessionsBelongToUsers(t *testing.T) {
	c := newSite(t, Options{Tokens: map[string]int64{"ada": 1, "bob": 2}})
	c.token = "ada"
	id := c.session("gpt-5.1-high")
	object := c.object(id)
	c.token = "bob"
	if got := c.ok("GET /api/chat/session?page=1", ""); !strings.Contains(got, `"total":0`) {
		t.Errorf("list: %s", got)
	}
	if !strings.Contains(c.ask(id, "hello"), "对话不存在") {
		t.Error("another user's session answers")
	}
	if _, text := c.put(id, object); !strings.Contains(text, "对话不存在") {
		t.Errorf("PUT: %s", text)
	}
	for _, route := range []string{"DELETE /api/chat/session/%d", "GET /api/chat/record/%d?page=1", "DELETE /api/chat/record/%d"} {
		if _, text := c.call(fmt.Sprintf(route, id), ""); !strings.Contains(text, "对话不存在") {
			t.Errorf("%s: %s", route, text)
		}
	}
	if _, ok := c.sim.Session(id); !ok {
		t.Error("the session is gone")
	}
}
