package conversation_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// testFiles are the files of tests. It implements chat.FileOpener.
type testFiles struct {
	mu       sync.Mutex
	contents map[chat.Digest]string
}

// picture returns a picture with that content, at that place of a text.
func (f *testFiles) picture(content string, offset int) chat.File {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.contents == nil {
		f.contents = map[chat.Digest]string{}
	}
	d := chat.Digest(sha256.Sum256([]byte(content)))
	f.contents[d] = content
	return chat.File{Digest: d, Type: "image/png", Name: "image.png", Size: int64(len(content)), Offset: offset}
}

// OpenFile opens a file that picture returned.
func (f *testFiles) OpenFile(file chat.File) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	content, ok := f.contents[file.Digest]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(content)), nil
}

// mayShow adds a picture to a message, sometimes.
func (w *world) mayShow(th *thread, m *chat.Message) {
	if rapid.IntRange(0, 4).Draw(w.T, "shows a picture") == 0 {
		m.Files = []chat.File{w.s.files.picture("picture"+w.mark(th.caller.ID), len(m.Text))}
	}
}

// changePicture changes a picture somewhere in a transcript, and nothing else.
func (w *world) changePicture() {
	w.byTranscript(1, func(th *thread) {
		var shown [][2]int // exchange and message
		for i, x := range th.exchanges {
			for j, m := range x.says {
				if len(m.Files) > 0 {
					shown = append(shown, [2]int{i, j})
				}
			}
		}
		if len(shown) == 0 {
			return
		}
		at := rapid.SampledFrom(shown).Draw(w.T, "changed")
		th.at = 0
		th.exchanges = slices.Clone(th.exchanges)
		x := &th.exchanges[at[0]]
		x.says = slices.Clone(x.says)
		m := &x.says[at[1]]
		m.Files = []chat.File{w.s.files.picture("picture"+w.mark(th.caller.ID), len(m.Text))}
		w.say(th)
		w.ask(th)
	})
}

// judgePictures checks that the model saw the pictures of the transcript, each once and in order, in
// this turn and the turns of the session before it.
func (w *world) judgePictures(th *thread, turn int) {
	var want, saw []string
	for _, m := range th.messages() {
		for _, f := range m.Files {
			want = append(want, w.s.files.contents[f.Digest])
		}
	}
	turns := w.s.sim.Turns()[:turn+1]
	for i, t := range turns {
		isKept := slices.ContainsFunc(turns[turn].History, func(e simulator.Exchange) bool { return e.User == t.Text })
		if t.SessionID == turns[turn].SessionID && (isKept || i == turn) {
			saw = append(saw, picturesOf(w, t)...)
		}
	}
	if th.addressed() {
		for _, p := range picturesOf(w, turns[turn]) {
			if !slices.Contains(want, p) {
				w.Fatalf("the model saw the picture %q, which is not in the chat", p)
			}
		}
		return
	}
	if !slices.Equal(saw, want) {
		w.Fatalf("in session %d the model saw the pictures %q for the transcript's %q", turns[turn].SessionID, saw, want)
	}
}

// picturesOf returns the contents of the files of a question. It fails if the text does not refer to
// one of several files by its name.
func picturesOf(w *world, t simulator.Turn) []string {
	var contents []string
	for _, f := range t.Files {
		_, data, _ := strings.Cut(f.Data, ";base64,")
		content, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			w.Fatalf("data of %s = %q, want base64", f.Name, f.Data)
		}
		if len(t.Files) > 1 && strings.Count(t.Text, fmt.Sprintf("[file: %s]", f.Name)) != 1 {
			w.Fatalf("the text does not refer to %s once: %q", f.Name, t.Text)
		}
		contents = append(contents, string(content))
	}
	return contents
}
