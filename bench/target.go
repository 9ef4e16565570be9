package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// model is a model of the simulator.
const model = "gpt-5.1-high"

// target is a server under load, with its results.
type target struct {
	name     string
	server   *process
	isDirect bool // speaks the platform's protocol
	client   *http.Client
	measured measurements
}

func newTarget(name string, p *process, direct bool) *target {
	t := &http.Transport{MaxIdleConnsPerHost: openStreams, DisableCompression: true}
	return &target{name: name, server: p, isDirect: direct, client: &http.Client{Transport: t}}
}

func (t *target) post(ctx context.Context, path string, body any) (*http.Response, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+t.server.address+path, bytes.NewReader(encoded))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	if t.isDirect {
		r.Header.Set("Authorization", "token")
	}
	resp, err := t.client.Do(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10)) // an incomplete message is enough
		resp.Body.Close()
		return nil, fmt.Errorf("%s: HTTP %d: %s", t.name, resp.StatusCode, message)
	}
	return resp, nil
}

// open asks a question in a new session and returns the stream.
func (t *target) open(ctx context.Context, text string) (*http.Response, error) {
	if !t.isDirect {
		return t.post(ctx, "/v1/chat/completions", map[string]any{
			"model": model, "stream": true, "messages": []any{map[string]any{"role": "user", "content": text}},
		})
	}
	resp, err := t.post(ctx, "/api/chat/session", map[string]any{"model": model})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var made struct{ Data struct{ ID int64 } }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
		return nil, err
	}
	return t.post(ctx, "/api/chat/completions", map[string]any{"text": text, "sessionId": made.Data.ID, "files": []any{}})
}

// sample holds the times of one stream, from the request to the first piece and to the end.
type sample struct{ first, whole time.Duration }

// ask reads one stream. It returns an error when a piece or [DONE] is missing. It calls onFirst, unless nil, at the
// first piece.
func (t *target) ask(ctx context.Context, mode string, pieces int, onFirst func()) (s sample, err error) {
	began := time.Now()
	resp, err := t.open(ctx, fmt.Sprint(mode, " ", pieces))
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 4<<10), 1<<20)
	seen, done := 0, false
	for lines.Scan() {
		line := lines.Bytes()
		switch {
		case bytes.Equal(line, []byte("data: [DONE]")):
			done = true
		case t.isDirect && bytes.Contains(line, []byte(`"type":"object"`)): // the record, which repeats the answer
		default:
			n := bytes.Count(line, []byte(pieceMark))
			if seen == 0 && n > 0 {
				s.first = time.Since(began)
				if onFirst != nil {
					onFirst()
				}
			}
			seen += n
		}
	}
	s.whole = time.Since(began)
	if err := lines.Err(); err != nil {
		return s, fmt.Errorf("%s: stream cut after %d of %d pieces: %w", t.name, seen, pieces, err)
	}
	if !done || seen != pieces {
		return s, fmt.Errorf("%s: stream ended after %d of %d pieces, [DONE] %t", t.name, seen, pieces, done)
	}
	return s, nil
}

// load is a closed loop: each worker starts a stream when its last one has ended.
type load struct {
	mode             string
	pieces           int
	workers, streams int
}

// result is the result of a load.
type result struct {
	load
	samples       []sample      // of complete streams
	failedStreams int           // streams that were not complete
	failure       error         // of one of them
	cpu           time.Duration // of the server
}

func (r result) cpuPerStream() float64 { return float64(r.cpu) / float64(r.streams) }

// runLoad runs a load against the target.
func (t *target) runLoad(ctx context.Context, l load) (result, error) {
	r := result{load: l}
	before, err := t.server.cpu()
	if err != nil {
		return r, err
	}
	var mu sync.Mutex
	var workers sync.WaitGroup
	var started atomic.Int64
	for range l.workers {
		workers.Go(func() {
			for started.Add(1) <= int64(l.streams) {
				s, err := t.ask(ctx, l.mode, l.pieces, nil)
				mu.Lock()
				if err == nil {
					r.samples = append(r.samples, s)
				} else {
					r.failedStreams, r.failure = r.failedStreams+1, err
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	after, err := t.server.cpu()
	r.cpu = after - before
	return r, firstCause(ctx, err)
}

// firstCause returns the error of ctx, if any, because it causes all other errors.
func firstCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("timed out or stopped: %w", ctx.Err())
	}
	return err
}

// get requests a route of bench from the simulator's process.
func get(ctx context.Context, sim *process, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+sim.address+path, http.NoBody)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return strings.TrimSpace(string(body)), err
}
