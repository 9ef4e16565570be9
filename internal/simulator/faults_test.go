package simulator

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// A proxy's page hides an answer that the platform has stored, or none.
func TestProxyFailure(t *testing.T) {
	c := newSite(t, Options{})
	id := c.session("gpt-5.1-high")
	c.sim.Script(ProxyFailure(502, "hidden"), ProxyRefusal(504))
	for _, want := range []struct{ status, records int }{{502, 1}, {504, 1}} {
		status, body := c.call("POST /api/chat/completions", questionBody(id, "q"))
		if records := len(c.sim.Records(id)); status != want.status || !strings.Contains(body, "<html>") || records != want.records {
			t.Errorf("HTTP %d %q with %d records, want %d, a page and %d", status, body, records, want.status, want.records)
		}
	}
	if got := c.sim.Records(id)[0].AIText; got != "hidden" {
		t.Errorf("stored answer = %q, want %q", got, "hidden")
	}
	c.sim.InterceptOnce(RouteCreateSession, ProxyFails(502))
	if status, _ := c.call("POST /api/chat/session", "{}"); status != 502 || len(c.sim.Sessions()) != 2 {
		t.Errorf("HTTP %d with %d sessions, want 502 and 2", status, len(c.sim.Sessions()))
	}
}

// listed are the ids on a page of sessions.
func (c *site) listed(page int) (ids []int64) {
	c.t.Helper()
	var p struct {
		Data struct{ Records []Session }
	}
	decode(c.t, c.ok(fmt.Sprintf("GET /api/chat/session?page=%d", page), ""), &p)
	for _, s := range p.Data.Records {
		ids = append(ids, s.ID)
	}
	return ids
}

// What is done after a page was read moves what stands on the next.
func TestAfterwards(t *testing.T) {
	c := newSite(t, Options{})
	first := c.session("gpt-5.1-high")
	for range sessionPage {
		c.session("gpt-5.1-high")
	}
	remove := c.sim.Intercept(RouteListSessions, Afterwards(func(r *http.Request) {
		if r.URL.Query().Get("page") == "1" {
			all := c.sim.Sessions()
			c.sim.Forget(all[len(all)-1].ID)
		}
	}))
	one, two := c.listed(1), c.listed(2)
	remove()
	if len(one) != sessionPage || len(two) != 0 {
		t.Errorf("%d and %d sessions on the pages, want %d and 0", len(one), len(two), sessionPage)
	}
	if again := c.listed(1); again[len(again)-1] != first {
		t.Errorf("the last on page 1 is %d, want %d", again[len(again)-1], first)
	}
}

func TestListByUse(t *testing.T) {
	c := newSite(t, Options{ListByUse: true})
	a, b := c.session("gpt-5.1-high"), c.session("gpt-5.1-high")
	if got, want := c.listed(1), []int64{b, a}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	c.ask(a, "hello")
	if got, want := c.listed(1), []int64{a, b}; !slices.Equal(got, want) {
		t.Errorf("listed %v after a question, want %v", got, want)
	}
}

// A flood lasts until the client has left, and is not gathered for one who reads
// slowly.
func TestFlood(t *testing.T) {
	for _, every := range []time.Duration{0, time.Millisecond} {
		c := newSite(t, Options{})
		id := c.session("gpt-5.1-high")
		c.sim.Script(Stream(Deltas("text"), Flood(EmptyDelta, every)))
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.open(ctx, id, "q")
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		for n := 0; n < 200 && lines.Scan(); n++ {
			if strings.Contains(lines.Text(), "$ID") {
				t.Fatalf("frame %q has no id", lines.Text())
			}
		}
		if err := lines.Err(); err != nil {
			t.Error(err)
		}
		cancel()
		resp.Body.Close()
		c.await(func() bool { return c.sim.InFlight() == 0 })
		if got := c.sim.Records(id); len(got) != 1 || got[0].AIText != "text" {
			t.Errorf("stored %+v, want one answer %q", got, "text")
		}
	}
}

func TestTorn(t *testing.T) {
	const text = "a\"é好😀z"
	for _, tt := range []struct {
		how    Tearing
		frames []string
	}{
		{TornReplaced, []string{`"a\"\ufffd"`, `"\ufffd\ufffd"`, `"\ufffd\ufffd\ufffd"`, `"\ufffd\ufffd\ufffdz"`}},
		{TornBytes, []string{"\"a\\\"\xc3\"", "\"\xa9\xe5\"", "\"\xa5\xbd\xf0\"", "\"\x9f\x98\x80z\""}},
		{TornSurrogates, []string{`"a\"é好\ud83d"`, `"\ude00z"`}},
	} {
		c := newSite(t, Options{})
		id := c.session("gpt-5.1-high")
		c.sim.Script(Stream(Torn(text, tt.how), Object(), Done()))
		body := c.ask(id, "q")
		var got []string
		for line := range strings.Lines(body) {
			if _, after, found := strings.Cut(line, `"type":"string","data":`); found {
				got = append(got, strings.TrimSuffix(after, ",\"code\":0}\n"))
			}
		}
		if !slices.Equal(got, tt.frames) {
			t.Errorf("Torn(%q, %d) = %q, want %q", text, tt.how, got, tt.frames)
		}
		if stored := c.sim.Records(id)[0].AIText; stored != text {
			t.Errorf("stored %q, want %q", stored, text)
		}
	}
}
