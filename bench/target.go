package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Names of targets.
const (
	nameDirect   = "direct"
	nameFloor    = "floor"
	nameSessions = "floor+sessions"
	nameAchuan   = "achuan"
	namePostgres = "achuan+postgres"
)

// target is a server under load.
type target struct {
	name     string
	url      string // ends in /v1, or in /api/chat
	key      string
	model    string
	isDirect bool // speaks the platform's protocol
	api      *api // nil for Chat Completions; url is then without a path
	pids     []int
	program  *program // nil for a program that bench did not start
	client   *http.Client
	streams  streamCounts
}

func newTarget(name, url string, pids ...int) *target {
	return &target{name: name, url: url, model: model, pids: pids, client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 64, DisableCompression: true,
	}}}
}

// clone returns a target for another process of the same program.
func (t *target) clone(p *process) *target {
	c := newTarget(t.name, "http://"+p.address+"/v1", p.pid)
	c.key, c.model, c.program = t.key, t.model, t.program
	return c
}

func (t *target) post(ctx context.Context, path string, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	switch {
	case t.isDirect:
		r.Header.Set("Authorization", t.key)
	case t.key != "":
		r.Header.Set("Authorization", "Bearer "+t.key)
	}
	resp, err := t.client.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // an incomplete message is enough
		resp.Body.Close()
		return nil, fmt.Errorf("HTTP %d: %s", resp.StatusCode, message)
	}
	return resp, nil
}

// open sends the last question of a conversation and returns the stream of its answer.
func (t *target) open(ctx context.Context, c *conversation) (*http.Response, error) {
	if t.api != nil {
		return t.post(ctx, t.api.path, t.api.body(c, t.model))
	}
	if !t.isDirect {
		return t.post(ctx, "/chat/completions", c.body(t.model))
	}
	if c.session == 0 {
		resp, err := t.post(ctx, "/session", []byte(`{"model":"`+t.model+`"}`))
		if err != nil {
			return nil, err
		}
		defer resp.Body.Close()
		var made struct{ Data struct{ ID int64 } }
		if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
			return nil, err
		}
		c.session = made.Data.ID
	}
	return t.post(ctx, "/completions", fmt.Appendf(nil, `{"text":%s,"sessionId":%d,"files":[]}`, encode(c.question), c.session))
}

// sample holds the times of one stream, from the request to the first piece and to the end.
type sample struct{ first, whole time.Duration }

// What can be wrong with a stream that began.
var (
	errCut       = errors.New("cut")
	errDisorder  = errors.New("a piece was missing, doubled or out of order")
	lineReaders  = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}
	doneLine     = []byte("data: [DONE]")
	contentKey   = []byte(`"content"`)
	platformText = []byte(`"data"`)
)

// ask reads the answer to the last question of a conversation, which has count pieces, and adds it to the conversation.
// The error is errCut or errDisorder when the stream is not that answer. It calls onFirst, unless nil, at the first
// piece.
func (t *target) ask(ctx context.Context, c *conversation, count int, onFirst func()) (s sample, err error) {
	began := time.Now()
	defer func() { t.streams.add(err) }()
	resp, err := t.open(ctx, c)
	if err != nil {
		return s, fmt.Errorf("%s: %w", t.name, err)
	}
	defer resp.Body.Close()
	lines, _ := lineReaders.Get().(*bufio.Reader)
	defer lineReaders.Put(lines)
	lines.Reset(resp.Body)
	key := contentKey
	switch {
	case t.isDirect:
		key = platformText
	case t.api != nil:
		key = t.api.key
	}
	var check checker
	isDone := false
	for {
		line, readErr := readLine(lines)
		if t.isEnd(line) {
			isDone = true
		} else if check.addLine(line, key); s.first == 0 && check.next > 0 {
			s.first = time.Since(began)
			if onFirst != nil {
				onFirst()
			}
		}
		if errors.Is(readErr, io.EOF) {
			break
		}
		if readErr != nil {
			return s, fmt.Errorf("%s: %w after %d of %d pieces: %w", t.name, errCut, check.next, count, readErr)
		}
	}
	s.whole = time.Since(began)
	switch {
	case check.isWrong || check.next > count:
		return s, fmt.Errorf("%s: %w, in %d of %d", t.name, errDisorder, check.next, count)
	case !isDone || check.next != count:
		return s, fmt.Errorf("%s: %w after %d of %d pieces, [DONE] %t", t.name, errCut, check.next, count, isDone)
	}
	c.answered(count)
	return s, nil
}

// readLine returns a line. The slice is valid until the next call, unless the line is long.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	long := bytes.Clone(line)
	rest, err := r.ReadBytes('\n')
	return append(long, rest...), err
}

// streamCounts counts the streams of a target.
type streamCounts struct {
	mu                          sync.Mutex
	all, cut, disordered, other int
	failure                     error // of one of them
}

func (n *streamCounts) add(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all++
	switch {
	case err == nil:
		return
	case errors.Is(err, errDisorder):
		n.disordered++
	case errors.Is(err, errCut):
		n.cut++
	default:
		n.other++
	}
	n.failure = err
}

// failed returns the number of streams that were not the whole answer.
func (n *streamCounts) failed() int { return n.cut + n.disordered + n.other }
