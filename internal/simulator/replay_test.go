package simulator

import (
	"fmt"
	"testing"
)

func TestSplitReplay(t *testing.T) {
	const a, b = "[[0123456789abcdef user]]", "[[fedcba9876543210 user]]"
	for _, tt := range []struct {
		name, text string
		want       []Message
	}{
		{"none", "hello", []Message{{"user", "hello"}}},
		{"one marker", a + "\nhi", []Message{{"user", a + "\nhi"}}},
		{"two numbers", a + "\nhi\n" + b + "\nho", []Message{{"user", a + "\nhi\n" + b + "\nho"}}},
		{"no user", "[[0123456789abcdef human]]\nhi\n[[0123456789abcdef end]]",
			[]Message{{"user", "[[0123456789abcdef human]]\nhi\n[[0123456789abcdef end]]"}}},
		{"names and ids", `[[0123456789abcdef user name="Bo"]]` + "\nhi\n\nyou\n" + `[[0123456789abcdef tool id="x"]]` +
			"\n42\n[[0123456789abcdef end]]",
			[]Message{{"user", "hi\n\nyou"}, {"tool", "42"}}},
		{"empty message", a + "\n\n[[0123456789abcdef end]]", nil},
	} {
		if got := SplitReplay(tt.text); fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: SplitReplay(%q) = %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
}

func TestPicturePrompt(t *testing.T) {
	const replay = "[[0123456789abcdef user]]\na lake\n[[0123456789abcdef assistant]]\nok\n[[0123456789abcdef user]]\na forest\n" +
		"[[0123456789abcdef end]]"
	for text, want := range map[string]string{replay: "a forest", "a sea": "a sea"} {
		if got := picturePrompt(text); got != want {
			t.Errorf("picturePrompt(%q) = %q, want %q", text, got, want)
		}
	}
}
