package platform

import (
	"io"
	"strings"
	"testing"

	"achuan/internal/chat"
)

// repeatingReader repeats a unit without end.
type repeatingReader struct {
	unit string
	rest string
}

func (r *repeatingReader) Read(p []byte) (int, error) {
	if r.rest == "" {
		r.rest = r.unit
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// The client ends an endless reply that is no answer, even if no time passes.
func TestFlood(t *testing.T) {
	longComment := ": " + strings.Repeat("x", 1<<20) + "\n\n"
	for _, tt := range []struct {
		name, before, unit string
		text               string // of an answer that is nevertheless whole
	}{
		{"empty pieces", "", deltaEvent(""), ""},
		{"empty pieces after text", deltaEvent("a"), deltaEvent(""), ""},
		{"patches", deltaEvent("a"), objectEvent(`{"field":"logMap","id":"k1","data":{"x":1}}`), ""},
		{"token counts", deltaEvent("a"), objectEvent(`{"promptTokens":7}`), ""},
		{"unknown frames", "", sseEvent(`{"type":"stats","data":null,"code":0}`), ""},
		{"frames that are no JSON", "", sseEvent("junk"), ""},
		{"empty frames", "", "data:\n", ""},
		{"comments", deltaEvent("a"), longComment, ""},
		{"blank lines", deltaEvent("a"), strings.Repeat("\n", 1<<20), ""},
		{"long frames without text", "", objectEvent(`{"x":"` + strings.Repeat("x", 1<<20) + `"}`), ""},
		{"records after the record", recordEvent("a"), recordEvent("a"), "a"},
		{"after the record", deltaEvent("a") + recordEvent("ab"), deltaEvent(""), "ab"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := io.MultiReader(strings.NewReader(tt.before), &repeatingReader{unit: tt.unit})
			got, err := collect(t, newTestStream(t, r))
			if tt.text != "" {
				if err != nil || got.Text != tt.text || got.Done == nil {
					t.Errorf("got %+v, %v, want the whole of %q", got, err, tt.text)
				}
				return
			}
			checkError(t, err, wantFailed)
			if message := chat.AsError(err).Message; message != flooded.message {
				t.Errorf("message = %q, want %q", message, flooded.message)
			}
		})
	}
}

// Answers that bring text stay within the limits, however long they take.
func TestNoFlood(t *testing.T) {
	var b strings.Builder
	for range 3 {
		b.WriteString(strings.Repeat(deltaEvent(""), maxIdleFrames-1))
		b.WriteString(deltaEvent("a"))
	}
	got, err := collect(t, newTestStream(t, strings.NewReader(b.String()+doneEvent)))
	if err != nil || got.Text != "aaa" {
		t.Errorf("got %+v, %v, want the whole of %q", got, err, "aaa")
	}
}

func TestReplyBudget(t *testing.T) {
	b := &replyBudget{r: &repeatingReader{unit: strings.Repeat("x", 1<<20)}}
	read, err := io.Copy(io.Discard, progressingReader{b})
	if read < maxStreamBytes || read > maxStreamBytes+1<<20 || err == nil {
		t.Errorf("read %d bytes, %v, want %d and an error", read, err, maxStreamBytes)
	}
	frames := 0
	for b := new(replyBudget); b.takeFrame() == nil; b.resetIdle() {
		frames++
	}
	if frames != maxFrames {
		t.Errorf("took %d frames, want %d", frames, maxFrames)
	}
}

// progressingReader reads an answer that always brings text.
type progressingReader struct{ *replyBudget }

func (p progressingReader) Read(b []byte) (int, error) {
	p.resetIdle()
	return p.replyBudget.Read(b)
}
