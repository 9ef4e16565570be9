package emulate

import "strings"

// unescaper takes one level of escapeTags back in text that comes in pieces: a
// model that reads `&lt;tool_call` in what it wrote before writes that again.
type unescaper struct {
	held     string // may still become a reference
	tailLeft int    // how much more may stand before the end of the tag whose < was taken back; 0 is no such tag
}

// maxReferenceLevels bounds how many times over a reference is told from mere text.
const maxReferenceLevels = 64

// tagNames are what follows a < or its reference in a tag.
var tagNames = [...]string{"tool_call", "tool_result", "/tool_call", "/tool_result", "function="}

// take returns what of the text so far is decided.
func (u *unescaper) take(text string) string {
	if u.held == "" && u.tailLeft == 0 && strings.IndexByte(text, '&') < 0 {
		return text
	}
	text = u.held + text
	u.held = ""
	var out strings.Builder
	for text != "" {
		n := u.plainLen(text)
		out.WriteString(text[:n])
		if text = text[n:]; text == "" {
			break
		}
		written, size, undecided := u.readReference(text)
		if undecided {
			u.held = text
			break
		}
		out.WriteString(written)
		text = text[size:]
	}
	return out.String()
}

// plainLen returns how much of text stands before the next &.
func (u *unescaper) plainLen(text string) int {
	n := 0
	for u.tailLeft > 0 && n < len(text) && isTagTail(text[n]) {
		n++
		u.tailLeft--
	}
	if n < len(text) && text[n] != '&' {
		u.tailLeft = 0
	}
	if i := strings.IndexByte(text[n:], '&'); i >= 0 {
		return n + i
	}
	return len(text)
}

// flush returns what was held back.
func (u *unescaper) flush() string {
	held := u.held
	u.held, u.tailLeft = "", 0
	return held
}

// readReference returns what stands for the & that text begins with, and how much of text
// that takes. It is undecided when text ends too soon to tell.
func (u *unescaper) readReference(text string) (written string, size int, undecided bool) {
	amps := len("&")
	for strings.HasPrefix(text[amps:], "amp;") && amps < maxReferenceLevels*len("amp;") {
		amps += len("amp;")
	}
	rest := text[amps:]
	if strings.HasPrefix("amp;", rest) {
		return "", 0, true
	}
	isOpen := u.tailLeft > 0
	switch name, isPart := tagAfterReference(rest); {
	case isOpen && strings.HasPrefix(rest, "gt;"):
		u.tailLeft = 0
		size = amps + len("gt;")
		return removeLevel(text[:size], ">"), size, false
	case isPart, isOpen && strings.HasPrefix("gt;", rest):
		return "", 0, true
	case name == "":
		u.tailLeft = 0
		return "&", 1, false
	default:
		u.tailLeft = len(name) + maxTagTail + 1
		size = amps + len("lt;")
		return removeLevel(text[:size], "<"), size, false
	}
}

// tagAfterReference returns the name of a tag that stands in text behind `lt;`. isPart says
// that text may be the beginning of that.
func tagAfterReference(text string) (name string, isPart bool) {
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

// removeLevel takes one level off a reference; of the last one, char is left.
func removeLevel(reference, char string) string {
	if rest, ok := strings.CutPrefix(reference, "&amp;"); ok {
		return "&" + rest
	}
	return char
}
