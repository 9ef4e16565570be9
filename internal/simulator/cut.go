package simulator

import (
	"unicode"
	"unicode/utf8"
)

// cut splits a text as the platform's frames do: parts of words with the blank
// before them, one or two Han characters, line breaks and punctuation alone, an
// emoji whole. So a tag such as <think> lies on several frames. Joined, the pieces
// are the text.
func cut(text string) []string {
	pieces := make([]string, 0, len(text)/4+1)
	for len(text) > 0 {
		n := pieceLen(text, len(pieces))
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return pieces
}

// pieceLen is the length in bytes of the k-th piece, at the start of text.
func pieceLen(text string, k int) int {
	blanks := 0
	for blanks < len(text) && text[blanks] == ' ' {
		blanks++
	}
	r, size := utf8.DecodeRuneInString(text[blanks:])
	switch {
	case blanks == len(text):
		return blanks
	case unicode.Is(unicode.Han, r):
		return blanks + run(text[blanks:], 1+k%2, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	case unicode.IsLetter(r):
		return blanks + run(text[blanks:], 3+k%5, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Han, r) })
	case unicode.IsDigit(r):
		return blanks + run(text[blanks:], 3, unicode.IsDigit)
	case blanks > 0:
		return blanks
	case r == '\n':
		return run(text, 2, func(r rune) bool { return r == '\n' })
	}
	return size + joined(text[size:])
}

// run is the length of up to most leading runes that are of a kind, with what is
// joined to the last.
func run(text string, most int, kind func(rune) bool) int {
	n := 0
	for range most {
		r, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 || !kind(r) {
			break
		}
		n += size
	}
	return n + joined(text[n:])
}

const joiner = '\u200d' // between the parts of one emoji

// joined is the length of what belongs to the character before text: combining
// marks, variation selectors, skin tones, and emoji parts after a joiner.
func joined(text string) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		switch {
		case r == joiner:
			_, next := utf8.DecodeRuneInString(text[n+size:])
			n += size + next
		case unicode.Is(unicode.M, r) || r >= 0x1f3fb && r <= 0x1f3ff:
			n += size
		default:
			return n
		}
	}
	return n
}
