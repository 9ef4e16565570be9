package jsonval

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	tests := []struct{ name, give, want string }{
		{"empty", "", `""`},
		{"plain", "Hello, <b>&</b> 你好 😀", `"Hello, <b>&</b> 你好 😀"`},
		{"quote and backslash", `"\`, `"\"\\"`},
		{"named control characters", "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"other control characters", "\x00\x1b\x1f\x7f", "\"\\u0000\\u001b\\u001f\x7f\""},
		{"line separators", "a\u2028b\u2029c", `"a\u2028b\u2029c"`},
		{"invalid UTF-8", "a\xffb\xe4\xbd", "\"a\ufffdb\ufffd\ufffd\""},
		{"replacement character itself", "a\ufffdb", "\"a\ufffdb\""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(AppendString([]byte("x"), tt.give)); got != "x"+tt.want {
				t.Errorf("AppendString(x, %q) = %s, want x%s", tt.give, got, tt.want)
			}
		})
	}
}

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "a\"b\\c\n", "你\xe4\xbd", "\u2028\u2029\x00\x7f", "\xed\xa0\x80", "😀\xf0\x9f"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		written := AppendString(nil, s)
		var got string
		if err := json.Unmarshal(written, &got); err != nil {
			t.Fatalf("AppendString(%q) = %s, %v, want JSON", s, written, err)
		}
		if want := string([]rune(s)); got != want { // each invalid byte becomes U+FFFD
			t.Errorf("encoding/json reads AppendString(%q) = %s as %q, want %q", s, written, got, want)
		}
		if strings.ContainsAny(string(written), "\n\r\u2028\u2029") {
			t.Errorf("AppendString(%q) = %q, want one line", s, written)
		}
		if back := Value(written).Text(); back != got {
			t.Errorf("Text(%s) = %q, want %q", written, back, got)
		}
	})
}
