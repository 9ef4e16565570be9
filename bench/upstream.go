package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// serveOpenAI is the upstream of programs that do not speak the platform's protocol. It answers the questions of bench
// with the same pieces, one write for each, as OpenAI's API does.
func (p *platform) serveOpenAI(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		fmt.Fprintf(w, `{"object":"list","data":[{"id":%q,"object":"model","created":1,"owned_by":"bench"}]}`, model)
		return
	}
	var in struct {
		Messages []struct{ Content json.RawMessage }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Messages) == 0 {
		http.Error(w, "no messages", http.StatusBadRequest)
		return
	}
	mode, n, ok := parseQuestion(textOf(in.Messages[len(in.Messages)-1].Content))
	if !ok {
		http.Error(w, "no question of bench", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w).Flush
	gate := p.currentGate()
	pace := time.NewTicker(pieceInterval)
	defer pace.Stop()
	for i := range n {
		switch {
		case mode == modePaced:
			<-pace.C
		case mode == modeHeld && i == 1:
			select {
			case <-gate:
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, chunkFormat, `"content":`+encodedPieces[i], "null")
		if flush() != nil {
			return // the client has left
		}
	}
	fmt.Fprintf(w, chunkFormat+"data: [DONE]\n\n", "", `"stop"`)
}

// textOf returns the text of a message: a string, or the last part of a list.
func textOf(content json.RawMessage) string {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return text
	}
	var parts []struct{ Text string }
	if json.Unmarshal(content, &parts) == nil && len(parts) > 0 {
		return parts[len(parts)-1].Text
	}
	return ""
}

// chunkFormat is an event of an answer, with the delta's fields and the finish reason.
const chunkFormat = `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1,"model":"` + model +
	`","choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}` + "\n\n"
