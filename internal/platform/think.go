package platform

import "strings"

const (
	openTag  = "<think>"
	closeTag = "</think>"
)

type thinkState uint8

const (
	thinkOpening   thinkState = iota // only white space or a part of a tag so far
	thinkReasoning                   // inside the block
	thinkClosed                      // in the white space after the block
	thinkText                        // in the text of the answer
)

// thinkSplitter splits an answer into the reasoning of a <think> block at its start and the text.
// It drops white space inside the tags and after the closing tag. Without a block at its start an
// answer is all text. A block that is never closed is reasoning up to the end. In the text, it
// drops closing tags without an opening tag, except in code, because models write one when the
// opening tag is a part of their prompt.
//
// The zero value is ready for one answer.
type thinkSplitter struct {
	state        thinkState
	next         int  // first byte of the answer that is neither passed on nor dropped
	scanned      int  // bytes before this one have been read
	reasoningEnd int  // end of the reasoning without the white space at its end
	hasReasoning bool // some reasoning has been returned
	lone         loneTags
}

// split returns what is new in an answer since the last call: reasoning first, then text. whole is
// the answer so far, which only grows. Until ended is true, split holds back what may become a
// tag, and white space in front of it.
func (t *thinkSplitter) split(whole string, ended bool) (reasoning, text string) {
	if t.state == thinkOpening {
		t.decideOpening(whole, ended)
	}
	if t.state == thinkReasoning {
		reasoning = t.splitReasoning(whole, ended)
	}
	if t.state == thinkClosed {
		t.next = skipSpace(whole, t.next)
		if t.next < len(whole) {
			t.state = thinkText
			t.scanned = t.next
			t.lone.start, t.lone.scanned = t.next, t.next
		}
	}
	if t.state == thinkText {
		text = t.splitText(whole, ended)
	}
	return reasoning, text
}

// splitText returns the text that can be passed on.
func (t *thinkSplitter) splitText(whole string, ended bool) (text string) {
	for {
		i := strings.Index(whole[t.scanned:], closeTag)
		if i < 0 {
			break
		}
		tag := t.scanned + i
		t.scanned = tag + len(closeTag)
		if t.lone.isLone(whole, tag) {
			text += whole[t.next:tag]
			t.next = t.scanned
		}
	}
	t.scanned = len(whole)
	if !ended {
		t.scanned -= partialTagLen(whole[t.next:])
	}
	text += whole[t.next:t.scanned]
	t.next = t.scanned
	return text
}

// decideOpening decides whether the answer begins with the block, as soon as that is certain.
func (t *thinkSplitter) decideOpening(whole string, ended bool) {
	t.scanned = skipSpace(whole, t.scanned)
	start := whole[t.scanned:]
	switch {
	case strings.HasPrefix(start, openTag):
		t.state = thinkReasoning
		t.next = t.scanned + len(openTag)
		t.scanned, t.reasoningEnd = t.next, t.next
	case strings.HasPrefix(start, closeTag):
		t.state = thinkClosed
		t.next = t.scanned + len(closeTag)
	case ended || !strings.HasPrefix(openTag, start) && !strings.HasPrefix(closeTag, start):
		t.state = thinkText
		t.scanned = t.next
	}
}

// splitReasoning returns the reasoning that can be passed on.
func (t *thinkSplitter) splitReasoning(whole string, ended bool) string {
	if !t.hasReasoning {
		t.next = skipSpace(whole, t.next)
		t.scanned, t.reasoningEnd = max(t.scanned, t.next), max(t.reasoningEnd, t.next)
	}
	rest := whole[t.scanned:]
	end := strings.Index(rest, closeTag)
	closed := end >= 0
	switch {
	case closed:
	case ended:
		end = len(rest)
	default:
		end = len(rest) - partialTagLen(rest)
	}
	if n := trimmedLen(rest[:end]); n > 0 {
		t.reasoningEnd = t.scanned + n
	}
	t.scanned += end
	if ended && !closed {
		t.reasoningEnd = t.scanned // no tag follows, so the white space belongs to the reasoning
	}
	out := whole[t.next:t.reasoningEnd]
	t.next, t.hasReasoning = t.reasoningEnd, t.hasReasoning || out != ""
	if closed {
		t.state, t.next = thinkClosed, t.scanned+len(closeTag)
	}
	return out
}

// skipSpace returns the index of the first byte of s from i on that is no white space, or len(s).
func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

// trimmedLen returns the length of s without the white space at its end.
func trimmedLen(s string) int {
	n := len(s)
	for n > 0 && isSpace(s[n-1]) {
		n--
	}
	return n
}

// partialTagLen returns the length of the longest suffix of s that begins a closing tag.
func partialTagLen(s string) int {
	for n := min(len(s), len(closeTag)-1); n > 0; n-- {
		if strings.HasPrefix(closeTag, s[len(s)-n:]) {
			return n
		}
	}
	return 0
}
