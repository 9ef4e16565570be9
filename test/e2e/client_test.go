//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// message is a message of a transcript.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// request is a chat request.
type request struct {
	key    string // client key; "" for none
	header map[string]string

	Model       string    `json:"model"`
	Messages    []message `json:"messages"`
	User        string    `json:"user,omitempty"`
	Temperature *float64  `json:"temperature,omitempty"`
	Stream      bool      `json:"stream"`
}

// reply is the result of a request.
type reply struct {
	status     int
	code       string // of an error
	placement  string
	session    int64
	text       string
	isComplete bool  // the answer has a finish reason
	err        error // of the connection
}

// isSuccess reports whether the reply is a complete answer.
func (r reply) isSuccess() bool {
	return r.err == nil && r.status == http.StatusOK && r.code == "" && r.isComplete
}

// String summarizes the reply for the messages of failed tests.
func (r reply) String() string {
	if r.isSuccess() {
		return r.placement + " in " + strconv.FormatInt(r.session, 10)
	}
	return strings.TrimSpace(strconv.Itoa(r.status) + " " + r.code + " " + r.text + " " + errorText(r.err))
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// pendingRequest is a request without a reply yet.
type pendingRequest struct {
	firstText chan struct{} // closed at the first text of the answer
	cancel    context.CancelFunc
	done      chan reply
}

// transport keeps a connection for each client.
var transport = &http.Transport{MaxIdleConnsPerHost: 512}

// ask sends a request and waits for the reply.
func (p *process) ask(ctx context.Context, q request) reply { return <-p.startRequest(ctx, q).done }

// startRequest sends a request and does not wait for the reply.
func (p *process) startRequest(ctx context.Context, q request) *pendingRequest {
	ctx, leave := context.WithCancel(ctx)
	w := &pendingRequest{firstText: make(chan struct{}), cancel: leave, done: make(chan reply, 1)}
	go func() {
		defer leave()
		w.done <- p.sendRequest(ctx, q, w.firstText)
	}()
	return w
}

func (p *process) sendRequest(ctx context.Context, q request, heard chan struct{}) reply {
	body, err := json.Marshal(q)
	if err != nil {
		return reply{err: err}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		return reply{err: err}
	}
	r.Header.Set("Content-Type", "application/json")
	if q.key != "" {
		r.Header.Set("Authorization", "Bearer "+q.key)
	}
	for name, value := range q.header {
		r.Header.Set(name, value)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	got := reply{status: res.StatusCode, placement: res.Header.Get("X-Achuan-Placement")}
	got.session, _ = strconv.ParseInt(res.Header.Get("X-Session-Id"), 10, 64)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		got.readStream(res.Body, heard)
	} else {
		got.readJSON(res.Body)
	}
	return got
}

// replyBody is the part of an answer, a chunk or an error that the tests use.
type replyBody struct {
	Choices []struct {
		Message, Delta struct{ Content string }
		FinishReason   *string `json:"finish_reason"`
	}
	Error *struct{ Code, Message string }
}

func (r *reply) addBody(b replyBody) {
	if b.Error != nil {
		r.code = b.Error.Code
		return
	}
	for _, c := range b.Choices {
		r.text += c.Message.Content + c.Delta.Content
		r.isComplete = r.isComplete || c.FinishReason != nil
	}
}

func (r *reply) readJSON(from io.Reader) {
	var b replyBody
	if r.err = json.NewDecoder(from).Decode(&b); r.err == nil {
		r.addBody(b)
	}
}

func (r *reply) readStream(from io.Reader, heard chan struct{}) {
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			if !errors.Is(err, io.EOF) {
				r.err = err
			}
			return
		}
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var b replyBody
		if r.err = json.Unmarshal([]byte(data), &b); r.err != nil {
			return
		}
		isFirst := r.text == ""
		if r.addBody(b); isFirst && r.text != "" {
			close(heard)
		}
	}
}

// callAPI sends a request to the sessions API or a probe. It returns the status, and the code of an error.
func (p *process) callAPI(method, path, key string, in, out any) (status int, code string) {
	p.t.Helper()
	var content io.Reader = http.NoBody
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			p.t.Fatal(err)
		}
		content = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(testContext(p.t), method, p.url+path, content)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		var b replyBody
		if err := json.Unmarshal(raw, &b); err != nil || b.Error == nil {
			p.t.Fatalf("%s %s = HTTP %d %s, want an error object", method, path, res.StatusCode, raw)
		}
		return res.StatusCode, b.Error.Code
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			p.t.Fatalf("%s %s = %s, which does not decode: %v", method, path, raw, err)
		}
	}
	return res.StatusCode, ""
}
