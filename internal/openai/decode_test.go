package openai

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

// decode reads a body that must be accepted.
func decode(t *testing.T, body string) *ChatRequest {
	t.Helper()
	r, err := DecodeChat([]byte(body))
	if err != nil {
		t.Fatalf("DecodeChat(%s) = %v, want no error", body, err)
	}
	return r
}

// oneMessage has the messages of every request of withParameters.
var oneMessage = []chat.Message{{Role: chat.RoleUser, Text: "hi"}}

// withParameters returns a request that has these members and the required ones.
func withParameters(members string) string {
	return `{"model": "m", "messages": [{"role": "user", "content": "hi"}], ` + members + `}`
}

func TestDecodeParameters(t *testing.T) {
	tests := []struct {
		name    string
		members string
		want    func(*ChatRequest) // changes what the required parameters alone give
	}{
		{"stream", `"stream": true`, func(r *ChatRequest) { r.Streamed = true }},
		{"stream off", `"stream": false`, func(*ChatRequest) {}},
		{"usage in the stream", `"stream_options": {"include_usage": true, "include_obfuscation": false}, "stream": true`,
			func(r *ChatRequest) { r.Streamed, r.IncludeUsage = true, true }},
		{"stream options without stream", `"stream_options": {"include_usage": true}`, func(*ChatRequest) {}},
		{"stream options with null", `"stream": true, "stream_options": {"include_usage": null}`, func(r *ChatRequest) { r.Streamed = true }},
		{"unknown stream option", `"stream_options": {"x": 1}`, func(r *ChatRequest) { r.Unknown = []string{"stream_options.x"} }},
		{"temperature 0", `"temperature": 0`, func(r *ChatRequest) { r.Temperature = new(0.0) }},
		{"temperature 2", `"temperature": 2.0e0`, func(r *ChatRequest) { r.Temperature = new(2.0) }},
		{"penalties", `"presence_penalty": -2, "frequency_penalty": 1.5`,
			func(r *ChatRequest) { r.PresencePenalty, r.FrequencyPenalty = new(-2.0), new(1.5) }},
		{"max_tokens", `"max_tokens": 1`, func(r *ChatRequest) { r.MaxTokens = new(1) }},
		{"max_completion_tokens wins", `"max_completion_tokens": 7, "max_tokens": 9`, func(r *ChatRequest) { r.MaxTokens = new(7) }},
		{"a null does not win", `"max_completion_tokens": null, "max_tokens": 9`, func(r *ChatRequest) { r.MaxTokens = new(9) }},
		{"n", `"n": 8`, func(r *ChatRequest) { r.N = 8 }},
		{"stop", `"stop": "END"`, func(r *ChatRequest) { r.Stop = []string{"END"} }},
		{"stops", `"stop": ["a", "\n", "c", "d"]`, func(r *ChatRequest) { r.Stop = []string{"a", "\n", "c", "d"} }},
		{"no stops", `"stop": []`, func(*ChatRequest) {}},
		{"empty stop", `"stop": ""`, func(*ChatRequest) {}},
		{"list of an empty stop", `"stop": [""]`, func(*ChatRequest) {}},
		{"empty stops do not count", `"stop": ["", "a", "", "b", "c", "d", ""]`, func(r *ChatRequest) { r.Stop = []string{"a", "b", "c", "d"} }},
		{"longest stop", `"stop": "` + strings.Repeat("x", dialect.MaxStopSize) + `"`, func(r *ChatRequest) { r.Stop = []string{strings.Repeat("x", dialect.MaxStopSize)} }},
		{"max_tokens 0 is not set", `"max_tokens": 0`, func(*ChatRequest) {}},
		{"max_tokens -1 is not set", `"max_tokens": -1`, func(*ChatRequest) {}},
		{"max_completion_tokens 0 does not win", `"max_completion_tokens": 0, "max_tokens": 9`, func(r *ChatRequest) { r.MaxTokens = new(9) }},
		{"max_completion_tokens -1 is not set", `"max_completion_tokens": -1`, func(*ChatRequest) {}},
		{"effort empty", `"reasoning_effort": ""`, func(*ChatRequest) {}},
		{"effort auto", `"reasoning_effort": "auto"`, func(*ChatRequest) {}},
		{"empty objects of PHP", `"metadata": [], "logit_bias": [ ], "stream_options": [], "prediction": [], "moderation": [], "prompt_cache_options": []`, func(*ChatRequest) {}},
		{"effort", `"reasoning_effort": "xhigh"`, func(r *ChatRequest) { r.ReasoningEffort = "xhigh" }},
		{"user", `"user": "Ann é \ud83d\ude00"`, func(r *ChatRequest) { r.SessionName = "Ann é 😀" }},
		{"session number", `"metadata": {"sessionId": 9999999999999999, "topic": "x"}`, func(r *ChatRequest) { r.SessionID = 9999999999999999 }},
		{"session string", `"metadata": {"sessionId": "12"}`, func(r *ChatRequest) { r.SessionID = 12 }},
		{"session null", `"metadata": {"sessionId": null, "topic": 1}`, func(*ChatRequest) {}},
		{"last session counts", `"metadata": {"sessionId": "x", "session\u0049d": 5}`, func(r *ChatRequest) { r.SessionID = 5 }},
		{"last key counts", `"temperature": "hot", "temperature": 1`, func(r *ChatRequest) { r.Temperature = new(1.0) }},
		{"last null counts", `"n": 3, "n": null`, func(*ChatRequest) {}},
		{"escaped key", `"\u006e": 2`, func(r *ChatRequest) { r.N = 2 }},
		{"keys of another case", `"Stream": true, "TEMPERATURE": 9`, func(r *ChatRequest) { r.Unknown = []string{"Stream", "TEMPERATURE"} }},
		{"unknown keys once each", `"top_k": 1, "min_p": {"a": [1, "}"]}, "top_k": 2`, func(r *ChatRequest) { r.Unknown = []string{"top_k", "min_p"} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := &ChatRequest{Request: dialect.Request{Request: chat.Request{Model: "m", Messages: oneMessage, N: 1}}}
			tt.want(want)
			if diff := cmp.Diff(want, decode(t, withParameters(tt.members))); diff != "" {
				t.Errorf("DecodeChat (-want +got):\n%s", diff)
			}
		})
	}
}

// Every optional parameter can be null.
func TestDecodeNullIsAbsent(t *testing.T) {
	want := decode(t, withParameters(`"x": 0`))
	for _, p := range Parameters() {
		if p.Required {
			continue
		}
		got := decode(t, withParameters(fmt.Sprintf(`"x": 0, %q: null`, p.Name)))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("DecodeChat with %s null (-absent +null):\n%s", p.Name, diff)
		}
	}
}

func TestDecodeDoesNotAliasBody(t *testing.T) {
	body := []byte(withParameters(`"user": "ann", "stop": "end", "foo": 1`))
	r, err := DecodeChat(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	got := fmt.Sprint(r.Model, r.Messages[0].Text, r.SessionName, r.Stop, r.Unknown)
	if want := "m" + "hi" + "ann" + "[end] [foo]"; got != want {
		t.Errorf("request after the body was overwritten = %q, want %q", got, want)
	}
}

func TestDecodeUnknownIsBounded(t *testing.T) {
	var members strings.Builder
	for i := range 100 {
		fmt.Fprintf(&members, `"%d%s": 1,`, i, strings.Repeat("键", 30))
	}
	r := decode(t, withParameters(members.String()+`"n": 1`))
	const maxUnknown = 32
	if len(r.Unknown) != maxUnknown {
		t.Errorf("Unknown = %d names, want %d", len(r.Unknown), maxUnknown)
	}
	// One digit and 21 runes of 3 bytes are 64 bytes. The key with two digits loses a
	// whole rune.
	if want := "9" + strings.Repeat("键", 21); r.Unknown[9] != want {
		t.Errorf("Unknown[9] = %q, want %q", r.Unknown[9], want)
	}
	if want := "10" + strings.Repeat("键", 20); r.Unknown[10] != want {
		t.Errorf("Unknown[10] = %q, want %q", r.Unknown[10], want)
	}
}
