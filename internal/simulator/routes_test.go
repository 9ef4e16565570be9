package simulator

import (
	"bytes"
	"errors"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestIntercept(t *testing.T) {
	c := newTestPlatform(t, Options{})
	const route, path = RouteCreateSession, "POST /api/chat/session"
	remove := c.sim.Intercept(route, Respond(502, "text/html", "<html>"))
	removeOnce := c.sim.InterceptOnce(route, Refuse(1, "busy"))
	removeNever := c.sim.InterceptOnce(RouteModels, Refuse(1, "never"))
	removeNever()
	for i, want := range []string{`{"code":1,"data":null,"msg":"busy"}`, "<html>", "<html>"} {
		if _, got := c.call(path, "{}"); got != want {
			t.Errorf("call %d = %s, want %s", i, got, want)
		}
	}
	removeOnce() // the interceptor is removed already: no effect
	remove()
	c.mustCall(path, "{}")
	c.mustCall("GET /api/chat/tmpl", "")
	if n, m := c.sim.Calls(route), c.sim.Calls("GET /api/chat/tmpl"); n != 4 || m != 1 {
		t.Errorf("calls = %d and %d, want 4 and 1", n, m)
	}
	if n := len(c.sim.Sessions()); n != 1 {
		t.Errorf("sessions = %d, want 1", n)
	}
}

func TestInterceptorCallsUsual(t *testing.T) {
	c, id := newTestSession(t, Options{})
	c.sim.InterceptOnce(RouteDeleteSession, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		r.SetPathValue("id", "1000009")
		usual(w, r)
	})
	if _, text := c.call("DELETE /api/chat/session/1000001", ""); !strings.Contains(text, "对话不存在") {
		t.Errorf("reply = %s, want an unknown session", text)
	}
	if _, ok := c.sim.Session(id); !ok {
		t.Error("session was deleted, want it kept")
	}
}

func TestUnanswered(t *testing.T) {
	c, id := newTestSession(t, Options{})
	c.sim.InterceptOnce(RouteDeleteSession, Unanswered())
	resp, err := c.do(t.Context(), "DELETE /api/chat/session/1000001", "")
	if err == nil {
		resp.Body.Close()
	}
	// net/http repeats a DELETE on a reused connection, so err may be nil.
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if _, ok := c.sim.Session(id); ok {
		t.Error("session exists, want it deleted")
	}
}

func TestPicture(t *testing.T) {
	c := newTestPlatform(t, Options{})
	id := c.createSession("gemini-3-pro-preview-image")
	pictures := map[string][]byte{}
	for _, prompt := range []string{"a lake at night", "sunset", "sunset again"} {
		c.ask(id, prompt)
		turns := c.sim.Turns()
		url := turns[len(turns)-1].PictureURL
		c.token = "" // a browser has no token
		status, body := c.call("GET "+strings.TrimPrefix(url, c.url), "")
		c.token = "token"
		img, err := png.Decode(strings.NewReader(body))
		if status != http.StatusOK || err != nil {
			t.Fatalf("picture = HTTP %d, %v; want a PNG", status, err)
		}
		if b := img.Bounds(); b.Dx() != 480 || b.Dy() != 320 {
			t.Errorf("picture size = %v, want 480 by 320", b)
		}
		pictures[prompt] = []byte(body)
	}
	if bytes.Equal(pictures["sunset"], pictures["sunset again"]) {
		t.Error("pictures of two prompts are equal, want different ones")
	}
	if !bytes.Equal(drawPicture("sunset").Pix, drawPicture("sunset").Pix) {
		t.Error("pictures of one prompt differ, want equal ones")
	}
	if status, _ := c.call("GET /file/1.png", ""); status != http.StatusNotFound {
		t.Errorf("unknown picture = HTTP %d, want HTTP 404", status)
	}
}

func TestPicturesAreBounded(t *testing.T) {
	var p pictures
	first := p.add("0", "first")
	for i := range maxPictures {
		p.add(strings.Repeat("1", i+1), "more")
	}
	if len(p.prompts) != maxPictures || len(p.order) != maxPictures || p.prompts[strings.TrimPrefix(first, picturePath)] != "" {
		t.Errorf("pictures = %d prompts, %d names; want %d of each, without the first", len(p.prompts), len(p.order), maxPictures)
	}
}
