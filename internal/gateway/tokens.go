package gateway

import (
	"sync"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer"
)

// The platform counts tokens when it counts at all; here they are estimated with
// OpenAI's o200k_base vocabulary, whatever the model. The vocabulary takes about
// 20 ms and 6 MiB, once, when the first estimate is made.
var vocabulary = sync.OnceValue(func() tokenizer.Codec {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		return nil // not a vocabulary of the library's: cannot be, it is compiled in
	}
	return codec
})

// maxSliceBytes bounds what the tokenizer sees at once: it is quadratic on long words.
const maxSliceBytes = 512 // bytes

// countTokens estimates the tokens of a text.
func countTokens(text string) int { return countSlices(text, countSlice) }

// countSlices adds up what count says of the slices of a text.
func countSlices(text string, count func(piece string) int) (total int) {
	for text != "" {
		piece := firstBytes(text, maxSliceBytes)
		text = text[len(piece):]
		total += count(piece)
	}
	return total
}

// countSlice estimates the tokens of one slice.
func countSlice(piece string) int {
	if codec := vocabulary(); codec != nil {
		if n, err := codec.Count(piece); err == nil {
			return n
		}
	}
	return (len(piece) + 3) / 4 // about what English takes
}

// firstBytes returns at most n bytes of text, cut on a rune border.
func firstBytes(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	if n == 0 { // not UTF-8
		_, n = utf8.DecodeRuneInString(text)
	}
	return text[:n]
}

// firstTokens returns the longest prefix of text, on a rune border, that takes at
// most n tokens, and how many it takes.
func firstTokens(text string, n int) (string, int) {
	kept, used := 0, 0
	for kept < len(text) && used < n {
		piece := firstBytes(text[kept:], maxSliceBytes)
		count := countTokens(piece)
		if used+count > n {
			piece, count = shortenToTokens(piece, n-used)
			return text[:kept+len(piece)], used + count
		}
		kept += len(piece)
		used += count
	}
	return text[:kept], used
}

// shortenToTokens shortens one slice to at most n tokens by bisection.
func shortenToTokens(piece string, n int) (string, int) {
	low, high := 0, len(piece) // low fits, high does not
	for high-low > 1 {
		middle := len(firstBytes(piece, (low+high)/2))
		if middle <= low || middle >= high {
			break
		}
		if countTokens(piece[:middle]) <= n {
			low = middle
		} else {
			high = middle
		}
	}
	return piece[:low], countTokens(piece[:low])
}

// maxCountedBytes bounds how many bytes are counted for one estimate, so that the end of
// an answer does not wait for it: 4 MiB take about half a second. Of longer texts a
// sample is counted.
const maxCountedBytes = 128 << 10

// estimateTokens estimates the tokens of texts together: it counts one slice in
// several, evenly over all bytes, and takes the rest to be like them.
func estimateTokens(texts ...string) int { return estimateSlices(countSlice, texts...) }

// estimateSlices is estimateTokens with what counts one slice.
func estimateSlices(count func(piece string) int, texts ...string) int {
	bytes := 0
	for _, text := range texts {
		bytes += len(text)
	}
	stride := (bytes/maxCountedBytes + 1) * maxSliceBytes // from one slice that is counted to the next
	at, next := 0, 0
	counted, tokens := 0, 0 // bytes and their tokens
	for _, text := range texts {
		for text != "" {
			piece := firstBytes(text, maxSliceBytes)
			text = text[len(piece):]
			if at += len(piece); bytes > maxCountedBytes && at <= next {
				continue
			}
			next += stride
			counted += len(piece)
			tokens += count(piece)
		}
	}
	if counted == bytes {
		return tokens
	}
	return int(float64(tokens) * float64(bytes) / float64(counted))
}

// messageOverhead is what a message costs beside its text, as OpenAI counts.
const messageOverhead = 3

// estimatePrompt estimates the tokens of what the platform is told for a request.
func (s *shaper) estimatePrompt() int {
	texts := []string{s.plan.Prompt, s.plan.Preamble}
	overhead := messageOverhead
	if s.plan.Prompt != "" || s.plan.Preamble != "" {
		overhead += messageOverhead
	}
	for _, m := range s.request.Transcript() {
		overhead += messageOverhead
		texts = append(texts, s.plan.MessageText(m))
	}
	return overhead + estimateTokens(texts...)
}
