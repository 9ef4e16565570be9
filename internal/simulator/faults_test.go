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

// The page of a proxy hides whether the platform has stored an answer.
func TestProxyFailure(t *testing.T) {
	c, id := newTestSession(t, Options{})
	c.sim.Script(ProxyFailure(502, "hidden"), ProxyRefusal(504))
	for _, want := range []struct{ status, records int }{{502, 1}, {504, 1}} {
		status, body := c.call("POST /api/chat/completions", questionBody(id, "q"))
		if records := len(c.sim.Records(id)); status != want.status || !strings.Contains(body, "<html>") || records != want.records {
			t.Errorf("reply = HTTP %d %q with %d records, want HTTP %d, a page and %d records",
				status, body, records, want.status, want.records)
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

// listedIDs returns the ids on a page of the sessions.
func (c *testPlatform) listedIDs(page int) (ids []int64) {
	c.t.Helper()
	var p struct {
		Data struct{ Records []Session }
	}
	decode(c.t, c.mustCall(fmt.Sprintf("GET /api/chat/session?page=%d", page), ""), &p)
	for _, s := range p.Data.Records {
		ids = append(ids, s.ID)
	}
	return ids
}

// A change after the first page moves sessions of the second page.
func TestAfterwards(t *testing.T) {
	c, first := newTestSession(t, Options{})
	for range sessionsPerPage {
		c.createSession("gpt-5.1-high")
	}
	remove := c.sim.Intercept(RouteListSessions, Afterwards(func(r *http.Request) {
		if r.URL.Query().Get("page") == "1" {
			all := c.sim.Sessions()
			c.sim.Forget(all[len(all)-1].ID)
		}
	}))
	page1, page2 := c.listedIDs(1), c.listedIDs(2)
	remove()
	if len(page1) != sessionsPerPage || len(page2) != 0 {
		t.Errorf("pages have %d and %d sessions, want %d and 0", len(page1), len(page2), sessionsPerPage)
	}
	if again := c.listedIDs(1); again[len(again)-1] != first {
		t.Errorf("last session of page 1 = %d, want %d", again[len(again)-1], first)
	}
}

func TestListByUse(t *testing.T) {
	c := newTestPlatform(t, Options{ListByUse: true})
	a, b := c.createSession("gpt-5.1-high"), c.createSession("gpt-5.1-high")
	if got, want := c.listedIDs(1), []int64{b, a}; !slices.Equal(got, want) {
		t.Errorf("list = %v, want %v", got, want)
	}
	c.ask(a, "hello")
	if got, want := c.listedIDs(1), []int64{a, b}; !slices.Equal(got, want) {
		t.Errorf("list after a question = %v, want %v", got, want)
	}
}

// A flood ends when the client leaves.
func TestFlood(t *testing.T) {
	for _, interval := range []time.Duration{0, time.Millisecond} {
		c, id := newTestSession(t, Options{})
		c.sim.Script(Stream(Deltas("text"), Flood(EmptyDelta, interval)))
		ctx, cancel := context.WithCancel(t.Context())
		resp, err := c.open(ctx, id, "q")
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(resp.Body)
		for n := 0; n < 200 && lines.Scan(); n++ {
			if strings.Contains(lines.Text(), "$ID") {
				t.Fatalf("frame = %q, want the task id instead of $ID", lines.Text())
			}
		}
		if err := lines.Err(); err != nil {
			t.Error(err)
		}
		cancel()
		resp.Body.Close()
		c.await(func() bool { return c.sim.InFlight() == 0 })
		if got := c.sim.Records(id); len(got) != 1 || got[0].AIText != "text" {
			t.Errorf("records = %+v, want one with %q", got, "text")
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
		c, id := newTestSession(t, Options{})
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
			t.Errorf("stored answer = %q, want %q", stored, text)
		}
	}
}
