package app_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// pngOfWidth returns a picture. Pictures of different widths are different files.
func pngOfWidth(t *testing.T, width int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewRGBA(image.Rect(0, 0, width, 2))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func dataURL(mediaType string, content []byte) string {
	return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(content)
}

// message is a message of a request. Its content is a string or a list of parts.
type message struct {
	Role    string `json:"role"`
	Content any    `json:"content"`
}

func textPart(text string) map[string]any { return map[string]any{"type": "text", "text": text} }

func picturePart(url string) map[string]any {
	return map[string]any{"type": "image_url", "image_url": map[string]any{"url": url, "detail": "high"}}
}

func filePart(name, data string) map[string]any {
	return map[string]any{"type": "file", "file": map[string]any{"filename": name, "file_data": data}}
}

func userSays(parts ...map[string]any) message { return message{"user", parts} }

// askWith sends a transcript and returns the reply.
func askWith(t *testing.T, url, model string, messages ...message) *reply {
	t.Helper()
	body, err := json.Marshal(map[string]any{"model": model, "messages": messages})
	if err != nil {
		t.Fatal(err)
	}
	return send(t, url, string(body))
}

// requirePlaced checks that a reply is whole and how it was placed, and returns the answer as a message.
func requirePlaced(t *testing.T, got *reply, placement string) message {
	t.Helper()
	if got.status != http.StatusOK || got.header.Get("X-Achuan-Placement") != placement {
		t.Fatalf("reply = %d %s with placement %q, want 200 and %s", got.status, got.body, got.header.Get("X-Achuan-Placement"), placement)
	}
	return message{"assistant", *got.Choices[0].Message.Content}
}

// lastTurn returns the last question that the model saw.
func lastTurn(t *testing.T, sim *simulator.Simulator) simulator.Turn {
	t.Helper()
	turns := sim.Turns()
	if len(turns) == 0 {
		t.Fatal("the platform got no question")
	}
	return turns[len(turns)-1]
}

const visionModel = "claude-sonnet-4-5-20250929"

// A picture reaches the platform beside the text. The next turn sends what is new, whichever way the client encodes the
// picture, also after a restart. Another picture is another chat.
func TestPictureIsPartOfTheConversation(t *testing.T) {
	sim := simulator.New(simulator.Options{Token: "token"})
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(pngOfWidth(t, 1))
	}))
	defer files.Close()
	settings := loadSettings(t, sim, "ACHUAN_DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "achuan.db"), "ACHUAN_FETCH_ALLOW=127.0.0.1")
	r := runApp(t, settings, slog.New(slog.DiscardHandler))
	one, two := pngOfWidth(t, 1), pngOfWidth(t, 2)
	ofPicture := func(url string) message { return userSays(textPart("What is this?"), picturePart(url)) }

	var answer message
	next := message{"user", "Are you sure?"}
	for _, url := range []string{
		dataURL("image/png", one), dataURL("image/jpeg", one), // the bytes count, not the claim
		"data:image/png;base64," + base64.RawURLEncoding.EncodeToString(one), files.URL + "/picture",
	} {
		answer = requirePlaced(t, askWith(t, r.url, visionModel, ofPicture(dataURL("image/png", one))), "new")
		turn := lastTurn(t, sim)
		want := []simulator.File{{Name: "image.png", Data: dataURL("image/png", one)}}
		if diff := cmp.Diff(want, turn.Files); turn.Text != "What is this?" || diff != "" {
			t.Errorf("platform got %q with files (-want +got):\n%s", turn.Text, diff)
		}
		requirePlaced(t, askWith(t, r.url, visionModel, ofPicture(url), answer, next), "continued")
		if turn = lastTurn(t, sim); turn.Text != "Are you sure?" || len(turn.Files) != 0 {
			t.Errorf("platform got %q with %d files, want the new text alone", turn.Text, len(turn.Files))
		}
	}
	requirePlaced(t, askWith(t, r.url, visionModel, ofPicture(dataURL("image/png", two)), answer, next), "replayed")
	if turn := lastTurn(t, sim); len(turn.Files) != 1 || turn.Files[0].Data != dataURL("image/png", two) || !strings.Contains(turn.Text, "[file: image.png]") {
		t.Errorf("platform got %q with files %v, want the other picture and its name in the text", turn.Text, turn.Files)
	}
	requirePlaced(t, askWith(t, r.url, visionModel, message{"user", "What is this?"}, answer, next), "replayed")

	again := requirePlaced(t, askWith(t, r.url, visionModel, ofPicture(dataURL("image/png", one))), "new")
	r.stop()
	if err := <-r.done; err != nil {
		t.Fatal(err)
	}
	r = runApp(t, settings, slog.New(slog.DiscardHandler))
	requirePlaced(t, askWith(t, r.url, visionModel, ofPicture(dataURL("image/png", one)), again, next), "continued")
}

// A replay has all files of the transcript, in order, with names that differ and that the text refers to. Each file is
// sent once.
func TestReplaySendsAllFiles(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	one, two := dataURL("image/png", pngOfWidth(t, 1)), dataURL("image/png", pngOfWidth(t, 2))
	text := base64.StdEncoding.EncodeToString([]byte("# Title\n"))
	requirePlaced(t, askWith(t, url, visionModel,
		userSays(textPart("first"), picturePart(one), textPart("second"), picturePart(two), textPart("compare")),
		message{"assistant", "They differ."},
		userSays(filePart("notes.md", text), picturePart(one), textPart("and this?"))), "replayed")
	turn := lastTurn(t, sim)
	var names []string
	for _, f := range turn.Files {
		names = append(names, f.Name)
	}
	if diff := cmp.Diff([]string{"image.png", "image-2.png", "notes.md"}, names); diff != "" {
		t.Errorf("names of the files (-want +got):\n%s", diff)
	}
	for _, part := range []string{
		"first\n[file: image.png]\nsecond\n[file: image-2.png]\ncompare\n", "[file: notes.md]\n[file: image.png]\nand this?",
	} {
		if !strings.Contains(turn.Text, part) {
			t.Errorf("platform got %q, want %q in it", turn.Text, part)
		}
	}

	// A lost session gets its files again.
	first := userSays(textPart("look"), picturePart(two))
	answer := requirePlaced(t, askWith(t, url, visionModel, first), "new")
	sim.Forget(lastTurn(t, sim).SessionID)
	requirePlaced(t, askWith(t, url, visionModel, first, answer, message{"user", "and now?"}), "replayed")
	if turn := lastTurn(t, sim); len(turn.Files) != 1 || turn.Files[0].Data != two {
		t.Errorf("platform got files %v after it lost the session, want the picture", turn.Files)
	}
}

// Pictures in the result of a tool reach the model.
func TestPictureOfATool(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	body, err := json.Marshal(map[string]any{"model": visionModel, "messages": []any{
		message{"user", "Take a screenshot."},
		map[string]any{"role": "assistant", "tool_calls": []any{map[string]any{
			"id": "call_1", "type": "function", "function": map[string]any{"name": "screenshot", "arguments": "{}"},
		}}},
		map[string]any{"role": "tool", "tool_call_id": "call_1", "content": []any{
			textPart("done"), picturePart(dataURL("image/png", pngOfWidth(t, 1))),
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	requirePlaced(t, send(t, url, string(body)), "replayed")
	turn := lastTurn(t, sim)
	if len(turn.Files) != 1 || !strings.Contains(turn.Text, "done\n[file: image.png]\n</tool_result>") {
		t.Errorf("platform got %q with %d files, want the picture in the result", turn.Text, len(turn.Files))
	}
}

// Wrong files are a 400 that names the part, and nothing is asked.
func TestWrongFiles(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, func(s *config.Settings) { s.MaxBody = 64 << 20 })
	picture := dataURL("image/png", pngOfWidth(t, 1))
	many := []map[string]any{textPart("all of these")}
	for i := range 100 {
		many = append(many, picturePart(dataURL("image/png", pngOfWidth(t, i+1))))
	}
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	zip := []byte("PK\x03\x04\x14\x00\x00\x00\x08\x00a.txt contents of an archive")
	requirePlaced(t, askWith(t, url, "demo-thinker", message{"user", "hi"}), "new") // the list of models is known now
	asked := len(sim.Attempts())
	for _, c := range []struct {
		name, model, code, param, message string
		parts                             []map[string]any
	}{
		{"base64", visionModel, "invalid_file", "messages[0].content[1].image_url.url", "base64", []map[string]any{textPart("x"), picturePart("data:image/png;base64,iVBOR*w0")}},
		{"empty", visionModel, "invalid_file", "messages[0].content[0].image_url.url", "empty", []map[string]any{picturePart("data:image/png;base64,")}},
		{"no name", visionModel, "invalid_file", "messages[0].content[0].file.filename", "name", []map[string]any{filePart("", picture)}},
		{"no type", visionModel, "invalid_file", "messages[0].content[0].image_url.url", "media type", []map[string]any{picturePart("data:;base64,AAAA")}},
		{"script", visionModel, "invalid_file", "messages[0].content[0].image_url.url", "image/svg+xml", []map[string]any{picturePart(dataURL("image/svg+xml", svg))}},
		{"archive", visionModel, "invalid_file", "messages[0].content[0].image_url.url", "application/zip", []map[string]any{picturePart(dataURL("image/png", zip))}},
		{"large", visionModel, "invalid_file", "messages[0].content[0].file.file_data", "20 MiB", []map[string]any{filePart("a.txt", dataURL("text/plain", bytes.Repeat([]byte("x"), 20<<20+1)))}},
		{"larger than the platform's limit", visionModel, "invalid_file", "messages[0].content", "5 MB", []map[string]any{filePart("a.txt", dataURL("text/plain", bytes.Repeat([]byte("x"), 5<<20+1)))}},
		{"100 pictures", visionModel, "context_length_exceeded", "messages", "100", many},
		{"link inside", visionModel, "invalid_file", "messages[0].content[0].image_url.url", "not public", []map[string]any{picturePart("http://127.0.0.1:9/a.png")}},
		{"a model without files", "demo-thinker", "invalid_file", "messages[0].content", visionModel, []map[string]any{picturePart(picture)}},
		{"a model with pictures only", "gpt-5.1-high", "invalid_file", "messages[0].content", visionModel, []map[string]any{filePart("a.txt", dataURL("text/plain", []byte("hi")))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := askWith(t, url, c.model, userSays(c.parts...))
			if got.status != http.StatusBadRequest || got.Error == nil {
				t.Fatalf("reply = %d %.300s, want 400", got.status, got.body)
			}
			if e := got.Error; e.Code != c.code || e.Param != c.param || !strings.Contains(e.Message, c.message) {
				t.Errorf("reply = %d %.300s, want 400 %s of %s that says %q", got.status, got.body, c.code, c.param, c.message)
			}
		})
	}
	if n := len(sim.Attempts()); n != asked {
		t.Errorf("platform got %d questions, want none", n-asked)
	}
	if n := len(sim.Sessions()); n > 1 {
		t.Errorf("sessions on the platform = %d, want that of the first question alone", n)
	}
}

func TestLinksCanBeDisabled(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, func(s *config.Settings) { s.Fetch = false })
	got := askWith(t, url, visionModel, userSays(picturePart("https://example.test/a.png")))
	if got.status != http.StatusBadRequest || errorCode(got.body) != "invalid_file" {
		t.Errorf("reply = %d %s, want 400 invalid_file", got.status, got.body)
	}
}

// A repetition attaches to the answer of the same pictures, and to no other.
func TestRepetitionWithPictures(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	body := func(width int) string {
		return fmt.Sprintf(`{"model": %q, "messages": [{"role": "user", "content": [{"type": "text", "text": "look"},
			{"type": "image_url", "image_url": {"url": %q}}]}]}`, visionModel, dataURL("image/png", pngOfWidth(t, width)))
	}
	first := send(t, url, body(1), "Idempotency-Key", "k")
	again := send(t, url, body(1), "Idempotency-Key", "k")
	if again.status != http.StatusOK || again.header.Get("X-Achuan-Placement") != "attached" || len(sim.Turns()) != 1 {
		t.Errorf("repetition = %d %s with %d questions, want the stored answer", again.status, again.header, len(sim.Turns()))
	}
	if other := send(t, url, body(2), "Idempotency-Key", "k"); other.status != http.StatusUnprocessableEntity || first.status != http.StatusOK {
		t.Errorf("same key with another picture = %d, want 422", other.status)
	}
}

// A long picture is taken out of the body while it arrives, also from a compressed one. It reaches the platform as a
// short one does, and its conversation continues.
func TestLongPicture(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, func(s *config.Settings) { s.Audit = config.AuditHash })
	content := append(pngOfWidth(t, 3), bytes.Repeat([]byte("picture"), 100_000)...)
	picture := dataURL("image/png", content)
	first := userSays(textPart("What is this?"), picturePart(picture))
	answer := requirePlaced(t, askWith(t, url, visionModel, first), "new")
	if got := scrape(t, url).value("achuan_blob_bytes"); got != float64(len(content)) {
		t.Errorf("achuan_blob_bytes = %v, want %d", got, len(content))
	}
	if turn := lastTurn(t, sim); len(turn.Files) != 1 || turn.Files[0].Data != picture {
		t.Errorf("platform got %d files, want the picture", len(turn.Files))
	}
	requirePlaced(t, askWith(t, url, visionModel, first, answer, message{"user", "And now?"}), "continued")

	body, err := json.Marshal(map[string]any{"model": visionModel, "messages": []message{userSays(textPart("Zipped."), picturePart(picture))}})
	if err != nil {
		t.Fatal(err)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	requirePlaced(t, send(t, url, zipped.String(), "Content-Encoding", "gzip"), "new")
	if turn := lastTurn(t, sim); turn.Text != "Zipped." || len(turn.Files) != 1 || turn.Files[0].Data != picture {
		t.Errorf("platform got %q with %d files, want the picture", turn.Text, len(turn.Files))
	}

	// A data URL that is a text stays one.
	requirePlaced(t, askWith(t, url, visionModel, message{"user", picture}), "new")
	if turn := lastTurn(t, sim); turn.Text != picture || len(turn.Files) != 0 {
		t.Errorf("platform got a text of %d bytes with %d files, want the data URL", len(turn.Text), len(turn.Files))
	}
}
