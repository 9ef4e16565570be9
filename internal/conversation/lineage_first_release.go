package conversation

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"achuan/internal/chat"
)

// The lineage of the first release. Stores of that release contain such heads. When no
// session has the head of a transcript, achuan looks for this one, so that conversations
// continue after an upgrade. Nothing writes it any more.

const firstReleaseVersion = "achuan lineage 1"

// headOfFirstRelease returns the lineage of messages as the first release computed it.
func headOfFirstRelease(caller, host string, scope NameKey, messages []chat.Message) Hash {
	f := newFieldHash()
	for _, s := range []string{firstReleaseVersion, caller, host, scope.Name, scope.Model} {
		f.text(s)
	}
	head := f.finish()
	for i := range messages {
		m := &messages[i]
		f = newFieldHash()
		f.link(head)
		f.text(string(m.Role))
		f.text(m.Name)
		f.text(normalText(m))
		f.number(len(m.ToolCalls))
		for _, c := range m.ToolCalls {
			f.text(c.ID)
			f.text(c.Name)
			f.firstReleaseArguments(c.Arguments)
		}
		f.text(m.ToolCallID)
		head = f.finish()
	}
	return head
}

// firstReleaseArguments hashes a call's arguments token by token, without the spaces between
// tokens and the escapes in strings.
func (f *fieldHash) firstReleaseArguments(raw string) {
	if !json.Valid([]byte(raw)) {
		f.text("b")
		f.text(raw)
		return
	}
	tokens := 0
	for i := 0; i < len(raw); {
		tokens++
		switch raw[i] {
		case ' ', '\n', '\r', '\t', ',', ':':
			i++
			tokens--
		case '"':
			end := stringEnd(raw, i)
			f.firstReleaseString(raw[i:end])
			i = end
		default:
			end := i + max(1, len(raw[i:])-len(strings.TrimLeft(raw[i:], "0123456789+-.eEtrufalsn")))
			f.text("p")
			f.text(raw[i:end])
			i = end
		}
	}
	f.number(tokens)
}

func (f *fieldHash) firstReleaseString(quoted string) {
	var s string
	if json.Unmarshal([]byte(quoted), &s) != nil || strings.ContainsRune(s, utf8.RuneError) {
		f.text("p")
		f.text(quoted)
		return
	}
	f.text("s")
	f.text(s)
}
