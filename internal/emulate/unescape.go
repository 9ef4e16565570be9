package emulate

import "strings"

// unescaper takes one level of escapeTags back in text that comes in pieces: a
// model that reads `&lt;tool_call` in what it wrote before writes that again.
type unescaper struct {
	held string // may still become a reference in front of a tag's name
}

// maxLevels bounds how many times over a reference is told from mere text.
const maxLevels = 64

// tagNames are what follows a < or its reference in a tag.
var tagNames = [...]string{"tool_call", "tool_result", "/tool_call", "/tool_result"}

// take returns what of the text so far is decided.
func (u *unescaper) take(text string) string {
	if u.held == "" && strings.IndexByte(text, '&') < 0 {
		return text
	}
	text = u.held + text
	u.held = ""
	var out strings.Builder
	for {
		i := strings.IndexByte(text, '&')
		if i < 0 {
			out.WriteString(text)
			return out.String()
		}
		out.WriteString(text[:i])
		text = text[i:]
		n, undecided := reference(text)
		switch {
		case undecided:
			u.held = text
			return out.String()
		case n == 0:
			out.WriteByte('&')
			text = text[1:]
		case n == len("&lt;"):
			out.WriteByte('<')
			text = text[n:]
		default: // one of several levels
			out.WriteByte('&')
			text = text[len("&amp;"):]
			end := n - len("&amp;") // of what is now behind the &, which is written as it is
			out.WriteString(text[:end])
			text = text[end:]
		}
	}
}

// end returns what was held back.
func (u *unescaper) end() string {
	held := u.held
	u.held = ""
	return held
}

// reference returns how long the reference that text begins with is, when a tag's
// name follows it; 0 is none. It is undecided when text ends too soon to tell.
func reference(text string) (n int, undecided bool) {
	n = len("&")
	for strings.HasPrefix(text[n:], "amp;") && n < maxLevels*len("amp;") {
		n += len("amp;")
	}
	if rest, ok := strings.CutPrefix(text[n:], "lt;"); ok {
		n += len("lt;")
		for _, name := range tagNames {
			if strings.HasPrefix(rest, name) {
				return n, false
			}
			undecided = undecided || strings.HasPrefix(name, rest)
		}
		return 0, undecided
	}
	rest := text[n:]
	return 0, strings.HasPrefix("amp;", rest) || strings.HasPrefix("lt;", rest)
}
