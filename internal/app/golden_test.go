package app_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"achuan/internal/golden"
	"achuan/internal/simulator"
)

// Each file in testdata/golden has a request, the frames of the platform's answer, and the bytes of the reply. A
// section "platform" gives the platform's answer another STATUS and CONTENT-TYPE. ID, CALL and TIME replace values
// that differ in each run.
func TestGolden(t *testing.T) {
	golden.EachArchive(t, "testdata/golden", func(t *testing.T, archive *golden.Archive) {
		got := goldenReply(t, mustSection(t, archive, "request"), platformReply(t, archive))
		golden.Check(t, replySection(archive), got)
	})
}

func platformReply(t *testing.T, a *golden.Archive) simulator.Reply {
	t.Helper()
	frames, platform := mustSection(t, a, "frames"), strings.TrimSpace(mustSection(t, a, "platform"))
	if platform == "" {
		return simulator.Stream(simulator.Raw(frames))
	}
	number, contentType, _ := strings.Cut(platform, " ")
	status, err := strconv.Atoi(number)
	if err != nil {
		t.Fatal(err)
	}
	return simulator.HTTPStatus(status, contentType, frames)
}

// goldenReply sends the request and returns the reply's status, important headers and body.
func goldenReply(t *testing.T, request string, reply simulator.Reply) string {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(reply)
	res, body := exchange(t, http.MethodPost, url+"/v1/chat/completions", request)
	var b strings.Builder
	b.WriteString(res.Status + "\n")
	for _, name := range []string{"Content-Type", "Cache-Control", "X-Accel-Buffering", "X-Achuan-Placement", "X-Achuan-Usage", "X-Session-Id", "X-Should-Retry", "Retry-After"} {
		// Whether a stream has this header depends on timing.
		if value := res.Header.Get(name) + res.Trailer.Get(name); value != "" {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	b.WriteString("\n" + stableText(body))
	return strings.TrimRight(b.String(), "\n") + "\n"
}

var (
	ids   = regexp.MustCompile(`chatcmpl-[0-9A-Za-z]{29}`)
	calls = regexp.MustCompile(`call_[0-9A-Za-z]{22}_[0-9]+(_[0-9A-Za-z]{7})?`)
	times = regexp.MustCompile(`"created":\d{10}\b`)
)

func stableText(body string) string {
	body = calls.ReplaceAllString(ids.ReplaceAllString(body, "ID"), "CALL")
	return times.ReplaceAllString(body, `"created":TIME`)
}

func mustSection(t *testing.T, a *golden.Archive, name string) string {
	t.Helper()
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	if name == "request" || name == "frames" {
		t.Fatalf("archive has no section %s", name)
	}
	return ""
}

// replySection returns the expected reply of an archive. An archive without one gets an empty one.
func replySection(a *golden.Archive) *golden.File {
	for _, f := range a.Files {
		if f.Name == "reply" {
			return f
		}
	}
	reply := &golden.File{Name: "reply"}
	a.Files = append(a.Files, reply)
	return reply
}
