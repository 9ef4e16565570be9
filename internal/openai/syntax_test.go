package openai

import (
	"strings"
	"testing"

	"achuan/internal/chat"
)

// The cases here cannot be written well in a text file. The others are in
// testdata/bad/syntax.txtar.
func TestDecodeSyntax(t *testing.T) {
	// nested returns a valid request that nests to the given depth.
	nested := func(depth int) string {
		n := depth - 1
		return withParameters(`"x": ` + strings.Repeat("[", n) + strings.Repeat("]", n))
	}
	const tooDeep = "The request body nests deeper than 64 levels."
	tests := []struct {
		name string
		body string
		want string // beginning of the message; "" when accepted
	}{
		{"64 levels", nested(64), ""},
		{"65 levels", nested(65), tooDeep},
		{"a bomb of brackets", strings.Repeat("[", 1<<20), tooDeep},
		{"a bomb of keys", strings.Repeat(`{"a":`, 1<<20), tooDeep},
		{"brackets in strings", withParameters(`"x": "` + strings.Repeat(`[{\"`, 100) + `"`), ""},
		{"brackets side by side", withParameters(`"x": [` + strings.Repeat(`[],{},`, 100) + `1]`), ""},
		{"a string without an end", `{"model": "` + strings.Repeat(`\"[`, 100), "The request body is not valid JSON: "},
		{"more closed than opened", `}}}}{}`, "The request body is not valid JSON: "},
		{"not UTF-8", withParameters("\"user\": \"é\xff\""), "The request body is not valid UTF-8: see byte 75."},
		{"half a rune at the end", "{\"model\": \"\xe4\xbd", "The request body is not valid UTF-8: see byte 11."},
		{"a byte order mark", "\ufeff" + withParameters(`"n": 1`), "The request body is not valid JSON: "},
		{"white space around", " \r\n\t" + withParameters(`"n" :  1 `) + "\n ", ""},
		{"spaces everywhere", " { \"model\" : \"m\" , \"messages\" : [ { \"role\" : \"user\" , \"content\" : [ ] } ] , \"stop\" : [ ] , \"x\" : { } } ", ""},
		{"no spaces", `{"model":"m","messages":[{"role":"user","content":"hi"}],"n":1,"x":{},"y":null,"z":-1.5e3}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := DecodeChat([]byte(tt.body))
			if tt.want == "" {
				if err != nil {
					t.Errorf("DecodeChat() = %v, want no error", err)
				}
				return
			}
			e := chat.AsError(err)
			if err == nil || r != nil || e.Code != chat.CodeInvalidJSON || e.Kind != chat.KindInvalid || e.Param != "" {
				t.Fatalf("DecodeChat() = %+v, %+v, want no request and %s without a param", r, e, chat.CodeInvalidJSON)
			}
			if !strings.HasPrefix(e.Message, tt.want) {
				t.Errorf("Message = %q, want %q at its start", e.Message, tt.want)
			}
		})
	}
}
