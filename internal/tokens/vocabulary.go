package tokens

import (
	"bytes"
	"compress/flate"
	_ "embed" // the vocabulary
	"fmt"
	"hash/maphash"
	"io"
	"strings"
	"sync"
)

// compressed is the vocabulary, compressed with deflate: the lengths of all tokens, one byte each, and then the
// bytes of all tokens, both in the order of their ranks. TestVocabulary compares it with the library's and can
// write it. Its licence is in LICENSE.vocabulary.
//
//go:embed o200k_base.deflate
var compressed []byte

// tokenCount is how many tokens o200k_base has, without the special ones, which no text of a client means.
const tokenCount = 199_998

// maxTokenLength is the length of the longest token in bytes.
const maxTokenLength = 128

// vocabulary finds the rank of a token.
type vocabulary struct {
	text   string   // all tokens, in the order of their ranks
	starts []uint32 // where each token begins in text, and at last the end of text

	// slots is a hash table with linear probing. A slot is 0 or has rank+1 in its low bits and a part of the hash
	// above them, which saves most comparisons of strings.
	slots []uint32
	seed  maphash.Seed
}

const (
	slotBits = 18 // a quarter of the slots is free
	rankBits = 18
	rankMask = 1<<rankBits - 1
)

// o200k returns the vocabulary. The first call makes it, which takes about 20 ms.
var o200k = sync.OnceValue(func() *vocabulary {
	v, err := decompress(compressed)
	if err != nil {
		panic(fmt.Sprintf("tokens: the vocabulary in the program is damaged: %v", err))
	}
	return v
})

// decompress returns the vocabulary of a file like compressed.
func decompress(file []byte) (*vocabulary, error) {
	r := flate.NewReader(bytes.NewReader(file))
	lengths := make([]byte, tokenCount)
	if _, err := io.ReadFull(r, lengths); err != nil {
		return nil, err
	}
	v := &vocabulary{
		starts: make([]uint32, 0, tokenCount+1), slots: make([]uint32, 1<<slotBits), seed: maphash.MakeSeed(),
	}
	size := uint32(0)
	for _, length := range lengths {
		v.starts = append(v.starts, size)
		size += uint32(length)
	}
	v.starts = append(v.starts, size)
	var text strings.Builder
	text.Grow(int(size))
	if _, err := io.CopyN(&text, r, int64(size)); err != nil {
		return nil, err
	}
	v.text = text.String()
	for rank := range uint32(tokenCount) {
		slot, _, tag := v.find(v.token(rank))
		v.slots[slot] = tag | (rank + 1)
	}
	return v, nil
}

// token returns the token of a rank.
func (v *vocabulary) token(rank uint32) string { return v.text[v.starts[rank]:v.starts[rank+1]] }

// rank returns the rank of a token, or noRank for a string that is no token.
func (v *vocabulary) rank(token string) uint32 {
	if len(token) > maxTokenLength {
		return noRank
	}
	_, rank, _ := v.find(token)
	return rank
}

// find returns the slot of a token and its rank, or a free slot and noRank for a string that is no token. The tag
// is the part of the hash that a slot has.
func (v *vocabulary) find(token string) (slot, rank, tag uint32) {
	hash := maphash.String(v.seed, token)
	tag = uint32(hash>>32) &^ rankMask
	for slot = uint32(hash) % (1 << slotBits); v.slots[slot] != 0; slot = (slot + 1) % (1 << slotBits) {
		if v.slots[slot]&^rankMask == tag {
			if rank = v.slots[slot]&rankMask - 1; v.token(rank) == token {
				return slot, rank, tag
			}
		}
	}
	return slot, noRank, tag
}
