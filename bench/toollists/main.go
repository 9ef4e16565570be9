// Command toollists measures how much text the tools of an agent take. It listens as an API server, prints a line for
// each request with tools, and answers 400. Point an agent at it and ask anything.
//
// A line compares the tools as the agent sent them, as JSON without white space, with the text that a model is told.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"achuan/internal/anthropic"
	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/emulate"
	"achuan/internal/gemini"
	"achuan/internal/openai"
	"achuan/internal/responses"
	"achuan/internal/tokens"
)

// list matches the lists of tools in instructions.
var list = regexp.MustCompile(`(?ms)^<tools>$.*?^</tools>$`)

func main() {
	listen := flag.String("listen", "127.0.0.1:8125", "address to listen on")
	flag.Parse()
	mux := http.NewServeMux()
	var google gemini.Gemini
	for pattern, d := range map[string]dialect.Dialect{
		"POST /v1/chat/completions":       openai.ChatCompletions{},
		"POST /v1/messages":               anthropic.Messages{},
		"POST /v1/responses":              responses.Responses{},
		"POST /v1beta/models/{action...}": google,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { measure(w, r, d) })
	}
	s := &http.Server{Addr: *listen, Handler: mux, ReadHeaderTimeout: time.Minute}
	log.Fatal(s.ListenAndServe())
}

func measure(w http.ResponseWriter, r *http.Request, d dialect.Dialect) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		var decoded dialect.Decoded
		if decoded, err = d.Decode(r, body); err == nil {
			err = report(r, &decoded.Common().Request)
		}
	}
	if err != nil {
		log.Print(r.URL.Path, ": ", err)
	}
	http.Error(w, `{"error": {"message": "This server only measures.", "type": "invalid_request_error"}}`, http.StatusBadRequest)
}

// report prints the size of the tools of a request in both forms.
func report(r *http.Request, request *chat.Request) error {
	if len(request.Tools) == 0 {
		return nil
	}
	plan, err := emulate.NewPlan(context.Background(), &chat.Request{Tools: request.Tools}, emulate.Options{})
	if err != nil {
		return err
	}
	var plain strings.Builder
	for _, t := range request.Tools {
		line, err := json.Marshal(t.Description)
		if err != nil {
			return err
		}
		fmt.Fprintf(&plain, "{\"name\":%q,\"description\":%s,\"parameters\":", t.Name, line)
		var b bytes.Buffer
		if err := json.Compact(&b, t.Parameters); err != nil {
			return err
		}
		plain.Write(b.Bytes())
		plain.WriteString("}\n")
	}
	told := strings.Join(list.FindAllString(plan.Prompt+plan.Preamble, -1), "\n")
	before, after := sizeOf(plain.String()), sizeOf(told)
	fmt.Printf("%s (%.40s): %d tools, JSON %d characters %d tokens, told %d characters %d tokens (%.2f, %.2f)\n",
		r.URL.Path, r.UserAgent(), len(request.Tools), before.characters, before.tokens, after.characters, after.tokens,
		float64(after.characters)/float64(before.characters), float64(after.tokens)/float64(before.tokens))
	return nil
}

type size struct{ characters, tokens int }

func sizeOf(text string) size { return size{utf8.RuneCountInString(text), tokens.Count(text)} }
