// Command floor is the least program that does achuan's job for one stream:
// make a session, ask in it, turn the platform's frames into OpenAI chunks, with
// net/http and encoding/json alone. It checks and keeps nothing, writes no log
// and is measured only: what achuan costs beyond it is the price of the rest.
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

// base and token are the platform's address and the account's token.
var base, token = strings.TrimSuffix(os.Getenv("ACHUAN_API_URL"), "/completions"), os.Getenv("ACHUAN_JWT")

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
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", token)
	r.Header.Set("Content-Type", "application/json")
	return client.Do(r)
}

// ask makes a session and sends the question. The reply is the stream.
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

// complete is POST /v1/chat/completions, streamed.
func complete(w http.ResponseWriter, r *http.Request) {
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) == 0 {
		http.Error(w, "no request", http.StatusBadRequest)
		return
	}
	resp, err := ask(r.Context(), in)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.Header().Set("Content-Type", "text/event-stream")
	out := chunk{ID: "chatcmpl-floor", Object: "chat.completion.chunk", Created: time.Now().Unix(), Model: in.Model, Choices: []choice{{}}}
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
