package demo

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"achuan/internal/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ask asks a question and returns the stored answer.
func ask(t *testing.T, sim *simulator.Simulator, session int64, text string) simulator.Turn {
	t.Helper()
	body := fmt.Sprintf(`{"text":%q,"sessionId":%d,"files":[]}`, text, session)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/chat/completions", strings.NewReader(body))
	r.Header.Set("Authorization", "token")
	sim.ServeHTTP(httptest.NewRecorder(), r)
	turns := sim.Turns()
	return turns[len(turns)-1]
}

func TestSimulatorAnswers(t *testing.T) {
	sim := New(simulator.Options{Pace: -1})
	defer sim.Close()
	thinker := sim.AddSession("demo-thinker")
	ask(t, sim, thinker, "my name is Ada")
	got := ask(t, sim, thinker, "what is my name?").Answer
	if !strings.HasPrefix(got, "<think>\n") || !strings.Contains(got, "\n</think>\n\n") ||
		!strings.HasSuffix(got, "your name is **Ada**.") {
		t.Errorf("answer of the thinker = %q, want thoughts and the name", got)
	}
	turn := ask(t, sim, sim.AddSession("gemini-3-pro-preview-image"), "画一片海")
	if got := turn.Answer; !strings.Contains(got, "\n![image]("+turn.PictureURL+")") || !strings.Contains(got, "排队中") {
		t.Errorf("answer of the drawing model = %q, want the progress and the picture %s", got, turn.PictureURL)
	}
	w := httptest.NewRecorder()
	sim.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, turn.PictureURL, http.NoBody))
	if _, err := png.Decode(w.Body); w.Code != http.StatusOK || err != nil {
		t.Errorf("GET %s = HTTP %d, %v; want a PNG", turn.PictureURL, w.Code, err)
	}
}

// The chat partner says what the files of a question are.
func TestFilesAreDescribed(t *testing.T) {
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewRGBA(image.Rect(0, 0, 640, 480))); err != nil {
		t.Fatal(err)
	}
	dataURL := func(mediaType string, content []byte) string {
		return "data:" + mediaType + ";base64," + base64.StdEncoding.EncodeToString(content)
	}
	turn := simulator.Turn{Text: "what is this?", Files: []simulator.File{
		{Name: "a.png", Data: dataURL("image/png", picture.Bytes())}, {Name: "b.webp", Data: dataURL("image/webp", []byte("RIFF"))},
		{Name: "c.md", Data: dataURL("text/markdown", []byte("# Title"))}, {Name: "d.png", Data: "data:image/png;base64,?"},
	}}
	want := "I see:\n\n- a.png, a PNG picture, 640 x 480\n- b.webp, a WEBP picture\n- c.md, a document of 7 bytes\n- d.png, which I cannot read"
	if got := answerTurn(turn, ""); got != want {
		t.Errorf("answerTurn(…) = %q, want %q", got, want)
	}
	turn.Text = "这是什么？"
	if got := answerTurn(turn, ""); !strings.Contains(got, "一张 PNG 图片，640 x 480") {
		t.Errorf("answerTurn(…) = %q, want a description in Chinese", got)
	}
}

func TestDefaultsSuitAReader(t *testing.T) {
	o := withDefaults(simulator.Options{})
	if perSecond := time.Second / o.Pace; perSecond < 30 || perSecond > 60 {
		t.Errorf("pace = %d frames a second, want 30 to 60", perSecond)
	}
	if o.Writes != simulator.EachFrame || o.KeepTurns == 0 {
		t.Errorf("writes = %d, kept turns = %d; want one frame, and a limit", o.Writes, o.KeepTurns)
	}
}
