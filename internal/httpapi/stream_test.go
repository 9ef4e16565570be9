package httpapi

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const streamTarget = "POST /v1/chat/completions"

// shorten makes moments readable: it replaces a chunk by the part that matters.
func shorten(all []moment) []moment {
	short := make([]moment, len(all))
	for i, m := range all {
		for _, part := range []string{"role", "content", "finish_reason\":\"stop", "error", "DONE", "keep-alive"} {
			if strings.Contains(m.Text, part) && (part != "content" || !strings.Contains(m.Text, "role")) {
				m.Text = map[string]string{"content": between(m.Text, `"content":"`, `"`), "finish_reason\":\"stop": "stop"}[part]
				if m.Text == "" {
					m.Text = part
				}
				break
			}
		}
		short[i] = m
	}
	return short
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

func TestStreamTiming(t *testing.T) {
	sec := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	end := []moment{{0, "stop"}, {0, "DONE"}}
	at := func(d time.Duration, all ...moment) []moment {
		var moved []moment
		for _, m := range all {
			moved = append(moved, moment{m.At + d, m.Text})
		}
		return moved
	}
	for _, c := range []struct {
		name   string
		script []step
		want   [][]moment
		err    error
	}{
		{"text at once", hello,
			[][]moment{{{0, ""}, {0, "role"}, {0, "Hel"}, {0, "lo"}}, end}, io.EOF},
		{"headers wait for the first event", []step{waitStep(sec(9)), textStep("Hel"), doneStep(someUsage)},
			[][]moment{at(sec(9), moment{0, ""}, moment{0, "role"}, moment{0, "Hel"}), at(sec(9), end...)}, io.EOF},
		{"but ten seconds at most", []step{waitStep(sec(12)), textStep("Hel"), doneStep(someUsage)},
			[][]moment{{{sec(10), ""}, {sec(12), "role"}, {sec(12), "Hel"}}, at(sec(12), end...)}, io.EOF},
		{"keep-alives from then on", []step{waitStep(sec(42)), textStep("Hel"), doneStep(someUsage)},
			[][]moment{{{sec(10), ""}, {sec(25), "keep-alive"}, {sec(40), "keep-alive"}, {sec(42), "role"}, {sec(42), "Hel"}}, at(sec(42), end...)}, io.EOF},
		{"keep-alives count from the last text", []step{waitStep(sec(3)), textStep("a"), pauseStep(), waitStep(sec(14)), textStep("b"), pauseStep(), waitStep(sec(14)), textStep("c"), pauseStep(), waitStep(sec(16)), textStep("d"), doneStep(someUsage)},
			[][]moment{{{sec(3), ""}, {sec(3), "role"}, {sec(3), "a"}, {sec(17), "b"}, {sec(31), "c"}, {sec(46), "keep-alive"}, {sec(47), "d"}}, at(sec(47), end...)}, io.EOF},
		{"failure after the headers", []step{waitStep(sec(12)), errorStep(truncatedError)},
			[][]moment{{{sec(10), ""}, {sec(12), "error"}}}, io.EOF},
		{"failure after text and silence", []step{textStep("a"), pauseStep(), waitStep(sec(20)), textStep("b"), errorStep(truncatedError)},
			[][]moment{{{0, ""}, {0, "role"}, {0, "a"}, {sec(15), "keep-alive"}, {sec(20), "b"}, {sec(20), "error"}}}, io.EOF},
		{"panic after the headers", []step{waitStep(sec(12)), {panic: "oh my"}},
			[][]moment{{{sec(10), ""}}}, io.ErrUnexpectedEOF},
		{"a choice ends while another goes on", []step{textStep("a"), pauseStep(), doneStep(someUsage), waitStep(sec(1)), textStep("b").forChoice(1), doneStep(someUsage).forChoice(1)},
			[][]moment{{{0, ""}, {0, "role"}, {0, "a"}, {0, "stop"}, {sec(1), "role"}, {sec(1), "b"}}, at(sec(1), end...)}, io.EOF},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := newTestServer(c.script)
				conn := listenTo(t, s).dial(t)
				body := questionWith(`"stream":true`)
				if c.name == "a choice ends while another goes on" {
					body = questionWith(`"stream":true,"n":2`)
				}
				start := time.Now()
				send(t, conn, body, streamTarget, "Connection: close")
				resp, got, err := readAll(t, conn, start)
				if !errors.Is(err, c.err) || resp == nil || resp.StatusCode != http.StatusOK {
					t.Fatalf("readAll() = %v, %v, want status 200, %v", resp, err, c.err)
				}
				var want []moment
				for _, part := range c.want {
					want = append(want, part...)
				}
				if diff := cmp.Diff(want, shorten(got)); diff != "" {
					t.Errorf("moments (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// The headers name the session that the answer has when they are sent.
func TestHeadersNameTheSessionOfTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer([]step{waitStep(12 * time.Second), {newSession: 4712}, textStep("a"), doneStep(someUsage)})
		rec, _ := serve(s, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
		if id := rec.Result().Header.Get("X-Session-Id"); rec.Code != 200 || id != "4711" {
			t.Errorf("status = %d with session %s, want 200 with 4711", rec.Code, id)
		}
	})
}

func TestEstimateInATrailer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, _ := newTestServer(helloEstimated)
		conn := listenTo(t, s).dial(t)
		send(t, conn, questionWith(`"stream":true`), streamTarget, "Connection: close")
		resp, _, err := readAll(t, conn, time.Now())
		if err != io.EOF {
			t.Fatal(err)
		}
		if head, tail := resp.Header.Get("X-Achuan-Usage"), resp.Trailer.Get("X-Achuan-Usage"); head != "" || tail != "estimated" {
			t.Errorf("x-achuan-usage = %q in the header and %q in the trailer, want none and estimated", head, tail)
		}
	})
}

// A long answer is flushed by size while the platform sends without a pause.
func TestFlushBySize(t *testing.T) {
	var script []step
	for range 100 {
		script = append(script, textStep(strings.Repeat("x", 1000)))
	}
	s, _, _ := newTestServer(append(script, doneStep(someUsage)))
	sizes := new(flushes)
	s.Handler().ServeHTTP(sizes, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
	if len(sizes.sizes) < 6 {
		t.Errorf("flushes = %d, want one for every 16 KiB", len(sizes.sizes))
	}
	for _, n := range sizes.sizes {
		if n > flushSize+2000 {
			t.Errorf("bytes in one flush = %d, want at most %d", n, flushSize+2000)
		}
	}
}

// maxEventAllocations is how often the server may allocate for each event. The rest of 0.1 is for the collector, which
// empties the pools.
var maxEventAllocations = 0.1

// The server allocates nothing for each event.
func TestEventsDoNotAllocate(t *testing.T) {
	allocs := func(events int) float64 {
		script := []step{textStep("a")}
		for range events {
			script = append(script, textStep("some words"), pauseStep())
		}
		s, _, _ := newTestServer(append(script, doneStep(someUsage)))
		return testing.AllocsPerRun(10, func() {
			s.Handler().ServeHTTP(&nowhere{header: http.Header{}}, request("POST", "/v1/chat/completions", questionWith(`"stream":true`)))
		})
	}
	if more := (allocs(1100) - allocs(100)) / 1000; more > maxEventAllocations {
		t.Errorf("allocations for each event = %.2f, want at most %v", more, maxEventAllocations)
	}
}

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header              { return n.header }
func (n *nowhere) WriteHeader(int)                  {}
func (n *nowhere) Write(p []byte) (int, error)      { return len(p), nil }
func (n *nowhere) Flush()                           {}
func (n *nowhere) SetWriteDeadline(time.Time) error { return nil }
func (n *nowhere) SetReadDeadline(time.Time) error  { return nil }

// flushes is a ResponseWriter that records the size of each flush.
type flushes struct {
	header  http.Header
	pending int
	sizes   []int
}

func (f *flushes) Header() http.Header {
	if f.header == nil {
		f.header = http.Header{}
	}
	return f.header
}
func (f *flushes) WriteHeader(int)             {}
func (f *flushes) Write(p []byte) (int, error) { f.pending += len(p); return len(p), nil }
func (f *flushes) Flush()                      { f.sizes = append(f.sizes, f.pending); f.pending = 0 }
