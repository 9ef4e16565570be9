package emulate

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"testing"
	"time"
)

func TestPatternsRefused(t *testing.T) {
	many := func(n int, keyword string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = fmt.Sprintf(keyword, i, i)
		}
		return strings.Join(parts, ",")
	}
	for _, tt := range []struct{ name, schema, why string }{
		{"repeated a hundred times", `{"pattern": "` + strings.Repeat("(a?){1000}", 100) + `"}`, "multiply"},
		{"7 KB", `{"pattern": "` + strings.Repeat("(a?){1000}", 700) + `"}`, "multiply"},
		{"nested counts", `{"pattern": "((a{10}b){10}c?){10}((a{10}b){10}c?){10}"}`, ""},
		{"nested counts that multiply", `{"pattern": "` + strings.Repeat("((a?){30}b?){30}", 8) + `"}`, "multiply"},
		{"a long text", `{"pattern": "` + strings.Repeat("a", maxPatternLength+1) + `"}`, "8192 bytes"},
		{"classes that are copied", `{"pattern": "^(?:[\\p{L}\\p{N}]?){490}$"}`, ""},
		{"many patterns", `{"properties": {` + many(30, `"p%d": {"pattern": "(a?){999}b{%d}"}`) + `}}`, "8 MiB"},
		{"the same pattern many times", `{"properties": {` + many(30, `"p%d": {"title": "%d", "pattern": "(a?){1000}"}`) + `}}`, ""},
		{"patterns of properties", `{"patternProperties": {` + many(30, `"%d(a?){999}b{%d}": {}`) + `}}`, "8 MiB"},
		{"a pattern of properties", `{"patternProperties": {"` + strings.Repeat("(a?){1000}", 100) + `": {}}}`, "multiply"},
		{"a pattern in a property called default", `{"properties": {"default": {"pattern": "` + strings.Repeat("(a?){1000}", 100) + `"}}}`, "multiply"},
		{"draft 7", `{"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "` + strings.Repeat("(a?){1000}", 100) + `"}`, "multiply"},
		{"groups in groups", `{"pattern": "` + strings.Repeat("(", 2000) + strings.Repeat(")", 2000) + `"}`, "too large"},
		{"classes that are copied often", `{"properties": {` + many(9, `"p%d": {"pattern": "^(?:[\\p{L}\\p{N}]?){49%d}$"}`) + `}}`, "8 MiB"},
		{"classes that are not copied", `{"pattern": "^[\\p{L}\\p{N} ]{1,1000}$"}`, ""},
		{"letters of all languages", `{"pattern": "^[\\p{L}\\p{N} ._-]{1,200}$"}`, ""},
		{"names of hosts", `{"pattern": "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.){1,8}[a-z]{2,63}$"}`, ""},
		{"data", `{"const": {"pattern": "` + strings.Repeat("(a?){1000}", 100) + `"}}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const maxWeight = maxPatternsSize + maxSchemaObjects*schemaSize
			started := time.Now()
			form, err := compileSchema([]byte(tt.schema))
			switch {
			case tt.why == "" && err != nil:
				t.Errorf("compileSchema = %v, want no error", err)
			case tt.why != "" && (err == nil || !strings.Contains(err.Error(), tt.why)):
				t.Errorf("compileSchema = %v, want an error with %q", err, tt.why)
			case err != nil && len(err.Error()) > 500:
				t.Errorf("length of the error = %d, want at most 500", len(err.Error()))
			case err == nil && form.weight > maxWeight:
				t.Errorf("weight = %d, want at most %d", form.weight, maxWeight)
			}
			if took := time.Since(started); took > 2*time.Second {
				t.Errorf("duration of compileSchema = %v, want at most 2 s", took)
			}
		})
	}
}

// The estimate of a program's size is not below the true one.
func TestProgramSize(t *testing.T) {
	for _, text := range []string{
		"abc", "a|bc|d", "(a)(?:b)", "a*b+c?", "a{3}", "a{2,5}", "a{3,}", "(a?){100}", "[a-z]{0,50}", "^(ab|c){2,9}$", `\bx\B`,
		"((a{3}b){4}c?){5}", "", "(?i)straße", `\p{L}{3}`, ".*", "(|a)*", "a{0}", "a{0,1}", "(a|b|c|d){0,7}",
	} {
		parsed, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := programSize(parsed)
		program, err := syntax.Compile(parsed.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		const frame = 2 // the failure and the match that every program has
		if want := len(program.Inst) - frame; got < want || got > 4*want+4 {
			t.Errorf("programSize(%q) = %d, want %d to %d", text, got, want, 4*want+4)
		}
	}
}
