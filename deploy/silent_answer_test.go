package deploy

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// pictureTime is how long the platform's models took at most to draw, in the captures that are known.
const pictureTime = 133 * time.Second

// onePixel is a PNG in base64.
const onePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNg+M9QDwADhQGA8C7cJwAAAABJRU5ErkJggg=="

// A picture takes longer than many proxies wait. In streams, keep-alives keep the connection open. A whole answer has
// nothing to send before its end, so the proxy gives up: the site in nginx/achuan.conf waits longer than achuan itself.
func TestSilentAnswersThroughNginx(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than two minutes")
	}
	t.Parallel()
	sim, environ := startPlatform(t)
	drawn := make(chan struct{})
	picture, err := base64.StdEncoding.DecodeString(onePixel)
	if err != nil {
		t.Fatal(err)
	}
	pictures := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(picture) // a lost picture fails the test below
	}))
	t.Cleanup(pictures.Close)
	reply := simulator.Stream(simulator.Wait(drawn), simulator.Deltas("![image]("+pictures.URL+"/a.png)"),
		simulator.Object(), simulator.Done())
	sim.OnTurn(func(simulator.Turn) *simulator.Reply { return &reply })
	node := freePort(t)
	serveAchuan(t, node, append(environ, "ACHUAN_FETCH_ALLOW=127.0.0.1")...)
	base := startNginx(t, node, "proxy_read_timeout 600s", "proxy_read_timeout 60s", "proxy_send_timeout 600s", "proxy_send_timeout 60s")

	const model = `"model": "gemini-3-pro-preview-image"`
	var asking sync.WaitGroup
	for name, c := range map[string]struct {
		path, body string
		status     int
		end        string
	}{
		"chat": {
			"/v1/chat/completions", `{` + model + `, "stream": true, "messages": [{"role": "user", "content": "draw"}]}`,
			http.StatusOK, "data: [DONE]\n\n",
		},
		"images": {
			"/v1/images/generations", `{` + model + `, "stream": true, "prompt": "draw"}`, http.StatusOK, "}}}\n\n",
		},
		"messages": {
			"/v1/messages", `{` + model + `, "stream": true, "max_tokens": 100, "messages": [{"role": "user", "content": "draw"}]}`,
			http.StatusOK, "{\"type\":\"message_stop\"}\n\n",
		},
		"whole": { // shows that the proxy closes silent connections
			"/v1/chat/completions", `{` + model + `, "messages": [{"role": "user", "content": "draw it whole"}]}`,
			http.StatusGatewayTimeout, "",
		},
	} {
		asking.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Authorization", "Bearer sk-of-a-test")
			r.Header.Set("Content-Type", "application/json")
			resp, err := client.Do(r)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != c.status || !strings.HasSuffix(string(body), c.end) {
				t.Errorf("%s = %s %q, %v, want %d and the end %q", name, resp.Status, body, err, c.status, c.end)
			}
		})
	}
	time.AfterFunc(pictureTime, func() { close(drawn) })
	asking.Wait()
}
