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
	c := newSite(t, Options{})
	const route, path = RouteCreateSession, "POST /api/chat/session"
	remove := c.sim.Intercept(route, Respond(502, "text/html", "<html>"))
	removeOnce := c.sim.InterceptOnce(route, Refuse(1, "busy"))
	removeNever := c.sim.InterceptOnce(RouteModels, Refuse(1, "never"))
	removeNever()
	for i, want := range []string{`{"code":1,"data":null,"msg":"busy"}`, "<html>", "<html>"} {
		if _, got := c.call(path, "{}"); got != want {
			t.Errorf("call %d: %s, want %s", i, got, want)
		}
	}
	removeOnce() // it is gone: nothing happens
	remove()
	c.ok(path, "{}")
	c.ok("GET /api/chat/tmpl", "")
	if n, m := c.sim.Calls(route), c.sim.Calls("GET /api/chat/tmpl"); n != 4 || m != 1 {
		t.Errorf("%d and %d calls, want 4 and 1", n, m)
	}
	if n := len(c.sim.Sessions()); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

func TestInterceptMayGoOn(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
	c.sim.InterceptOnce(RouteDeleteSession, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		r.SetPathValue("id", "1000009")
		usual(w, r)
	})
	if _, text := c.call("DELETE /api/chat/session/1000001", ""); !strings.Contains(text, "对话不存在") {
		t.Error(text)
	}
	if _, ok := c.sim.Session(id); !ok {
		t.Error("the session is gone")
	}
}

func TestUnanswered(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
	c.sim.InterceptOnce(RouteDeleteSession, Unanswered())
	resp, err := c.do(t.Context(), "DELETE /api/chat/session/1000001", "")
	if err == nil {
		resp.Body.Close()
	}
	// A DELETE is repeated by net/http when the connection was used before.
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if _, ok := c.sim.Session(id); ok {
		t.Error("the session is still there")
	}
}

func TestPicture(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gemini-3-pro-preview-image")
	pictures := map[string][]byte{}
	for _, wish := range []string{"a lake at night", "sunset", "sunset again"} {
		c.ask(id, wish)
		turns := c.sim.Turns()
		url := turns[len(turns)-1].PictureURL
		c.token = "" // a browser has none
		status, body := c.call("GET "+strings.TrimPrefix(url, c.url), "")
		c.token = "token"
		img, err := png.Decode(strings.NewReader(body))
		if status != http.StatusOK || err != nil {
			t.Fatalf("HTTP %d, %v", status, err)
		}
		if b := img.Bounds(); b.Dx() != 480 || b.Dy() != 320 {
			t.Errorf("size %v", b)
		}
		pictures[wish] = []byte(body)
	}
	if bytes.Equal(pictures["sunset"], pictures["sunset again"]) {
		t.Error("two wishes give one picture")
	}
	if !bytes.Equal(drawPicture("sunset").Pix, drawPicture("sunset").Pix) {
		t.Error("one wish gives two pictures")
	}
	if status, _ := c.call("GET /file/1.png", ""); status != http.StatusNotFound {
		t.Errorf("no picture: HTTP %d", status)
	}
}

func TestAlbumIsBounded(t *testing.T) {
	var a album
	first := a.add("0", "first")
	for i := range albumSize {
		a.add(strings.Repeat("1", i+1), "more")
	}
	if len(a.wishes) != albumSize || len(a.order) != albumSize || a.wishes[strings.TrimPrefix(first, albumPath)] != "" {
		t.Errorf("%d wishes, %d in order", len(a.wishes), len(a.order))
	}
}
