package app_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// The same picture reaches the platform from every dialect, short or long, and is the same in all of them: a
// conversation with it continues in another dialect.
func TestPicturesInEveryDialect(t *testing.T) {
	for name, picture := range map[string][]byte{
		"short": pngOfWidth(t, 3), "long": append(pngOfWidth(t, 3), make([]byte, 200_000)...),
	} {
		t.Run(name, func(t *testing.T) {
			data := base64.StdEncoding.EncodeToString(picture)
			url := "data:image/png;base64," + data
			sim := simulator.New(simulator.Options{})
			server := serve(t, sim, nil)
			const more = `, {"role": "assistant", "content": "A picture."}, {"role": "user", "content": "Sure?"}`
			for _, tt := range []struct{ path, first, second string }{
				{"/v1/messages", `"model": "` + visionModel + `", "max_tokens": 100, "messages": [{"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "` + data + `"}}]}`, more},
				{"/v1/responses", `"model": "` + visionModel + `", "input": [{"role": "user", "content": [{"type": "input_text", "text": "See"}, {"type": "input_image", "image_url": "` + url + `"}]}`, more},
				{"/api/chat", `"model": "` + visionModel + `", "stream": false, "messages": [{"role": "user", "content": "See", "images": ["` + data + `"]}`, more},
				{"/v1beta/models/" + visionModel + ":generateContent", `"contents": [{"parts": [{"text": "See"}, {"inlineData": {"mimeType": "image/png", "data": "` + data + `"}}]}`,
					`, {"role": "model", "parts": [{"text": "A picture."}]}, {"role": "user", "parts": [{"text": "Sure?"}]}`},
			} {
				sim.Script(simulator.Say("A picture."), simulator.Say("Yes."))
				for i, messages := range []string{tt.first, tt.first + tt.second} {
					res, body := exchange(t, http.MethodPost, server+tt.path, "{"+messages+"]}")
					if res.StatusCode != http.StatusOK {
						t.Fatalf("%s = %s %s", tt.path, res.Status, body)
					}
					files := len(lastTurn(t, sim).Files)
					if placement := res.Header.Get("X-Achuan-Placement"); files != 1-i || i == 1 && placement != "continued" {
						t.Errorf("turn %d of %s = %s with %d files, want the picture once, in one session", i, tt.path, placement, files)
					}
				}
			}
			chat := `{"model": "` + visionModel + `", "messages": [{"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "` + url + `"}}]}, {"role": "assistant", "content": "A picture."}, {"role": "user", "content": "Sure?"}, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Thanks"}]}`
			sim.Script(simulator.Say("Bye."))
			if res, body := exchange(t, http.MethodPost, server+"/v1/chat/completions", chat); res.Header.Get("X-Achuan-Placement") != "continued" {
				t.Errorf("Chat Completions = %s %s, want it continued", res.Header.Get("X-Achuan-Placement"), strings.TrimSpace(body))
			}
		})
	}
}
