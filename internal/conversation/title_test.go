package conversation

import (
	"strings"
	"testing"

	"achuan/internal/chat"
)

func TestTitle(t *testing.T) {
	user := func(texts ...string) (all []chat.Message) {
		all = []chat.Message{{Role: chat.RoleSystem, Text: "Be brief."}}
		for _, text := range texts {
			all = append(all, chat.Message{Role: chat.RoleUser, Text: text})
		}
		return all
	}
	for _, tt := range []struct {
		name     string
		prefix   string
		messages []chat.Message
		want     string
	}{
		{"a question", "", user("What is\n a  monad?\x00"), "What is a monad?"},
		{"a prefix", "[api] ", user("Hi"), "[api] Hi"},
		{"the first with words", "", user("", " \n", "second"), "second"},
		{"no question", "[api] ", user(""), ""},
		{"cut between words", "", user("one two three four five six seven eight nine ten"), "one two three four five six seven eight…"},
		{"cut inside of a word", "", user(strings.Repeat("长", 50)), strings.Repeat("长", 40) + "…"},
		{"an agent's blocks", "", user("<system-reminder>\na <b> c\n</system-reminder>\n<env>x</env> Fix it."), "Fix it."},
		{"a block of the user", "", user("<p>text</b> is wrong"), "<p>text</b> is wrong"},
		{"a long text", "", user(strings.Repeat("a", 1<<20)), strings.Repeat("a", 40) + "…"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := title(tt.prefix, tt.messages); got != tt.want {
				t.Errorf("title = %q, want %q", got, tt.want)
			}
		})
	}
}
