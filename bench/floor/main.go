// Command floor is a minimal program that does the work of achuan for one stream, with net/http and encoding/json
// only: it creates a session, asks in it and converts the frames of the platform into OpenAI chunks. It checks,
// stores and logs nothing. It exists for the benchmark: the difference to it is the cost of achuan's features.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

var (
	baseURL = strings.TrimSuffix(os.Getenv("ACHUAN_API_URL"), "/completions")
	token   = os.Getenv("ACHUAN_JWT")
)

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}}

type request struct {
	Model    string `json:"model"`
	Messages []struct {
		Content string `json:"content"`
	} `json:"messages"`
}

type delta struct {
	Role    string `json:"role,omitempty"`
	Content string `json:"content,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Delta        delta   `json:"delta"`
	FinishReason *string `json:"finish_reason"`
}

type chunk struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
}

func main() {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stderr, "address=%s\n", listener.Addr())
	server := &http.Server{Handler: http.HandlerFunc(complete), ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintln(os.Stderr, server.Serve(listener))
}

// post sends v to the platform.
func post(ctx context.Context, path string, v any) (*http.Response, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, baseURL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", token)
	r.Header.Set("Content-Type", "application/json")
	return client.Do(r)
}

// ask creates a session and sends the question. It returns the stream.
func ask(ctx context.Context, in request) (*http.Response, error) {
	resp, err := post(ctx, "/session", map[string]any{"model": in.Model, "plugins": []string{}, "mcp": []string{}})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var made struct {
		Data struct {
			ID int64 `json:"id"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
		return nil, err
	}
	text := in.Messages[len(in.Messages)-1].Content
	return post(ctx, "/completions", map[string]any{"text": text, "sessionId": made.Data.ID, "files": []string{}})
}

// complete serves POST /v1/chat/completions as a stream.
func complete(w http.ResponseWriter, r *http.Request) {
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) == 0 {
		http.Error(w, "invalid request", http.StatusBadRequest)
		return
	}
	resp, err := ask(r.Context(), in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	out := chunk{
		ID: "chatcmpl-floor", Object: "chat.completion.chunk", Created: time.Now().Unix(), Model: in.Model,
		Choices: []choice{{}},
	}
	flush := http.NewResponseController(w).Flush
	send := func(d delta, finish *string) error {
		out.Choices[0] = choice{Delta: d, FinishReason: finish}
		event, err := json.Marshal(out)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "data: %s\n\n", event)
		return flush()
	}
	if send(delta{Role: "assistant"}, nil) != nil {
		return
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		payload, isData := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		var frame struct {
			Type string          `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		var text string
		switch {
		case !isData:
		case string(payload) == "[DONE]":
			if send(delta{}, new("stop")) == nil {
				fmt.Fprint(w, "data: [DONE]\n\n")
			}
			return
		case json.Unmarshal(payload, &frame) != nil || frame.Type != "string" || json.Unmarshal(frame.Data, &text) != nil:
		case send(delta{Content: text}, nil) != nil:
			return
		}
	}
}
