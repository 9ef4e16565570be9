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

// writeRecorder is a ResponseWriter that records each write.
type writeRecorder struct {
	*httptest.ResponseRecorder
	writes []string
}

func (w *writeRecorder) Write(b []byte) (int, error) {
	w.writes = append(w.writes, string(b))
	return w.ResponseRecorder.Write(b)
}

// recordReply asks one question without a network and returns the writes of the reply.
func recordReply(t *testing.T, sim *Simulator, id int64, text string) *writeRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/chat/completions", strings.NewReader(questionBody(id, text)))
	r.Header.Set("Authorization", "token")
	w := &writeRecorder{ResponseRecorder: httptest.NewRecorder()}
	sim.ServeHTTP(w, r)
	return w
}

const mixedText = "Grüße, 你好世界！ 👩‍👩‍👧‍👦 café 👍🏽 <b>\n\n- 项目一\n- item two\n"

func TestOddPiecesSplitAnywhere(t *testing.T) {
	sim := New(Options{})
	defer sim.Close()
	id := sim.AddSession("gpt-5.1-high")
	runeSplits, frameSplits := 0, 0
	sim.OnTurn(func(Turn) *Reply { return new(Say(mixedText)) })
	for range 40 {
		w := recordReply(t, sim, id, "hi")
		for _, piece := range w.writes {
			if !utf8.ValidString(piece) {
				runeSplits++
			}
			if !strings.HasSuffix(piece, "\n\n") {
				frameSplits++
			}
		}
		if got := deltas(t, w.Body.String()); got != mixedText {
			t.Fatalf("answer = %q, want %q", got, mixedText)
		}
	}
	if runeSplits == 0 || frameSplits == 0 {
		t.Errorf("%d writes end in a character and %d in a frame, want some of both", runeSplits, frameSplits)
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
			got := recordReply(t, sim, id, "hi").writes
			var want []string
			for _, letters := range tt.want {
				text := ""
				for _, l := range letters {
					text += fmt.Sprintf(frame, sim.Turns()[0].TaskID, l)
				}
				want = append(want, text)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
		})
	}
}

// A long answer is sent in several batches.
func TestLongAnswer(t *testing.T) {
	for _, writes := range []Writes{OddPieces, EachFrame, 7, AllReady} {
		sim := New(Options{Writes: writes})
		id := sim.AddSession("gpt-5.1-high")
		text := strings.Repeat("一二三 four ", 2_000)
		sim.Script(Say(text))
		if got := deltas(t, recordReply(t, sim, id, "hi").Body.String()); got != text {
			t.Errorf("writes %d: answer has %d bytes, want %d", writes, len(got), len(text))
		}
		sim.Close()
	}
}

func TestHeadersOfEveryReply(t *testing.T) {
	c := newTestPlatform(t, Options{})
	for _, route := range []string{"GET /api/chat/tmpl", "GET /nothing"} {
		resp, err := c.do(t.Context(), route, "")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if h := resp.Header; h.Get("X-Server") != "goamzai-plus/2.14.0" || h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: headers = %v, want those of the platform", route, h)
		}
	}
	if status, text := c.call("GET /nothing", ""); status != http.StatusNotFound || text != "404 page not found" {
		t.Errorf("unknown path = HTTP %d %s, want HTTP 404", status, text)
	}
	if status, _ := c.call("PATCH /api/chat/session", ""); status != http.StatusNotFound {
		t.Errorf("unknown method = HTTP %d, want HTTP 404", status)
	}
}
