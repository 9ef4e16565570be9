package platform

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

// namedFiles opens files whose contents are their names. A file without a name is missing.
type namedFiles struct {
	opened int
	closed chan struct{} // gets a value for each file that is closed, on any goroutine
}

func newNamedFiles() *namedFiles { return &namedFiles{closed: make(chan struct{}, 100)} }

// requireClosed waits until all files are closed.
func (f *namedFiles) requireClosed(t *testing.T) {
	t.Helper()
	for range f.opened {
		select {
		case <-f.closed:
		case <-t.Context().Done():
			t.Fatal("a file was not closed")
		}
	}
}

type closeCounter struct {
	io.Reader
	files *namedFiles
}

func (c *closeCounter) Close() error {
	c.files.closed <- struct{}{}
	return nil
}

func (f *namedFiles) OpenFile(file chat.File) (io.ReadCloser, error) {
	if file.Name == "" {
		return nil, chat.Invalid(chat.CodeInvalidFile, "messages", "gone")
	}
	f.opened++
	return &closeCounter{iotest.OneByteReader(strings.NewReader(file.Name)), f}, nil
}

func fileNamed(name string) chat.File {
	return chat.File{Name: name, Type: "image/png", Size: int64(len(name))}
}

// A question has its files as data URLs, of any size, and says how long it is.
func TestAskSendsFiles(t *testing.T) {
	var got receivedRequest
	srv := httptest.NewServer(recordRequest(&got, replyWith(200, "text/event-stream", deltaEvent("a")+doneEvent)))
	defer srv.Close()
	files := newNamedFiles()
	c, err := New(Options{CompletionsURL: srv.URL + "/api/chat/completions", JWT: testToken, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var question chat.Question
	type sentFile struct{ Name, Data string }
	var want []sentFile
	for _, size := range []int{1, 2, 3, 4, 3071, 3072, 3073, 10_000} {
		name := strings.Repeat("你", size/3) + strings.Repeat("x", size%3)
		question.Files = append(question.Files, fileNamed(name))
		want = append(want, sentFile{name, "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(name))})
	}
	question.Text, question.Session = "look \"here\"", 7
	s, err := c.Ask(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var body struct {
		Text      string
		SessionID int64 `json:"sessionId"`
		Files     []sentFile
	}
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil || body.Text != question.Text || body.SessionID != 7 {
		t.Fatalf("body = %.100s, %v, want the question", got.Body, err)
	}
	if diff := cmp.Diff(want, body.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if files.opened != len(want) {
		t.Errorf("files opened = %d, want %d", files.opened, len(want))
	}
	files.requireClosed(t)
}

// A question whose file is missing is not sent, and the files that were opened are closed.
func TestAskWithoutTheBytes(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a request was sent, want none") }))
	defer srv.Close()
	files := newNamedFiles()
	c, err := New(Options{CompletionsURL: srv.URL + "/api/chat/completions", JWT: testToken, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Ask(t.Context(), chat.Question{Session: 7, Files: []chat.File{fileNamed("a"), {}}})
	if e := chat.AsError(err); err == nil || e.Code != chat.CodeInvalidFile {
		t.Errorf("Ask = %v, want invalid_file", err)
	}
	if files.opened != 1 {
		t.Errorf("files opened = %d, want 1", files.opened)
	}
	files.requireClosed(t)
}
