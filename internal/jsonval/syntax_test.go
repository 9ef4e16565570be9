package jsonval

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// bodies are texts at the borders of the syntax. Long prefixes move what follows over the
// words of eight bytes that the scanner reads.
var bodies = []string{
	`{}`, ` { } `, `{"a":1}`, `{"a":[]}`, `{"a":[{}, [ ], ""]}`, "{\"a\" :\t1\r\n,\n\"b\": 2}",
	`{"a":-0}`, `{"a":0.5e-7}`, `{"a":1E+2}`, `{"a":12.034}`, `{"a":true,"b":false,"c":null}`,
	`{"a":"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"}`, `{"a":"é你😀"}`, "{\"a\":\"\x7f\"}",

	``, ` `, `[]`, `"a"`, `1`, `null`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{,}`, `{"a"1}`, `{a:1}`,
	`{"a":[1,]}`, `{"a":[1 2]}`, `{"a":[}`, `{"a":1]`, `{"a":1}}`, `{"a":1} x`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`,
	`{"a":1e}`, `{"a":1e+}`, `{"a":+1}`, `{"a":tru}`, `{"a":nul`, `{"a":"}`, `{"a":"\x"}`, `{"a":"\`, `{"a":"\u12"}`,
	`{"a":"\u12g4"}`, "{\"a\":\"\n\"}", "{\"a\":\"\x00\"}", "{\"a\":\"\x1f\"}", "\ufeff{}", `{"a":'b'}`,
}

func TestScanObject(t *testing.T) {
	for _, body := range bodies {
		checkScan(t, body)
		for n := range 9 { // at each place in a word
			checkScan(t, strings.Replace(body, `{"a":`, `{"a":"`+strings.Repeat("x", n)+`","b":`, 1))
			checkScan(t, strings.Replace(body, `{"a":"`, `{"a":"`+strings.Repeat("x", n), 1))
		}
	}
	for _, levels := range []int{maxDepth, maxDepth + 1} {
		checkScan(t, strings.Repeat(`{"a":`, levels)+"1"+strings.Repeat("}", levels))
		checkScan(t, `{"a":`+strings.Repeat(`[`, levels-1)+strings.Repeat("]", levels-1)+`}`)
	}
}

// checkScan compares scanObject with encoding/json.
func checkScan(t *testing.T, body string) {
	t.Helper()
	trimmed := strings.Trim(body, " \t\r\n")
	want := json.Valid([]byte(body)) && trimmed[0] == '{' && !isTooDeep([]byte(body))
	start, end, isASCII, ok := scanObject([]byte(body))
	if ok != want {
		t.Errorf("scanObject(%q) = %v, want %v", body, ok, want)
	}
	if ok && body[start:end] != trimmed {
		t.Errorf("scanObject(%q) = the object %q, want %q", body, body[start:end], trimmed)
	}
	if ok && isASCII && strings.ContainsFunc(body, func(r rune) bool { return r >= utf8.RuneSelf }) {
		t.Errorf("scanObject(%q) = ASCII alone, want other bytes", body)
	}
}

func FuzzScanObject(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { checkScan(t, string(body)) })
}

// Text decodes escapes as encoding/json does, at each place in a word and in a chunk.
func TestTextOfLongStrings(t *testing.T) {
	for _, escape := range []string{`\n`, `\"`, `\\`, `\u0041`, `\u4f60`, `\ud83d\ude00`, `\ud83d`, `\ude00x`, `\n\n\n\n\n\n\n\n\n`} {
		for _, before := range []int{0, 1, 7, 8, 9, 1007, 1008, 1009, 1015, 1016, 1017, 1023, 1024, 1025} {
			for after := range 10 {
				give := `"` + strings.Repeat("a", before) + escape + strings.Repeat("b", after) + `"`
				var want string
				if err := json.Unmarshal([]byte(give), &want); err != nil {
					t.Fatal(err)
				}
				if got := Value(give).Text(); got != want {
					t.Errorf("Text(%q) = %q, want %q", give, got, want)
				}
			}
		}
	}
}
