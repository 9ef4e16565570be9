package simulator

import (
	"strings"

	"achuan/internal/lazyregexp"
)

// Message is one message of a conversation.
type Message struct {
	Role string // "user", "assistant", "system", "tool" …
	Text string
}

// markerLine is a line that names the role of the message below it, beside a random number in hexadecimal, such
// as "[[0123456789abcdef user]]".
var markerLine = lazyregexp.New(`(?m)^[\[<#=({* -]*([0-9a-f]{8,64})[ :|/-]+([a-z]+)\b[^\n]*$`)

// SplitReplay splits a text that replays a conversation into its messages. A text without two marker lines of
// the same number is returned as one message of the user.
func SplitReplay(text string) []Message {
	whole := []Message{{"user", text}}
	markers := markerLine().FindAllStringSubmatchIndex(text, -1)
	if len(markers) < 2 {
		return whole
	}
	number := text[markers[0][2]:markers[0][3]]
	var messages []Message
	hasInput := false // a message of the user or a tool
	for i, marker := range markers {
		if text[marker[2]:marker[3]] != number {
			return whole
		}
		role, end := text[marker[4]:marker[5]], len(text)
		if i+1 < len(markers) {
			end = markers[i+1][0]
		}
		hasInput = hasInput || role == "user" || role == "tool"
		if body := strings.TrimSpace(text[marker[1]:end]); role != "end" && body != "" {
			messages = append(messages, Message{role, body})
		}
	}
	if !hasInput { // the roles have names that this function does not know
		return whole
	}
	return messages
}
