package platform

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A frame may end inside a character: a relay that cuts at bytes, or between the halves of a
// surrogate pair, puts the rest into the next frame. This package never returns half a character.

// replacement stands for a character that cannot be read.
const replacement = "\uFFFD"

// runeJoiner joins pieces of text to valid UTF-8. Half a character at the end of a piece waits for
// the next piece. The zero value is ready for one answer.
type runeJoiner struct{ pending []byte }

// add appends a piece to an answer. valid says that the piece is known to be valid UTF-8.
func (j *runeJoiner) add(answer *strings.Builder, piece []byte, valid bool) {
	if valid && len(j.pending) == 0 {
		answer.Write(piece)
		return
	}
	joined := append(j.pending, piece...)
	whole := completeLen(joined)
	writeValid(answer, joined[:whole])
	j.pending = append([]byte(nil), joined[whole:]...)
}

// flush appends the pending bytes, because no other piece will come.
func (j *runeJoiner) flush(answer *strings.Builder) {
	writeValid(answer, j.pending)
	j.pending = nil
}

// completeLen returns the length of b without half a character at its end.
func completeLen(b []byte) int {
	for n := 1; n <= min(len(b), utf8.UTFMax-1); n++ {
		start := len(b) - n
		if !utf8.RuneStart(b[start]) {
			continue
		}
		if tail := b[start:]; !utf8.FullRune(tail) || utf16.IsSurrogate(surrogate(tail)) && surrogate(tail) < 0xdc00 {
			return start
		}
		break
	}
	return len(b)
}

// writeValid appends b. It joins surrogate pairs, and writes U+FFFD for bytes that are no
// character.
func writeValid(answer *strings.Builder, b []byte) {
	if utf8.Valid(b) {
		answer.Write(b)
		return
	}
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if high := surrogate(b); high != 0 {
			r, size = utf8.RuneError, 3
			if pair := utf16.DecodeRune(high, surrogate(b[3:])); pair != utf8.RuneError {
				r, size = pair, 6
			}
		}
		answer.WriteRune(r)
		b = b[size:]
	}
}

// surrogate returns the half of a surrogate pair that b begins with (in WTF-8), or 0.
func surrogate(b []byte) rune {
	if len(b) < 3 || b[0] != 0xed || b[1] < 0xa0 || b[1] > 0xbf || b[2] < 0x80 || b[2] > 0xbf {
		return 0
	}
	return 0xd000 | rune(b[1]&0x3f)<<6 | rune(b[2]&0x3f)
}

// maxHeldBytes limits how many bytes of an answer are held back because of a broken character.
// Nearly all answers are shorter.
const maxHeldBytes = 64 << 10

// brokenText holds back an answer from its first U+FFFD on, because the record may have the
// character that was broken on the way. The zero value is ready for one answer.
type brokenText struct {
	scanned    int  // there is no U+FFFD before this byte
	isBroken   bool // there is a U+FFFD at scanned
	isReleased bool // everything is passed on, because too much would be held back
}

// release returns the part of an answer that can be passed on. whole is the answer so far, which
// only grows.
func (h *brokenText) release(whole string) string {
	if h.isReleased {
		return whole
	}
	if !h.isBroken {
		i := strings.Index(whole[h.scanned:], replacement)
		if i < 0 {
			h.scanned = len(whole)
			return whole
		}
		h.scanned, h.isBroken = h.scanned+i, true
	}
	if len(whole)-h.scanned > maxHeldBytes {
		h.isReleased = true
		return whole
	}
	return whole[:h.scanned]
}

// split returns the parts of an answer that were passed on and held back.
func (h *brokenText) split(whole string) (passed, held string) {
	if h.isReleased || !h.isBroken {
		return whole, ""
	}
	return whole[:h.scanned], whole[h.scanned:]
}

// matchesBroken reports whether stored begins with the streamed text, apart from characters that
// became U+FFFD in the streamed text. A run of n U+FFFD stands for one to n characters.
func matchesBroken(stored, streamed string) bool {
	for streamed != "" {
		if !strings.HasPrefix(streamed, replacement) {
			literal, _, _ := strings.Cut(streamed, replacement)
			if !strings.HasPrefix(stored, literal) {
				return false
			}
			stored, streamed = stored[len(literal):], streamed[len(literal):]
			continue
		}
		broken := 0
		for strings.HasPrefix(streamed, replacement) {
			streamed = streamed[len(replacement):]
			broken++
		}
		literal, _, _ := strings.Cut(streamed, replacement)
		if stored == "" {
			return false
		}
		_, first := utf8.DecodeRuneInString(stored)
		i := strings.Index(stored[first:], literal)
		if i < 0 || utf8.RuneCountInString(stored[:first+i]) > broken {
			return false
		}
		stored = stored[first+i:]
	}
	return true
}
