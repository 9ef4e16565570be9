package app_test

import (
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"achuan/internal/simulator"
)

var update = flag.Bool("update", false, "rewrite the expected replies; review the diff")

// Each file in testdata/golden has a request, the frames of the platform's answer, and the bytes of the reply. A
// section "platform" gives the platform's answer another STATUS and CONTENT-TYPE. ID, CALL and TIME replace values
// that differ in each run.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("Glob = no golden files, %v, want some", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := goldenReply(t, mustSection(t, archive, "request"), platformReply(t, archive))
			if *update {
				setSection(archive, "reply", got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(mustSection(t, archive, "reply"), got); diff != "" {
				t.Errorf("reply (-want +got):\n%s", diff)
			}
		})
	}
}

func platformReply(t *testing.T, a *txtar.Archive) simulator.Reply {
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
	res, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(request))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString(res.Status + "\n")
	for _, name := range []string{"Content-Type", "Cache-Control", "X-Accel-Buffering", "X-Achuan-Placement", "X-Achuan-Usage", "X-Session-Id", "X-Should-Retry", "Retry-After"} {
		// Whether a stream has this header depends on timing.
		if value := res.Header.Get(name) + res.Trailer.Get(name); value != "" {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	b.WriteString("\n" + stableText(string(body)))
	return strings.TrimRight(b.String(), "\n") + "\n"
}

var (
	ids   = regexp.MustCompile(`chatcmpl-[0-9A-Za-z]{29}`)
	calls = regexp.MustCompile(`call_[0-9A-Za-z]{22}_[0-9]+`)
	times = regexp.MustCompile(`"created":\d{10}\b`)
)

func stableText(body string) string {
	body = calls.ReplaceAllString(ids.ReplaceAllString(body, "ID"), "CALL")
	return times.ReplaceAllString(body, `"created":TIME`)
}

func mustSection(t *testing.T, a *txtar.Archive, name string) string {
	t.Helper()
	for _, f := range a.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	if name == "request" || name == "frames" {
		t.Fatalf("archive has no section %s", name)
	}
	return ""
}

func setSection(a *txtar.Archive, name, data string) {
	for i, f := range a.Files {
		if f.Name == name {
			a.Files[i].Data = []byte(data)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(data)})
}
