package emulate

import "strings"

// unescaper takes one level of escapeTags back in text that comes in pieces: a
// model that reads `&lt;tool_call` in what it wrote before writes that again.
type unescaper struct {
	held string // may still become a reference
	tail int    // how much more may stand before the end of the tag whose < was taken back; 0 is no such tag
}

// maxLevels bounds how many times over a reference is told from mere text.
const maxLevels = 64

// tagNames are what follows a < or its reference in a tag.
var tagNames = [...]string{"tool_call", "tool_result", "/tool_call", "/tool_result", "function="}

// take returns what of the text so far is decided.
func (u *unescaper) take(text string) string {
	if u.held == "" && u.tail == 0 && strings.IndexByte(text, '&') < 0 {
		return text
	}
	text = u.held + text
	u.held = ""
	var out strings.Builder
	for text != "" {
		n := u.plain(text)
		out.WriteString(text[:n])
		if text = text[n:]; text == "" {
			break
		}
		written, size, undecided := u.reference(text)
		if undecided {
			u.held = text
			break
		}
		out.WriteString(written)
		text = text[size:]
	}
	return out.String()
}

// plain returns how much of text stands before the next &.
func (u *unescaper) plain(text string) int {
	n := 0
	for u.tail > 0 && n < len(text) && isTail(text[n]) {
		n++
		u.tail--
	}
	if n < len(text) && text[n] != '&' {
		u.tail = 0
	}
	if i := strings.IndexByte(text[n:], '&'); i >= 0 {
		return n + i
	}
	return len(text)
}

// end returns what was held back.
func (u *unescaper) end() string {
	held := u.held
	u.held, u.tail = "", 0
	return held
}

// reference returns what stands for the & that text begins with, and how much of text
// that takes. It is undecided when text ends too soon to tell.
func (u *unescaper) reference(text string) (written string, size int, undecided bool) {
	amps := len("&")
	for strings.HasPrefix(text[amps:], "amp;") && amps < maxLevels*len("amp;") {
		amps += len("amp;")
	}
	rest := text[amps:]
	if strings.HasPrefix("amp;", rest) {
		return "", 0, true
	}
	isOpen := u.tail > 0
	switch name, isPart := tagBehind(rest); {
	case isOpen && strings.HasPrefix(rest, "gt;"):
		u.tail = 0
		size = amps + len("gt;")
		return lower(text[:size], ">"), size, false
	case isPart, isOpen && strings.HasPrefix("gt;", rest):
		return "", 0, true
	case name == "":
		u.tail = 0
		return "&", 1, false
	default:
		u.tail = len(name) + maxTail + 1
		size = amps + len("lt;")
		return lower(text[:size], "<"), size, false
	}
}

// tagBehind returns the name of a tag that stands in text behind `lt;`. isPart says
// that text may be the beginning of that.
func tagBehind(text string) (name string, isPart bool) {
	rest, ok := strings.CutPrefix(text, "lt;")
	if !ok {
		return "", strings.HasPrefix("lt;", text)
	}
	for _, name := range tagNames {
		if strings.HasPrefix(rest, name) {
			return name, false
		}
		isPart = isPart || strings.HasPrefix(name, rest)
	}
	return "", isPart
}

// lower takes one level off a reference; of the last one, char is left.
func lower(reference, char string) string {
	if rest, ok := strings.CutPrefix(reference, "&amp;"); ok {
		return "&" + rest
	}
	return char
}
