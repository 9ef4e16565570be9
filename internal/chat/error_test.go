package chat

import "testing"

func TestSentence(t *testing.T) {
	for _, tt := range []struct{ message, want string }{
		{"The model is not there.", "The model is not there."},
		{"The model is not there", "The model is not there."},
		{"it is no usable JSON Schema: a schema must be an object..", "it is no usable JSON Schema: a schema must be an object."},
		{"The platform said: try again...", "The platform said: try again."},
		{"The platform said: why?.", "The platform said: why?"},
		{"内容违规。", "内容违规。"},
		{"内容违规。.", "内容违规。"},
		{"额度不足！", "额度不足！"},
		{"It goes on…", "It goes on…."},
		{"A line.\n", "A line."},
		{`got "a.b"`, `got "a.b".`},
		{"", ""},
	} {
		if got := (&Error{Message: tt.message}).Sentence(); got != tt.want {
			t.Errorf("Sentence of %q = %q, want %q", tt.message, got, tt.want)
		}
	}
}
