package tokens

import (
	"unicode"
	"unicode/utf8"
)

// class says how a rune takes part in a piece. A rune may belong to several classes.
type class uint8

const (
	upper    class = 1 << iota // it can stand in the first part of a word: a capital letter, or one without case
	lower                      // it can stand in the second part: a small letter, or one without case
	prefix                     // it can stand before a word: neither letter, number nor line break
	number                     // \p{N}
	space                      // \s
	newline                    // \r or \n
	symbol                     // neither space, letter nor number
	caseless = upper | lower
)

// asciiClasses are the classes of the first runes.
var asciiClasses = func() (classes [utf8.RuneSelf]class) {
	for r := range rune(utf8.RuneSelf) {
		classes[r] = unicodeClass(r)
	}
	return classes
}()

func unicodeClass(r rune) class {
	switch {
	case r == '\r' || r == '\n':
		return space | newline
	case unicode.In(r, unicode.Lo, unicode.Lm): // first, for the sake of Chinese
		return caseless
	case unicode.IsLower(r): // \p{Ll}
		return lower
	case unicode.IsUpper(r) || unicode.IsTitle(r):
		return upper
	case unicode.IsSpace(r):
		return space | prefix
	case unicode.IsNumber(r):
		return number
	case unicode.IsMark(r):
		return caseless | prefix | symbol
	default:
		return prefix | symbol
	}
}

// classAt returns the classes and the length of the first rune of a text, 0 and 0 at its end.
func classAt(text string) (c class, length int) {
	if text == "" {
		return 0, 0
	}
	if text[0] < utf8.RuneSelf {
		return asciiClasses[text[0]], 1
	}
	r, length := utf8.DecodeRuneInString(text)
	return unicodeClass(r), length
}

// countWhile returns the length of the longest prefix of a text whose runes all belong to one of the classes.
func countWhile(text string, classes class) (length int) {
	for {
		c, n := classAt(text[length:])
		if c&classes == 0 {
			return length
		}
		length += n
	}
}

// pieceLength returns the length of the piece that begins a text. The text is not empty. Pieces are encoded each on
// its own. They are the matches of this regular expression of o200k_base:
//
//	[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
//	|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
func pieceLength(text string) int {
	if n := wordLength(text); n > 0 {
		return n + contractionLength(text[n:])
	}
	c, n := classAt(text)
	switch {
	case c&number != 0:
		return numberLength(text)
	case c&symbol != 0:
		return symbolsLength(text)
	case text[0] == ' ':
		if c, _ := classAt(text[1:]); c&symbol != 0 {
			return 1 + symbolsLength(text[1:])
		}
	}
	return max(spacesLength(text), n)
}

// wordLength returns the length of a word with the rune before it, but without a contraction at its end, or 0 when
// the text begins with no word. It is the first line of the expression, or else the second.
func wordLength(text string) int {
	before := 0 // length of the rune before the word
	if c, n := classAt(text); c&prefix != 0 {
		before = n
	}
	if n := mixedWordLength(text[before:]); n > 0 {
		return before + n
	}
	if before > 0 {
		if n := mixedWordLength(text); n > 0 {
			return n
		}
	}
	if n := countWhile(text[before:], upper); n > 0 {
		return before + n
	}
	return countWhile(text, upper) // 0 unless the rune before is a mark, which can be part of a word
}

// mixedWordLength returns the length of a word that ends with a small letter or one without case: as many runes of
// upper as possible, then at least one of lower.
func mixedWordLength(text string) int {
	end := 0     // of the runes of upper
	shorter := 0 // end of the last rune of upper that is of lower, too
	for {
		c, n := classAt(text[end:])
		if c&upper == 0 {
			break
		}
		if end += n; c&lower != 0 {
			shorter = end
		}
	}
	if n := countWhile(text[end:], lower); n > 0 {
		return end + n
	}
	return shorter
}

// contractionLength returns the length of 's, 't, 're, 've, 'm, 'll or 'd at the beginning of a text, in any case,
// or 0. ſ is a form of s.
func contractionLength(text string) int {
	if len(text) < 2 || text[0] != '\'' {
		return 0
	}
	switch text[1] | 0x20 {
	case 's', 't', 'm', 'd':
		return 2
	case 'r', 'v':
		if len(text) > 2 && text[2]|0x20 == 'e' {
			return 3
		}
	case 'l':
		if len(text) > 2 && text[2]|0x20 == 'l' {
			return 3
		}
	}
	if r, n := utf8.DecodeRuneInString(text[1:]); r == 'ſ' {
		return 1 + n
	}
	return 0
}

// numberLength returns the length of up to three runes of number.
func numberLength(text string) (length int) {
	for range 3 {
		c, n := classAt(text[length:])
		if c&number == 0 {
			break
		}
		length += n
	}
	return length
}

// symbolsLength returns the length of symbols with the line breaks and slashes after them.
func symbolsLength(text string) int {
	length := countWhile(text, symbol)
	for length < len(text) && (text[length] == '\r' || text[length] == '\n' || text[length] == '/') {
		length++
	}
	return length
}

// spacesLength returns the length of spaces up to the last line break among them. Without a line break, the last
// space before another rune belongs to the next piece; then it may return 0.
func spacesLength(text string) int {
	end, lastBreak, last := 0, 0, 0
	for {
		c, n := classAt(text[end:])
		if c&space == 0 {
			break
		}
		end, last = end+n, n
		if c&newline != 0 {
			lastBreak = end
		}
	}
	switch {
	case lastBreak > 0:
		return lastBreak
	case end == len(text):
		return end
	default:
		return end - last
	}
}
