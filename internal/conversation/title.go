package conversation

import (
	"strings"
	"unicode"

	"achuan/internal/chat"
)

// maxTitle is the length of the longest title, in characters without the prefix.
const maxTitle = 40

// title returns the title of a new session for its owner: the first words of the first question, or "" if
// it has none.
func title(prefix string, messages []chat.Message) string {
	for _, m := range messages {
		if m.Role != chat.RoleUser {
			continue
		}
		if words := firstWords(withoutClientBlocks(m.Text)); words != "" {
			return prefix + words
		}
	}
	return ""
}

// withoutClientBlocks removes the blocks that an agent has put in front of a question, such as
// <system-reminder>…</system-reminder>.
func withoutClientBlocks(text string) string {
	for {
		text = strings.TrimSpace(text)
		tag, rest, _ := strings.Cut(text, ">")
		name, isTag := strings.CutPrefix(tag, "<")
		if !isTag || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_-") != "" {
			return text
		}
		_, after, isBlock := strings.Cut(rest, "</"+name+">")
		if !isBlock {
			return text
		}
		text = after
	}
}

// firstWords returns the beginning of a text on one line, cut between words if it is long.
func firstWords(text string) string {
	const enough = 16 * maxTitle // bytes: a text may be long
	text = chat.Truncate(strings.TrimSpace(text), enough)
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	runes := []rune(text)
	if len(runes) <= maxTitle {
		return text
	}
	cut := string(runes[:maxTitle])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return cut + "…"
}
