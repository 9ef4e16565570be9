package openai

import (
	"errors"
	"strings"
	"testing"

	"achuan/internal/chat"
)

// Any body is a request that keeps its promises, or an error that names the field.
func FuzzDecodeImages(f *testing.F) {
	for _, body := range []string{
		`{"prompt": "a", "n": 2, "size": "1024x1024", "quality": "hd", "stream": true}`, `{"prompt": "a", "images": [{"image_url": "data:image/png;base64,AA=="}]}`,
		`{"prompt": "a", "image": ["https://example.test/a.png", {"image_url": {"url": "x"}}]}`, `{"prompt": 1}`, `[]`, `{"mask": {}}`,
	} {
		f.Add(body, true)
		f.Add(body, false)
	}
	f.Fuzz(func(t *testing.T, body string, isEdit bool) {
		r, err := DecodeImages([]byte(body), isEdit)
		if err != nil {
			e, ok := errors.AsType[*chat.Error](err)
			if !ok || e.Kind != chat.KindInvalid || e.Code == "" || e.Message == "" {
				t.Errorf("DecodeImages(%q) = %v, want an error of the client", body, err)
			}
			return
		}
		q := r.Request()
		isQuestion := len(q.Messages) == 1 && strings.HasPrefix(q.Messages[0].Text, r.Prompt) && q.Draws
		if r.N < 1 || r.N > maxImages || !isQuestion {
			t.Errorf("DecodeImages(%q) = %+v, want a question with the prompt", body, r)
		}
		if !isEdit && len(r.Pictures) > 0 {
			t.Errorf("DecodeImages(%q) = %d pictures, want none", body, len(r.Pictures))
		}
	})
}
