package openai

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

// Every row is exercised with a value that is accepted. What is honoured changes
// the request (or is where the request comes from); all else leaves no trace.
func TestParametersAccepted(t *testing.T) {
	values := map[string]string{
		"model": `"other"`, "messages": `[{"role": "user", "content": "other"}]`,
		"stream": `true`, "stream_options": `{"include_usage": true}`, "n": `2`,
		"temperature": `1`, "presence_penalty": `1`, "frequency_penalty": `1`,
		"max_tokens": `5`, "max_completion_tokens": `5`, "stop": `"x"`, "reasoning_effort": `"low"`,
		"user": `"ann"`, "metadata": `{"sessionId": 5}`,

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
	nothingHarmless := map[string]bool{"audio": true, "web_search_options": true}
	plain := decode(t, withParameters(`"stream": false`))
	streaming := decode(t, withParameters(`"stream": true`))
	for _, p := range Parameters() {
		t.Run(p.Name, func(t *testing.T) {
			value, ok := values[p.Name]
			if !ok {
				if !nothingHarmless[p.Name] {
					t.Fatal("no example value")
				}
				return
			}
			member, base := fmt.Sprintf("%q: %s", p.Name, value), plain
			if p.Name == "stream_options" {
				member, base = `"stream": true, `+member, streaming
			}
			changed := !cmp.Equal(base, decode(t, withParameters(member)))
			if want := p.Use == Honoured; changed != want {
				t.Errorf("changes the request: %v, want %v", changed, want)
			}
		})
	}
}

// Every row is exercised with a value that is not accepted, in testdata/bad, and
// every refused one with a value that is refused.
func TestParametersHaveBadRequests(t *testing.T) {
	wants := badWants(t)
	for _, p := range Parameters() {
		if !strings.Contains(wants, " "+p.Name+"\n") && !strings.Contains(wants, " "+p.Name+".") {
			t.Errorf("%s: testdata/bad has no request that fails for it", p.Name)
		}
		refused := strings.Contains(wants, "unsupported_parameter "+p.Name)
		parts := p.Name == "messages" || p.Name == "tools" || p.Name == "tool_choice" // parts of these are refused
		if want := p.Use == Refused; refused != want && !parts {
			t.Errorf("%s: a request of testdata/bad is refused for it: %v, want %v", p.Name, refused, want)
		}
	}
}

// badWants is all that clients are told in testdata/bad.
func badWants(t *testing.T) string {
	t.Helper()
	paths, err := filepath.Glob("testdata/bad/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if strings.HasSuffix(f.Name, ".want") {
				all.Write(f.Data)
			}
		}
	}
	return all.String()
}

func TestParametersTable(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Parameters() {
		if seen[p.Name] {
			t.Errorf("%s stands twice", p.Name)
		}
		seen[p.Name] = true
		if !strings.HasSuffix(p.Why, ".") || strings.ContainsAny(p.Why, "\n|") {
			t.Errorf("%s: %q does not fit into a table of sentences", p.Name, p.Why)
		}
		if p.Required && p.Use != Honoured {
			t.Errorf("%s is required and %s", p.Name, p.Use)
		}
	}
	Parameters()[0].Name = "changed"
	if Parameters()[0].Name == "changed" {
		t.Error("callers share the table")
	}
}
