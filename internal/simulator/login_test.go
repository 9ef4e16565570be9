package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

const loginFirst = `{"code":2,"data":null,"msg":"请先登录"}`

func TestTokenCheck(t *testing.T) {
	good, old := NewToken(7, start, time.Hour), NewToken(7, start.Add(-2*time.Hour), time.Hour)
	for _, tt := range []struct {
		name, accepted, sent string
		isRefused            bool
	}{
		{"any", "", "whatever", false},
		{"any, absent", "", "", true},
		{"any, with Bearer", "", "Bearer whatever", true},
		{"any, with bearer", "", "bearer whatever", true},
		{"any, a good JWT", "", good, false},
		{"any, an expired JWT", "", old, true},
		{"one, itself", good, good, false},
		{"one, with Bearer", good, "Bearer " + good, true},
		{"one, another", good, NewToken(8, start, time.Hour), true},
		{"one, which is accepted though expired", old, old, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestPlatform(t, Options{Token: tt.accepted})
			c.token = tt.sent
			status, text := c.call("GET /api/chat/session?page=1", "")
			if status != http.StatusOK || (text == loginFirst) != tt.isRefused {
				t.Errorf("reply = HTTP %d %s, want refusal = %v", status, text, tt.isRefused)
			}
		})
	}
}

func TestUserComesFromTheToken(t *testing.T) {
	token := NewToken(7, start, time.Hour)
	c := newTestPlatform(t, Options{Token: token})
	c.token = token
	if !strings.Contains(c.mustCall("POST /api/chat/session", `{}`), `"uid":7,`) {
		t.Error("created session is not the token's user's, want uid 7")
	}
	if x, _ := c.sim.Session(c.sim.AddSession("m")); x.UserID != 7 {
		t.Errorf("user of AddSession = %d, want 7", x.UserID)
	}
}

func TestExpiredLogin(t *testing.T) {
	for _, tt := range []struct {
		name   string
		form   LoginForm
		status int
		body   string
	}{
		{"code 2", LoginCode2, 200, loginFirst},
		{"HTTP 401", LoginHTTP401, 401, `{"code":401,"data":null,"msg":"Unauthorized"}`},
		{"code 1001", LoginCode1001, 200, `{"code":1001,"data":null,"msg":"授权登陆已过期，请重新登陆"}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, id := newTestSession(t, Options{})
			c.sim.ExpireLogin(tt.form)
			for _, route := range []string{"GET /api/chat/tmpl", "POST /api/chat/session", "POST /api/chat/completions"} {
				if status, body := c.call(route, questionBody(id, "hi")); status != tt.status || body != tt.body {
					t.Errorf("%s = HTTP %d %s, want HTTP %d %s", route, status, body, tt.status, tt.body)
				}
			}
			if n := len(c.sim.Attempts()); n != 0 {
				t.Errorf("attempts = %d, want 0", n)
			}
			c.sim.RestoreLogin()
			c.sim.Script(LoginExpired(tt.form))
			if status, body := c.call("POST /api/chat/completions", questionBody(id, "hi")); status != tt.status || body != tt.body {
				t.Errorf("scripted reply = HTTP %d %s, want HTTP %d %s", status, body, tt.status, tt.body)
			}
			if all, reached := c.sim.Attempts(), c.sim.Turns(); len(all) != 1 || len(reached) != 0 {
				t.Errorf("attempts = %d, turns = %d; want 1 and 0", len(all), len(reached))
			}
			if got := deltas(t, c.ask(id, "hi")); got != "answer 1 to: hi" {
				t.Errorf("answer after RestoreLogin = %q, want %q", got, "answer 1 to: hi")
			}
		})
	}
}

func TestLogin(t *testing.T) {
	c := newTestPlatform(t, Options{Token: "other"})
	c.token = ""
	const route = "POST /api/user/login"
	if _, got := c.call(route, `{"account":"demo@example.test","password":"wrong"}`); got != `{"code":1,"data":null,"msg":"账号或密码错误"}` {
		t.Errorf("login with a wrong password = %s, want a refusal", got)
	}
	c.sim.ExpireLogin(LoginHTTP401)
	text := c.mustCall(route, `{"account":"demo@example.test","password":"demo","code":"","captcha":"","invite":"",`+
		`"agreement":true,"captchaId":""}`)
	var reply struct{ Data struct{ Token string } }
	decode(t, text, &reply)
	token := reply.Data.Token
	want := `{"code":0,"data":{"token":"` + token + `","email":"demo@example.test","phone":"","role":"user","registerTime":"2026-01-01 08:00:00"},"msg":""}`
	if text != want {
		t.Errorf("login = %s\nwant %s", text, want)
	}
	claims, ok := readClaims(token)
	if !ok || claims.UserID != DefaultUser || claims.Role != "user" || claims.Exp-claims.Iat != 31*24*3600 || claims.Iat != start.Unix() {
		t.Errorf("claims = %+v, want those of the demo account for 31 days", claims)
	}
	c.token = token // newer than the expiry
	c.mustCall("GET /api/chat/session?page=1", "")
}

func TestModelList(t *testing.T) {
	for _, version := range []string{"2.14.0", "3.1.0"} {
		c := newTestPlatform(t, Options{Version: version})
		text := c.mustCall("GET /api/chat/tmpl", "")
		var reply struct{ Data map[string]json.RawMessage }
		decode(t, text, &reply)
		var models []struct{ Label, Value string }
		decode(t, string(reply.Data["models"]), &models)
		values := map[string]int{}
		for _, m := range models {
			values[m.Value]++
			if m.Label == m.Value {
				t.Errorf("label of %s = its value, want another name", m.Value)
			}
		}
		for _, v := range []string{"claude-sonnet-4-5-20250929", "gemini-3-pro-preview", "gemini-3-pro-preview-image", "gpt-5.1-high"} {
			if values[v] == 0 {
				t.Errorf("models have no %s, want it", v)
			}
		}
		if len(values) == len(models) {
			t.Error("no model is in two groups, want one")
		}
		const first = `{"label":"Claude Sonnet 4.5","value":"claude-sonnet-4-5-20250929",` +
			`"attr":{"icon":"/file/icon.png","integral":"2积分","multimodal":true,"note":"长文与代码","onlyImg":true,"plugin":false,"tag":"推荐"}}`
		if version == "2.14.0" && !strings.Contains(text, `"mcp":null,"models":[`+first) {
			t.Errorf("models = %s\nwant in it\n%s", text, first)
		}
		if !strings.Contains(text, `"note":"文生图 \u003c高清\u003e"`) {
			t.Errorf("models = %s, want < and > escaped", text)
		}
	}
}
