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

// message is one of a transcript.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// request is one request for an answer.
type request struct {
	key    string // client key; "" for none
	header map[string]string

	Model       string    `json:"model"`
	Messages    []message `json:"messages"`
	User        string    `json:"user,omitempty"`
	Temperature *float64  `json:"temperature,omitempty"`
	Stream      bool      `json:"stream"`
}

// reply is what came of a request.
type reply struct {
	status    int
	code      string // of an error
	placement string
	session   int64
	text      string
	whole     bool  // the answer ended as it should
	err       error // of the connection
}

// ok tells whether a whole answer came.
func (r reply) ok() bool { return r.err == nil && r.status == http.StatusOK && r.code == "" && r.whole }

// in is a short account for messages of failed tests.
func (r reply) String() string {
	if r.ok() {
		return r.placement + " in " + strconv.FormatInt(r.session, 10)
	}
	return strings.TrimSpace(strconv.Itoa(r.status) + " " + r.code + " " + r.text + " " + text(r.err))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// pending is a request under way.
type pending struct {
	heard chan struct{} // closed when the first text has come
	leave context.CancelFunc
	done  chan reply
}

// transport has room for all clients at once.
var transport = &http.Transport{MaxIdleConnsPerHost: 512}

// ask asks and waits for the answer.
func (p *process) ask(ctx context.Context, q request) reply { return <-p.begin(ctx, q).done }

// begin asks and does not wait.
func (p *process) begin(ctx context.Context, q request) *pending {
	ctx, leave := context.WithCancel(ctx)
	w := &pending{heard: make(chan struct{}), leave: leave, done: make(chan reply, 1)}
	go func() {
		defer leave()
		w.done <- p.do(ctx, q, w.heard)
	}()
	return w
}

func (p *process) do(ctx context.Context, q request, heard chan struct{}) reply {
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
		got.stream(res.Body, heard)
	} else {
		got.single(res.Body)
	}
	return got
}

// body is what is looked at of a whole answer, a chunk or an error.
type body struct {
	Choices []struct {
		Message, Delta struct{ Content string }
		FinishReason   *string `json:"finish_reason"`
	}
	Error *struct{ Code, Message string }
}

func (r *reply) take(b body) {
	if b.Error != nil {
		r.code = b.Error.Code
		return
	}
	for _, c := range b.Choices {
		r.text += c.Message.Content + c.Delta.Content
		r.whole = r.whole || c.FinishReason != nil
	}
}

func (r *reply) single(from io.Reader) {
	var b body
	if r.err = json.NewDecoder(from).Decode(&b); r.err == nil {
		r.take(b)
	}
}

func (r *reply) stream(from io.Reader, heard chan struct{}) {
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
		var b body
		if r.err = json.Unmarshal([]byte(data), &b); r.err != nil {
			return
		}
		silent := r.text == ""
		if r.take(b); silent && r.text != "" {
			close(heard)
		}
	}
}

// call calls the sessions API and the probes.
func (p *process) call(method, path, key string, in, out any) (status int, code string) {
	p.t.Helper()
	var content io.Reader = http.NoBody
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			p.t.Fatal(err)
		}
		content = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(bounded(p.t), method, p.url+path, content)
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
		var b body
		if err := json.Unmarshal(raw, &b); err != nil || b.Error == nil {
			p.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
		}
		return res.StatusCode, b.Error.Code
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			p.t.Fatalf("%s %s: %s: %v", method, path, raw, err)
		}
	}
	return res.StatusCode, ""
}
