package gateway

import (
	"context"
	"unicode/utf8"

	"achuan/internal/chat"
	"achuan/internal/tokens"
)

// maxSliceBytes limits what is counted at once, because counting is quadratic on long words.
const maxSliceBytes = 512 // bytes

// countTokens estimates the number of tokens of a text for any model, by OpenAI's vocabulary.
func countTokens(text string) int { return countSlices(text, tokens.Count) }

// countSlices returns the sum of count over the slices of a text.
func countSlices(text string, count func(piece string) int) (total int) {
	for text != "" {
		piece := firstBytes(text, maxSliceBytes)
		text = text[len(piece):]
		total += count(piece)
	}
	return total
}

// firstBytes returns at most n bytes of text, cut on a rune border. It returns something of
// every text that is not empty, even if the text is not UTF-8.
func firstBytes(text string, n int) string {
	if head := chat.Truncate(text, n); head != "" {
		return head
	}
	_, size := utf8.DecodeRuneInString(text)
	return text[:size]
}

// firstTokens returns the longest prefix of text that has at most n tokens and ends on a rune
// border, and its number of tokens.
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

// shortenToTokens returns the longest prefix of a slice with at most n tokens, found by
// bisection, and its number of tokens.
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

// maxCountedBytes limits how many bytes one estimate counts, so that the end of an answer does
// not wait long: 4 MiB would take about half a second. Of longer texts a sample is counted.
const maxCountedBytes = 128 << 10

// estimateTokens estimates the number of tokens of all texts together. Of long texts it counts
// slices at equal distances and extrapolates.
func estimateTokens(texts ...string) int { return estimateSlices(tokens.Count, texts...) }

// estimateSlices is estimateTokens with a function that counts one slice.
func estimateSlices(count func(piece string) int, texts ...string) int {
	bytes := 0
	for _, text := range texts {
		bytes += len(text)
	}
	stride := (bytes/maxCountedBytes + 1) * maxSliceBytes // from the start of one counted slice to that of the next
	at, next := 0, 0
	counted, total := 0, 0 // bytes and their tokens
	for _, text := range texts {
		for text != "" {
			piece := firstBytes(text, maxSliceBytes)
			text = text[len(piece):]
			if at += len(piece); bytes > maxCountedBytes && at <= next {
				continue
			}
			next += stride
			counted += len(piece)
			total += count(piece)
		}
	}
	if counted == bytes {
		return total
	}
	return int(float64(total) * float64(bytes) / float64(counted))
}

// messageOverhead is the number of tokens that OpenAI adds for each message.
const messageOverhead = 3

// estimatePrompt estimates the number of tokens that the platform gets for a request.
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

// CountTokens estimates the tokens of a request's instructions, tools and messages. It asks nothing. The error
// for an unknown model is that of Chat.
func (g *Gateway) CountTokens(ctx context.Context, r *chat.Request) (int, error) {
	if _, ok := g.catalogue.find(ctx, r.Model); !ok {
		return 0, g.catalogue.unknownModelError(r.Model)
	}
	return countRequest(r), nil
}

func countRequest(r *chat.Request) int {
	texts := make([]string, 0, 2*len(r.Messages)+3*len(r.Tools))
	for _, t := range r.Tools {
		texts = append(texts, t.Name, t.Description, string(t.Parameters))
	}
	for _, m := range r.Messages {
		texts = append(texts, m.Text)
		for _, c := range m.ToolCalls {
			texts = append(texts, c.Name, c.Arguments)
		}
	}
	return messageOverhead*len(r.Messages) + estimateTokens(texts...)
}
