package simulator

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// deltas returns the joined texts of the string frames of a stream.
func deltas(t *testing.T, stream string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(stream) {
		payload, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "data:")
		if payload = strings.TrimPrefix(payload, " "); !ok || payload == donePayload {
			continue
		}
		var f struct {
			Data json.RawMessage
		}
		decode(t, payload, &f)
		var text string
		if json.Unmarshal(f.Data, &text) == nil {
			b.WriteString(text)
		}
	}
	return b.String()
}

func decode(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("Unmarshal(%q) = %v, want nil", text, err)
	}
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
