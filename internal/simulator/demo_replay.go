package simulator

import (
	"regexp"
	"strings"
)

// message is one message of a conversation that came as one text.
type message struct{ role, text string }

// marker is a line that names who speaks, next to a random number in hex:
// "[[0123456789abcdef user]]" and the like.
var marker = regexp.MustCompile(`(?m)^[\[<#=({* -]*([0-9a-f]{8,64})[ :|/-]+([a-z]+)\b[^\n]*$`)

// unframe splits a text into the messages that stand in it after marker lines. A
// text with fewer than two markers of one number is a user's message as it is.
func unframe(text string) []message {
	lines := marker.FindAllStringSubmatchIndex(text, -1)
	if len(lines) < 2 {
		return []message{{"user", text}}
	}
	number := text[lines[0][2]:lines[0][3]]
	var out []message
	spoken := 0
	for i, at := range lines {
		if text[at[2]:at[3]] != number {
			return []message{{"user", text}}
		}
		role, end := text[at[4]:at[5]], len(text)
		if i+1 < len(lines) {
			end = lines[i+1][0]
		}
		if role == "user" || role == "tool" {
			spoken++
		}
		if body := strings.TrimSpace(text[at[1]:end]); role != "end" && body != "" {
			out = append(out, message{role, body})
		}
	}
	if spoken == 0 { // another framing's words: what was said is in there somewhere
		return []message{{"user", text}}
	}
	return out
}

// wish is what a picture shall show: the last thing the user said.
func wish(text string) string {
	last := text
	for _, m := range unframe(text) {
		if m.role == "user" {
			last = m.text
		}
	}
	return last
}
