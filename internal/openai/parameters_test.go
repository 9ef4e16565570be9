package openai

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/dialect"

	"achuan/internal/golden"
)

// The test has a value for every row that is accepted. A parameter that is honoured changes
// the request. The others do not.
func TestParametersAccepted(t *testing.T) {
	values := map[string]string{
		"model": `"other"`, "messages": `[{"role": "user", "content": "other"}]`,
		"stream": `true`, "stream_options": `{"include_usage": true}`, "n": `2`,
		"temperature": `1`, "presence_penalty": `1`, "frequency_penalty": `1`,
		"max_tokens": `5`, "max_completion_tokens": `5`, "stop": `"x"`, "reasoning_effort": `"low"`,
		"user": `"ann"`, "metadata": `{"sessionId": 5}`, "web_search_options": `{"search_context_size": "low"}`,

		"top_p": `0.5`, "seed": `-99999999999999999999`, "store": `true`, "service_tier": `"flex"`,
		"prompt_cache_key": `"k"`, "prompt_cache_retention": `"24h"`, "prompt_cache_options": `{"mode": "explicit"}`,
		"safety_identifier": `"s"`, "moderation": `{"model": "m"}`, "verbosity": `"low"`,
		"prediction": `{"type": "content", "content": "x"}`,

		"tools":       `[{"type": "function", "function": {"name": "f"}}]`,
		"tool_choice": `"none"`, "parallel_tool_calls": `false`, "functions": `[{"name": "f"}]`,
		"function_call": `"none", "functions": [{"name": "f"}]`, "response_format": `{"type": "json_object"}`,

		"modalities": `["text"]`, "logprobs": `false`,
		"top_logprobs": `0`, "logit_bias": `{}`,
	}
	nothingHarmless := map[string]bool{"audio": true}
	plain := decode(t, withParameters(`"stream": false`))
	streaming := decode(t, withParameters(`"stream": true`))
	for _, p := range Parameters() {
		t.Run(p.Name, func(t *testing.T) {
			value, ok := values[p.Name]
			if !ok {
				if !nothingHarmless[p.Name] {
					t.Fatalf("values[%q] is missing, want an example value", p.Name)
				}
				return
			}
			member, base := fmt.Sprintf("%q: %s", p.Name, value), plain
			if p.Name == "stream_options" {
				member, base = `"stream": true, `+member, streaming
			}
			changed := !cmp.Equal(base, decode(t, withParameters(member)))
			if want := p.Use == dialect.Honoured; changed != want {
				t.Errorf("%s changes the request = %v, want %v", member, changed, want)
			}
		})
	}
}

// testdata/bad has a wrong value for every row, and for every refused row a value that is
// refused.
func TestParametersHaveBadRequests(t *testing.T) {
	wants := badWants(t)
	for _, p := range Parameters() {
		if !strings.Contains(wants, " "+p.Name+"\n") && !strings.Contains(wants, " "+p.Name+".") {
			t.Errorf("bad requests for %s = none, want one in testdata/bad", p.Name)
		}
		refused := strings.Contains(wants, "unsupported_parameter "+p.Name)
		parts := p.Name == "messages" || p.Name == "tools" || p.Name == "tool_choice" // parts of these are refused
		if want := p.Use == dialect.Refused; refused != want && !parts {
			t.Errorf("a request of testdata/bad is refused for %s = %v, want %v", p.Name, refused, want)
		}
	}
}

// badWants returns all errors that clients get in testdata/bad.
func badWants(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, archive := range golden.Archives(t, "testdata/bad") {
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".want") {
				all.WriteString(f.Data)
			}
		}
	}
	return all.String()
}

func TestParametersTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Parameters() {
		if seen[p.Name] {
			t.Errorf("Parameters() has %s twice, want it once", p.Name)
		}
		seen[p.Name] = true
		if !strings.HasSuffix(p.Why, ".") || strings.ContainsAny(p.Why, "\n|") {
			t.Errorf("%s: Why = %q, want a sentence that fits into a table", p.Name, p.Why)
		}
		if p.Required && p.Use != dialect.Honoured {
			t.Errorf("%s: Use = %s, want %s, because it is required", p.Name, p.Use, dialect.Honoured)
		}
	}
	Parameters()[0].Name = "changed"
	if Parameters()[0].Name == "changed" {
		t.Error("Parameters()[0].Name = changed, want a copy of the table for each caller")
	}
}
