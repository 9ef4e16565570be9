// Package tokens counts the tokens of a text as OpenAI's vocabulary o200k_base does, for estimates. It only counts:
// it returns no tokens and decodes none. Which texts are counted, and how many bytes of them, belongs to package
// gateway.
//
// The library that its tests compare it with has the vocabulary as a Go map. That map is 6.6 MB of a program, and
// its construction takes 6 MiB of heap. Here the vocabulary is 1 MB of a program and 3 MiB of heap, from the first
// count on.
package tokens

import (
	"math"
	"unicode/utf8"
)

// Count returns the number of tokens of a text. Bytes that are not UTF-8 count as U+FFFD. The time for a word grows
// with the square of its length.
func Count(text string) (n int) {
	if !utf8.ValidString(text) {
		text = string([]rune(text)) // each wrong byte becomes U+FFFD
	}
	v := o200k()
	for text != "" {
		length := pieceLength(text)
		n += v.countPiece(text[:length])
		text = text[length:]
	}
	return n
}

// maxPieceOnStack is the length in bytes of the pieces that are counted without an allocation.
const maxPieceOnStack = 128

// noRank is the rank of a string that is no token.
const noRank = math.MaxUint32

// countPiece returns the number of tokens of a piece, by byte-pair encoding: it begins with single bytes and merges
// the two neighbours that make the token of the lowest rank, the leftmost of equals, until no neighbours make a
// token.
func (v *vocabulary) countPiece(piece string) int {
	if v.rank(piece) != noRank {
		return 1
	}
	var stack [maxPieceOnStack + 1]part
	m := merger{v: v, piece: piece, parts: stack[:0]}
	for i := range len(piece) + 1 {
		m.parts = append(m.parts, part{start: uint32(i)})
	}
	for i := range m.parts {
		m.parts[i].rank = m.rankWithNext(i)
	}
	for {
		lowest, rank := 0, uint32(noRank)
		for i, p := range m.parts {
			if p.rank < rank {
				lowest, rank = i, p.rank
			}
		}
		if rank == noRank {
			return len(m.parts) - 1
		}
		m.parts = append(m.parts[:lowest+1], m.parts[lowest+2:]...)
		m.parts[lowest].rank = m.rankWithNext(lowest)
		if lowest > 0 {
			m.parts[lowest-1].rank = m.rankWithNext(lowest - 1)
		}
	}
}

// merger merges the parts of a piece.
type merger struct {
	v     *vocabulary
	piece string
	parts []part // the last one is empty
}

// part is a part of a piece. It ends where the next one begins.
type part struct {
	start uint32
	rank  uint32 // of the token that this part and the next one make
}

// rankWithNext returns the rank of the token that the i-th part and the next one make.
func (m *merger) rankWithNext(i int) uint32 {
	if i+2 >= len(m.parts) {
		return noRank
	}
	return m.v.rank(m.piece[m.parts[i].start:m.parts[i+2].start])
}
