package emulate

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestRepair(t *testing.T) {
	tests := []struct{ name, give, want string }{
		{"valid", ` {"a": [1.50, "x", null]} `, ` {"a": [1.50, "x", null]} `},
		{"valid scalar", `"x"`, `"x"`},
		{"a fence", "```json\n{\"a\": 1}\n```", `{"a": 1}`},
		{"a fence that is not closed", "```\n[1]", `[1]`},
		{"a fence of tildes", "~~~json {} ~~~", `{}`},
		{"trailing commas", `{"a": [1, 2,], }`, `{"a": [1, 2] }`},
		{"raw line breaks", "{\"a\": \"x\ny\tz\r\"}", `{"a": "x\ny\tz\r"}`},
		{"unclosed brackets", `{"a": [{"b": 1}, {"c": "x"`, `{"a": [{"b": 1}, {"c": "x"}]}`},
		{"unclosed brackets in a fence", "```\n{\"a\": [1\n```", `{"a": [1]}`},
		{"unclosed string", `["abc`, `["abc"]`},
		{"unclosed escape", `["abc\`, `["abc"]`},
		{"unclosed number", `[12`, `[12]`},
		{"python", `{'a': True, 'b': [False, None], 'c': 'it\'s "x"'}`, `{"a": true, "b": [false, null], "c": "it's \"x\""}`},
		{"escapes that JSON does not have", `["\d+\s", "C:\Users"]`, `["\\d+\\s", "C:\\Users"]`},
		{"an escape that JSON does not have, and its quote", `["say \"\d\""]`, `["say \"\\d\""]`},
		{"a path with an escape that may be none", `["C:\Users\new"]`, ""},
		{"a pattern with an escape that may be none", `["\bfoo\b\s+"]`, ""},
		{"an escape that may be none comes first", `["C:\new\Users"]`, ""},
		{"an escape that may be none in another string", `{"from": "C:\new", "to": "C:\Users"}`, ""},
		{"a share", `["\\server\share"]`, ""},
		{"a slash", `["\/a\d"]`, ""},
		{"a unicode escape that may be none", `["\u0041\d"]`, ""},
		{"escapes of JSON alone", `["C:\new",]`, `["C:\new"]`},
		{"an apostrophe that is escaped for no reason", `["it\'s"]`, ""},
		{"the other quote in single quotes", `['\"\d']`, ""},
		{"half a surrogate pair", `["\ud83d"]`, ""},
		{"the other half", `["\ude00"]`, ""},
		{"halves in the wrong order", `["\ude00\ud83d"]`, ""},
		{"a half before another escape", `["\ud83d\n"]`, ""},
		{"a half in JSON that is repaired", `["\uD83D",]`, ""},
		{"a half in a key", `{"\ud83d": 1}`, ""},
		{"a whole surrogate pair", `["\ud83d\ude00\uD83D\uDE00"]`, `["\ud83d\ude00\uD83D\uDE00"]`},
		{"a backslash before what is no escape", `["\\ud83d"]`, `["\\ud83d"]`},
		{"a bracket too many", `{"a": 1}}]`, `{"a": 1}`},
		{"long numbers", `[1234567890123456789012345678901234567890.10,]`, `[1234567890123456789012345678901234567890.10]`},
		{"nothing", ``, ""}, {"white space", " \n", ""}, {"prose", `it is {"a": 1}`, ""}, {"two values", `{} {}`, ""}, {"no comma", `[1 2]`, ""},
		{"no colon", `{"a" 1}`, ""}, {"no value", `{"a": }`, ""}, {"no key", `{: 1}`, ""}, {"key alone", `{"a"`, ""}, {"a comma alone", `[,]`, ""}, {"two commas", `[1,,2]`, ""},
		{"wrong bracket", `[1}`, ""}, {"a word", `[yes]`, ""}, {"a number that is none", `[01,]`, ""}, {"infinity", `[-Infinity]`, ""}, {"a cut word", `[tru`, ""},
		{"a wrong unicode escape", `["\u12g4"]`, ""}, {"a cut unicode escape", `["\u12`, ""}, {"too deep", strings.Repeat("[", 501), ""},
		{"a backslash before a line break", "[\"a\\\nb\"]", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := repair(tt.give, true)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("repair = %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// A text that stops inside a value or before another one is truncated. A text with open brackets
// is truncated unless the model marked its end.
func TestRepairTruncated(t *testing.T) {
	const always, never, unlessEnded = 2, 0, 1
	for give, want := range map[string]int{
		`{"a": "x`: always, `{"a": 12`: always, `[1,`: always, `{"a": 1,`: always, `["a\`: always,
		`{"a": "x"`: unlessEnded, `{"a": [true`: unlessEnded, `{"a": {}`: unlessEnded, `[`: unlessEnded, `{"items":["a","b"`: unlessEnded,
		`{"a": 1,}`: never, `{"a": 1}`: never, `{'a': 1}`: never,
		"```\n{\"a\": [{}\n```": never, "```\n{\"a\": [{}\n": unlessEnded, "```\n{\"a\": [1,\n```": always, "```\n{\"a\": [{}\n``": 3,
	} {
		for _, ended := range []bool{false, true} {
			isTruncated := want == always || want == unlessEnded && !ended
			if _, truncated, err := repair(give, ended); truncated != isTruncated || (err != nil) != (want == 3) {
				t.Errorf("repair(%q, %v) = truncated %v, %v; want truncated %v", give, ended, truncated, err, isTruncated)
			}
		}
	}
}

func FuzzRepair(f *testing.F) {
	for _, seed := range []string{
		`{"a": [1, 2.50, "x\u0041\n"]}`, `{'a': True,}`, "```json\n[1,]\n```", `["a` + "\n", `{"a": 1}}`, `[-1e5,`, `["\q\'"]`, `{"a`, `nulL`, `[1] x`, `["\ud83d\ude00"]`, `["\ud83d", "\n\d"]`, "~~~\n{", `"`, `[0123]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fixed, _, err := repair(text, true)
		switch {
		case json.Valid([]byte(text)) && hasLoneSurrogate(text):
			if err == nil {
				t.Fatalf("repair(%q) = %q, want an error for half a surrogate pair", text, fixed)
			}
			return
		case json.Valid([]byte(text)) && (err != nil || fixed != text):
			t.Fatalf("repair of the valid %q = %q, %v, want no change", text, fixed, err)
		case err != nil:
			if fixed != "" || err.Error() == "" {
				t.Fatalf("repair(%q) = %q, %v, want no text with an error", text, fixed, err)
			}
			return
		case !json.Valid([]byte(fixed)):
			t.Fatalf("repair(%q) = %q, want valid JSON", text, fixed)
		}
		inner, _ := cutFence(text)
		if json.Valid([]byte(text)) || strings.ContainsFunc(inner, unicode.IsControl) {
			return // repair writes control characters with digits
		}
		if want, got := digitsOf(inner), digitsOf(fixed); got != want {
			t.Errorf("digitsOf(repair(%q)) = %s, want %s", text, got, want)
		}
	})
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// A fence may be as long as an answer. If the time grew with the square of its length, this test
// would take minutes.
func TestLongFence(t *testing.T) {
	fence := strings.Repeat("`", 1_000_000)
	if fixed, _, err := repair(fence+"json\n{}\n"+fence, true); err != nil || fixed != "{}" {
		t.Errorf("repair in a long fence = %q, %v, want {}", clipText(fixed), err)
	}
	if fixed, _, err := repair(fence, true); err == nil {
		t.Errorf("repair of a fence without JSON = %q, want an error", clipText(fixed))
	}
}

// The repairer reads each byte of any text once.
func TestRepairIsLinear(t *testing.T) {
	for _, pattern := range []string{`{"a":`, `[`, `"x",`, `1,`, "'", `\`, "\n", `{"a": 'b', }`, `,`, `[1, ]`} {
		for _, size := range []int{10_000, 100_000, 1_000_000} {
			for _, prefix := range []string{"", "[", `["`} {
				var m repairer
				text := prefix + strings.Repeat(pattern, size/len(pattern)+1)[:size]
				for _, c := range []byte(text) {
					_ = m.take(c) // it still reads every byte after an error
				}
				_, _ = m.finish(true)
				// The longest addition is that of an escape such as \u000a for one byte.
				maxSteps, maxOut := len(text)+1, 6*len(text)+maxNesting
				if m.steps > maxSteps || len(m.out) > maxOut {
					t.Errorf("repair of %q, repeated to %d bytes, takes %d steps and writes %d bytes, want at most %d and %d",
						prefix+pattern, size, m.steps, len(m.out), maxSteps, maxOut)
				}
			}
		}
	}
}
