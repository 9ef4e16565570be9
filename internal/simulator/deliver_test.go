package simulator

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// tape is a ResponseWriter that keeps each write.
type tape struct {
	*httptest.ResponseRecorder
	writes []string
}

func (w *tape) Write(b []byte) (int, error) {
	w.writes = append(w.writes, string(b))
	return w.ResponseRecorder.Write(b)
}

// record asks one question without a network and returns the writes of its reply.
func record(t *testing.T, sim *Simulator, id int64, text string) *tape {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/chat/completions", strings.NewReader(questionBody(id, text)))
	r.Header.Set("Authorization", "token")
	w := &tape{ResponseRecorder: httptest.NewRecorder()}
	sim.ServeHTTP(w, r)
	return w
}

const mixed = "Grüße, 你好世界！ 👩‍👩‍👧‍👦 café 👍🏽 <b>\n\n- 项目一\n- item two\n"

func TestOddPiecesRespectNothing(t *testing.T) {
	sim := New(Options{})
	defer sim.Close()
	id := sim.AddSession("gpt-5.1-high")
	inRune, inFrame := 0, 0
	sim.OnTurn(func(Turn) *Reply { return new(Say(mixed)) })
	for range 40 {
		w := record(t, sim, id, "hi")
		for _, piece := range w.writes {
			if !utf8.ValidString(piece) {
				inRune++
			}
			if !strings.HasSuffix(piece, "\n\n") {
				inFrame++
			}
		}
		if got := deltas(t, w.Body.String()); got != mixed {
			t.Fatalf("got %q", got)
		}
	}
	if inRune == 0 || inFrame == 0 {
		t.Errorf("%d writes end in a character, %d in a frame", inRune, inFrame)
	}
}

func TestWrites(t *testing.T) {
	const frame = `data: {"id":"%s","type":"string","data":"%s","code":0}` + "\n\n"
	for _, tt := range []struct {
		name  string
		sim   Writes
		reply Writes
		want  [][]string // letters of the frames in each write
	}{
		{"each frame", EachFrame, 0, [][]string{{"a"}, {"b"}, {"c"}, {"d"}, {"e"}}},
		{"two frames", 2, 0, [][]string{{"a", "b"}, {"c", "d"}, {"e"}}},
		{"all", AllReady, 0, [][]string{{"a", "b", "c", "d", "e"}}},
		{"the reply decides", AllReady, 3, [][]string{{"a", "b", "c"}, {"d", "e"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sim := New(Options{Writes: tt.sim})
			defer sim.Close()
			id := sim.AddSession("gpt-5.1-high")
			sim.Script(Reply{Steps: []Step{Deltas("a", "b", "c", "d", "e")}, Writes: tt.reply})
			got := record(t, sim, id, "hi").writes
			var want []string
			for _, letters := range tt.want {
				text := ""
				for _, l := range letters {
					text += fmt.Sprintf(frame, sim.Turns()[0].TaskID, l)
				}
				want = append(want, text)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Long answers are made in several batches.
func TestLongAnswer(t *testing.T) {
	for _, writes := range []Writes{OddPieces, EachFrame, 7, AllReady} {
		sim := New(Options{Writes: writes})
		id := sim.AddSession("gpt-5.1-high")
		text := strings.Repeat("一二三 four ", 2_000)
		sim.Script(Say(text))
		if got := deltas(t, record(t, sim, id, "hi").Body.String()); got != text {
			t.Errorf("%d: %d bytes, want %d", writes, len(got), len(text))
		}
		sim.Close()
	}
}

func TestHeadersOfEveryReply(t *testing.T) {
	c := newSite(t, Options{})
	for _, route := range []string{"GET /api/chat/tmpl", "GET /nothing"} {
		resp, err := c.do(t.Context(), route, "")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if h := resp.Header; h.Get("X-Server") != "goamzai-plus/2.14.0" || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", route, h)
		}
	}
	if status, text := c.call("GET /nothing", ""); status != http.StatusNotFound || text != "404 page not found" {
		t.Errorf("HTTP %d %s", status, text)
	}
	if status, _ := c.call("PATCH /api/chat/session", ""); status != http.StatusNotFound {
		t.Errorf("a method that is not there: HTTP %d", status)
	}
}
