package platform

import "strings"

const (
	openTag  = "<think>"
	closeTag = "</think>"
)

type thinkState uint8

const (
	thinkOpening   thinkState = iota // only white space, or a part of the open tag, so far
	thinkReasoning                   // inside the block
	thinkClosed                      // in the white space after it
	thinkText                        // in the answer itself
)

// thinkSplitter parts an answer into the reasoning of a <think> block that opens
// it and the text. White space inside the tags and after the close tag is dropped;
// an answer that does not open with the block is text. A block that is never closed
// is reasoning to the end of the answer. A close tag in the text that closes nothing
// is dropped, unless it stands in code: models write one whose open tag is a part of
// their prompt.
//
// The zero value is ready for one answer.
type thinkSplitter struct {
	state        thinkState
	next         int  // first byte of the answer that was neither passed on nor dropped
	scanned      int  // up to here the answer was looked at
	reasoningEnd int  // end of the last byte of reasoning that is no white space
	hasReasoning bool // some reasoning was returned
	lone         loneTags
}

// split returns what is new in an answer since the last call: reasoning first,
// then text. whole is the answer so far; it only ever grows. What may yet turn out
// to be a tag, or white space in front of one, is held back until ended is true.
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

// splitText returns what of the text can be passed on.
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

// decideOpening decides whether the answer opens with the block, once it can.
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

// splitReasoning returns what of the block can be passed on.
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
		t.reasoningEnd = t.scanned // no tag follows the white space: it is the block's own
	}
	out := whole[t.next:t.reasoningEnd]
	t.next, t.hasReasoning = t.reasoningEnd, t.hasReasoning || out != ""
	if closed {
		t.state, t.next = thinkClosed, t.scanned+len(closeTag)
	}
	return out
}

// skipSpace returns the place of the first byte of s from i on that is no white
// space, or len(s).
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

// partialTagLen returns the length of the longest end of s with which a close tag
// may begin.
func partialTagLen(s string) int {
	for n := min(len(s), len(closeTag)-1); n > 0; n-- {
		if strings.HasPrefix(closeTag, s[len(s)-n:]) {
			return n
		}
	}
	return 0
}
