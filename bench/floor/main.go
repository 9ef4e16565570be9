// Command floor is a minimal program that does the work of achuan for one stream, with net/http and encoding/json
// only: it asks in a session and converts the frames of the platform into OpenAI chunks. It checks, stores and logs
// nothing. It exists for the benchmark: the difference to it is the cost of achuan's features.
//
// A session is used again for any later request. With the flag -sessions, each request gets a session of its own, so
// that it costs two calls to the platform instead of one.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
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

// stock holds the sessions that no request uses. It is nil with -sessions.
var stock = make(chan int64, 1<<14)

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
	makesSessions := flag.Bool("sessions", false, "make a session for each request")
	flag.Parse()
	if *makesSessions {
		stock = nil
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", os.Getenv("ACHUAN_LISTEN"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
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

// takeSession returns a session from the stock, or a new one.
func takeSession(ctx context.Context, model string) (int64, error) {
	select {
	case id := <-stock:
		return id, nil
	default:
	}
	resp, err := post(ctx, "/session", map[string]any{"model": model, "plugins": []string{}, "mcp": []string{}})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var made struct {
		Data struct {
			ID int64 `json:"id"`
		} `json:"data"`
	}
	err = json.NewDecoder(resp.Body).Decode(&made)
	return made.Data.ID, err
}

// releaseSession puts a session into the stock, if there is room.
func releaseSession(id int64) {
	select {
	case stock <- id:
	default:
	}
}

// complete serves POST /v1/chat/completions as a stream.
func complete(w http.ResponseWriter, r *http.Request) {
	var in request
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) == 0 {
		http.Error(w, "invalid request", http.StatusBadRequest)
		return
	}
	session, err := takeSession(r.Context(), in.Model)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer releaseSession(session)
	text := in.Messages[len(in.Messages)-1].Content
	resp, err := post(r.Context(), "/completions", map[string]any{"text": text, "sessionId": session, "files": []string{}})
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
