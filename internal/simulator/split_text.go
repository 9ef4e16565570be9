package simulator

import (
	"unicode"
	"unicode/utf8"
)

// splitText splits a text as the platform does for its frames: parts of words with the space before them, one or
// two Han characters, line breaks and punctuation alone, and whole emoji. So a tag such as <think> is in several
// frames. The pieces joined are the text.
func splitText(text string) []string {
	pieces := make([]string, 0, len(text)/4+1)
	for len(text) > 0 {
		n := pieceLength(text, len(pieces))
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return pieces
}

// pieceLength returns the length in bytes of the piece at the start of text, which is the k-th piece.
func pieceLength(text string, k int) int {
	blanks := 0
	for blanks < len(text) && text[blanks] == ' ' {
		blanks++
	}
	r, size := utf8.DecodeRuneInString(text[blanks:])
	switch {
	case blanks == len(text):
		return blanks
	case isHan(r):
		return blanks + runLength(text[blanks:], 1+k%2, isHan)
	case unicode.IsLetter(r):
		return blanks + runLength(text[blanks:], 3+k%5, func(r rune) bool { return unicode.IsLetter(r) && !isHan(r) })
	case unicode.IsDigit(r):
		return blanks + runLength(text[blanks:], 3, unicode.IsDigit)
	case blanks > 0:
		return blanks
	case r == '\n':
		return runLength(text, 2, func(r rune) bool { return r == '\n' })
	}
	return size + joinedLength(text[size:])
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// runLength returns the length in bytes of up to maxRunes leading runes for which isKind is true, and of what is
// joined to the last one.
func runLength(text string, maxRunes int, isKind func(rune) bool) int {
	n := 0
	for range maxRunes {
		r, size := utf8.DecodeRuneInString(text[n:])
		if size == 0 || !isKind(r) {
			break
		}
		n += size
	}
	return n + joinedLength(text[n:])
}

const zeroWidthJoiner = '\u200d' // joins the parts of one emoji

// joinedLength returns the length in bytes of what belongs to the character before text: combining marks,
// variation selectors, skin tones, and parts of an emoji after a joiner.
func joinedLength(text string) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		switch {
		case r == zeroWidthJoiner:
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
