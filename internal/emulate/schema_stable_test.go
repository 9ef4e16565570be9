package emulate

import (
	"fmt"
	"strings"
	"testing"

	"achuan/internal/chat"
)

// objectOf returns a JSON object with n members.
func objectOf(n int, member string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `%s"k%03d": %s`, strings.Repeat(", ", min(i, 1)), i, member)
	}
	return "{" + b.String() + "}"
}

// The same wrong schema and the same wrong value always have the same error, so that a repeated
// request gets the same reply.
func TestFindingsAreStable(t *testing.T) {
	refused := map[string]string{
		"wrong keywords":    `{"properties": ` + objectOf(200, `{"type": "nope"}`) + `}`,
		"references":        `{"properties": {"a": {"$ref": "#/x"}, "b": {"$ref": "#/y"}, "c": {"$ref": "https://a/b"}, "d": {"$ref": "#/z"}}}`,
		"patterns":          `{"properties": {"a": {"pattern": "[\\p{L}]{999}"}, "b": {"pattern": "[\\p{N}]{998}"}, "c": {"pattern": "[\\p{L}\\p{N}]{997}"}}}`,
		"unlike mistakes":   `{"properties": {"a": {"minimum": "x"}, "b": {"$ref": 5}, "c": {"enum": 1}, "d": {"$ref": "#/z"}, "e": {"$id": "https://a/b"}}}`,
		"several long ones": `{"$defs": ` + objectOf(100, `{"minLength": -1, "required": 5}`) + `}`,
	}
	for name, text := range refused {
		first := ""
		for i := range 20 {
			_, err := NewPlan(t.Context(), &chat.Request{Tools: []chat.Tool{{Name: "f", Parameters: []byte(text)}}}, Options{})
			if err == nil {
				t.Fatalf("%s: NewPlan = nil, want an error for %s", name, text)
			}
			if i == 0 {
				first = err.Error()
			}
			if err.Error() != first {
				t.Errorf("%s: NewPlan = %q, want %q as before", name, err, first)
				break
			}
		}
	}
	wrong := map[string][2]string{
		"properties": {`{"additionalProperties": {"type": "string"}}`, objectOf(300, "1")},
		"patterns":   {`{"patternProperties": {"k": {"type": "string"}, "0": {"type": "boolean"}, "1": {"type": "array"}}}`, objectOf(300, "1")},
		"unknown":    {`{"additionalProperties": false}`, objectOf(300, "1")},
		"nested":     {`{"additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]}}`, objectOf(300, "1")},
	}
	for name, tt := range wrong {
		first := ""
		for i := range 20 {
			plan := newTestPlan(t, func(r *chat.Request) { r.Tools = []chat.Tool{{Name: "f", Parameters: []byte(tt[0])}} })
			got := strings.Join(plan.schemas["f"].violations(tt[1]), "\n")
			if i == 0 {
				first = got
			}
			if got != first || got == "" {
				t.Errorf("%s: violations = %q, want %q as before", name, got, first)
				break
			}
		}
	}
}
