package simulator

import "unicode/utf8"

// Tokens returns the number of tokens of a text, as the simulator counts them: one for each rune outside ASCII, and
// one for every four ASCII bytes, rounded up.
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

// contextTokens returns the tokens of a question without its own text: those of the prompt and of the exchanges that
// the model sees.
func (x *session) contextTokens() int {
	n := Tokens(x.Prompt)
	for _, e := range x.visibleExchanges() {
		n += e.tokens
	}
	return n
}
