package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"achuan/internal/chat"
)

// fakeFiles are files that are not there, and pictures that can always be downloaded.
type fakeFiles struct{ Files }

func (fakeFiles) Resolve(context.Context, *chat.Request) error { return nil }

func (fakeFiles) NewIntake(body io.Reader) Intake { return fakeIntake{body} }

func (fakeFiles) Picture(context.Context, string, string) ([]byte, string, error) {
	return []byte("picture"), "image/png", nil
}

type fakeIntake struct{ io.Reader }

func (fakeIntake) Release() {}

// maxProxySilence is after how long common proxies close a connection without traffic.
const maxProxySilence = 60 * time.Second

// A model that draws for minutes does not look dead to a proxy: something comes at least every 15 s.
func TestDrawingIsNotSilent(t *testing.T) {
	const url = "https://cdn.example.test/a.jpg"
	picture := step{event: chat.Event{Kind: chat.EventPicture, Text: url}}
	for _, c := range []struct{ name, target, body, last string }{
		{"chat", streamTarget, questionWith(`"stream":true`), "data: [DONE]"},
		{"images", "POST /v1/images/generations", `{"prompt":"a cat","stream":true}`, "event: image_generation.completed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, _, _ := newTestServer([]step{
					waitStep(53 * time.Second), picture, pauseStep(), waitStep(27 * time.Second), picture, pauseStep(),
					waitStep(53 * time.Second), picture, doneStep(someUsage),
				}, func(o *Options) { o.Files = fakeFiles{} })
				conn := listenTo(t, s).dial(t)
				start := time.Now()
				send(t, conn, c.body, c.target, "Connection: close")
				resp, got, err := readAll(t, conn, start)
				if !errors.Is(err, io.EOF) || resp.StatusCode != http.StatusOK {
					t.Fatalf("readAll = %v, %v, want status 200", resp, err)
				}
				var before time.Duration
				for _, m := range got {
					if silence := m.At - before; silence > 15*time.Second {
						t.Errorf("silence before %q = %v, want at most 15s and less than %v", m.Text, silence, maxProxySilence)
					}
					before = m.At
				}
				if end := got[len(got)-1]; end.At != 133*time.Second || !strings.HasPrefix(end.Text, c.last) {
					t.Errorf("end = %q after %v, want %q after 133s", end.Text, end.At, c.last)
				}
			})
		})
	}
}
