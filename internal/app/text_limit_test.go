package app_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"achuan/internal/config"
	"achuan/internal/simulator"
)

// A text that is too long says in the words of each API how many tokens it has and how many fit, so that clients can
// shorten their transcripts by themselves. A model that reads documents gets it as a file.
func TestLongTextInEveryDialect(t *testing.T) {
	long := strings.Repeat("word ", 4_000)
	for _, tc := range []struct{ name, path, body, want string }{
		{"chat", "/v1/chat/completions", `{"model": "MODEL", "messages": [{"role": "user", "content": "TEXT"}]}`,
			`maximum context length is \d+ tokens, and the request has about \d+ tokens`},
		{"messages", "/v1/messages", `{"model": "MODEL", "max_tokens": 9, "messages": [{"role": "user", "content": "TEXT"}]}`,
			`"message":"prompt is too long: \d+ tokens > \d+ maximum"`},
		{"responses", "/v1/responses", `{"model": "MODEL", "input": "TEXT"}`, `"code":"context_length_exceeded"`},
		{"gemini", "/v1beta/models/MODEL:generateContent", `{"contents": [{"parts": [{"text": "TEXT"}]}]}`,
			`"The input token count \(\d+\) exceeds the maximum number of tokens allowed \(\d+\)."`},
		{"ollama", "/api/chat", `{"model": "MODEL", "stream": false, "messages": [{"role": "user", "content": "TEXT"}]}`,
			`maximum context length is \d+ tokens`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, func(s *config.Settings) { s.MaxText = 10_000 })
			post := func(model string) (int, string) {
				replace := strings.NewReplacer("MODEL", model, "TEXT", long)
				res, body := exchange(t, http.MethodPost, url+replace.Replace(tc.path), replace.Replace(tc.body))
				return res.StatusCode, body
			}
			if status, body := post("gpt-5.1-high"); status != http.StatusBadRequest || !regexp.MustCompile(tc.want).MatchString(body) {
				t.Errorf("reads no documents: %d %s, want 400 with %s", status, body, tc.want)
			}
			if n := len(sim.Turns()); n != 0 {
				t.Errorf("%d questions, want none", n)
			}
			status, body := post("gemini-3-pro-preview")
			turns := sim.Turns()
			if status != http.StatusOK || len(turns) != 1 || len(turns[0].Files) != 1 || len(turns[0].Text) > 1_000 {
				t.Errorf("reads documents: %d %.200s, want one question with a file", status, body)
			}
		})
	}
}
