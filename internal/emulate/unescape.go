package emulate

import "strings"

// unescaper removes one level of escapeTags from text that comes in pieces. A model that reads
// `&lt;tool_call` in its earlier text writes that again.
type unescaper struct {
	held     string // may become a reference
	tailLeft int    // maximum bytes up to the end of the tag whose < was unescaped; 0 outside of such a tag
}

// maxReferenceLevels limits how many levels of escaping are recognized.
const maxReferenceLevels = 64

// tagNames follow a < or its reference in a tag.
var tagNames = [...]string{"tool_call", "tool_result", "/tool_call", "/tool_result", "function="}

// take returns the part of the text that is decided.
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
		written, size, isUndecided := u.readReference(text)
		if isUndecided {
			u.held = text
			break
		}
		out.WriteString(written)
		text = text[size:]
	}
	return out.String()
}

// plainLen returns the length of text before the next &.
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

// flush returns the held text.
func (u *unescaper) flush() string {
	held := u.held
	u.held, u.tailLeft = "", 0
	return held
}

// readReference returns the text for the reference that text begins with, and the length of the
// reference. isUndecided says that text ends too soon to decide.
func (u *unescaper) readReference(text string) (written string, size int, isUndecided bool) {
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

// tagAfterReference returns the name of a tag that follows `lt;` in text. isPart says that text
// may be the beginning of that.
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

// removeLevel removes one level of escaping from a reference. The last level becomes char.
func removeLevel(reference, char string) string {
	if rest, ok := strings.CutPrefix(reference, "&amp;"); ok {
		return "&" + rest
	}
	return char
}
