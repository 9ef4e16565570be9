package chat_test

import (
	"testing"

	"achuan/internal/chat"
)

func TestTruncate(t *testing.T) {
	for _, tt := range []struct {
		give string
		max  int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abc", 2, "ab"}, {"abc", 0, ""},
		{"a你", 4, "a你"}, {"a你", 3, "a"}, {"你", 2, ""}, {"\x80\x80", 1, ""},
	} {
		if got := chat.Truncate(tt.give, tt.max); got != tt.want {
			t.Errorf("Truncate(%q, %d) = %q, want %q", tt.give, tt.max, got, tt.want)
		}
		if got := string(chat.Truncate([]byte(tt.give), tt.max)); got != tt.want {
			t.Errorf("Truncate([]byte(%q), %d) = %q, want %q", tt.give, tt.max, got, tt.want)
		}
	}
}
