package simulator

import "unicode/utf8"

// Tokens is how the simulator counts: a token for each rune beyond ASCII, and one
// for every four ASCII bytes or part of them.
func Tokens(text string) int {
	ascii, other := 0, 0
	for i := range len(text) {
		switch {
		case text[i] < utf8.RuneSelf:
			ascii++
		case utf8.RuneStart(text[i]):
			other++
		}
	}
	return (ascii+3)/4 + other
}

// contextTokens is what a question costs before its own text: the prompt and the
// exchanges that the model sees.
func (x *session) contextTokens() int {
	n := Tokens(x.Prompt)
	for _, e := range x.inContext() {
		n += e.tokens
	}
	return n
}
