package conversation

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"achuan/internal/chat"
)

// A marker of the replay framing in an answer is scaffolding: a model that imitates the
// framing writes it, often with a turn of the user that nobody said behind it. It never
// belongs to the client.

const (
	markerOpen  = "[["
	nonceDigits = 16
	maxMarker   = 1 << 10 // bytes of a marker that opens an answer
)

// newNonce returns 16 hex digits that isNonce knows again: the second half is a check of
// the first. So the markers of a session's earlier turns are known too, although only
// their text is kept, by the platform.
func newNonce() string {
	var half [nonceDigits / 4]byte
	rand.Read(half[:]) // never fails
	random := hex.EncodeToString(half[:])
	return random + nonceCheck(random)
}

func nonceCheck(random string) string {
	sum := digestOf("achuan marker 1", random)
	return hex.EncodeToString(sum[:nonceDigits/4])
}

// isNonce reports whether newNonce may have made the text.
func isNonce(text string) bool {
	return len(text) == nonceDigits && text[nonceDigits/2:] == nonceCheck(text[:nonceDigits/2])
}

// scaffoldFilter takes the markers out of an answer's text, whatever pieces it comes in:
// those that open the answer are dropped, and at any other the answer is cut.
type scaffoldFilter struct {
	// mayBeOurs reports whether a nonce may be of achuan's; nil for every one that isNonce
	// knows. A nonce that the client sent is the client's.
	mayBeOurs func(nonce string) bool
	dropsAll  bool // every marker is dropped, and nothing is cut

	held      string // the end of the text that may be the start of a marker
	hasBegun  bool   // something other than white space and markers has come
	hasMarker bool   // a marker was dropped
	isCut     bool   // a marker was found that does not open the answer
}

// take returns what of the next piece belongs to the client.
func (f *scaffoldFilter) take(text string) string {
	if f.isCut {
		return ""
	}
	if f.held == "" && strings.IndexByte(text, markerOpen[0]) < 0 {
		return f.keep(text)
	}
	text, f.held = f.held+text, ""
	var kept strings.Builder
	for {
		at := strings.Index(text, markerOpen)
		if at < 0 {
			if strings.HasSuffix(text, "[") {
				text, f.held = text[:len(text)-1], "["
			}
			kept.WriteString(f.keep(text))
			return kept.String()
		}
		kept.WriteString(f.keep(text[:at]))
		text = text[at:]
		size, isWhole := f.marker(text)
		switch {
		case !isWhole:
			f.held = text
			return kept.String()
		case size == 0:
			kept.WriteString(f.keep(text[:1]))
			text = text[1:]
		case f.hasBegun && !f.dropsAll:
			f.isCut = true
			return kept.String()
		default:
			f.hasMarker = true
			text = text[size:]
		}
	}
}

// end returns what was held back, when the answer has ended.
func (f *scaffoldFilter) end() string {
	held := f.held
	f.held = ""
	if f.isCut || len(held) >= len(markerOpen)+nonceDigits { // a marker that does not end
		return ""
	}
	return f.keep(held)
}

// keep returns text that holds no marker, without the white space behind a marker that
// opens the answer.
func (f *scaffoldFilter) keep(text string) string {
	if f.hasBegun {
		return text
	}
	trimmed := strings.TrimLeft(text, " \t\r\n")
	f.hasBegun = trimmed != ""
	if f.hasMarker && !f.dropsAll {
		return trimmed
	}
	return text
}

// marker returns the size of the marker that text, which starts with [[, begins with: 0
// for none. It is not whole while more text may decide that.
func (f *scaffoldFilter) marker(text string) (size int, isWhole bool) {
	nonce := text[len(markerOpen):min(len(text), len(markerOpen)+nonceDigits)]
	if strings.Trim(nonce, "0123456789abcdef") != "" {
		return 0, true
	}
	if len(nonce) < nonceDigits {
		return 0, false
	}
	if !isNonce(nonce) || f.mayBeOurs != nil && !f.mayBeOurs(nonce) {
		return 0, true
	}
	if f.hasBegun && !f.dropsAll {
		return len(markerOpen) + nonceDigits, true // the rest is cut off anyway
	}
	line, _, isLine := strings.Cut(text, "\n")
	if end := strings.Index(line, "]]"); end >= 0 {
		return end + len("]]"), true
	}
	if isLine || len(line) > maxMarker {
		return min(len(line), maxMarker), true
	}
	return 0, false
}

// withoutScaffold returns an answer that the platform has stored as its client got it.
func withoutScaffold(answer string) string {
	var f scaffoldFilter
	text := f.take(answer)
	return text + f.end()
}

// answerFilter takes the scaffolding out of the events of one answer of the platform.
type answerFilter struct{ text, reasoning scaffoldFilter }

func (t *turn) newAnswerFilter() *answerFilter {
	known := map[string]bool{}
	mayBeOurs := func(nonce string) bool {
		isTheirs, isKnown := known[nonce]
		if !isKnown {
			isTheirs = isSaid(nonce, t.request.Messages)
			known[nonce] = isTheirs
		}
		return !isTheirs
	}
	return &answerFilter{scaffoldFilter{mayBeOurs: mayBeOurs}, scaffoldFilter{mayBeOurs: mayBeOurs, dropsAll: true}}
}

// isSaid reports whether a nonce occurs in messages of the client.
func isSaid(nonce string, messages []chat.Message) bool {
	for i := range messages {
		m := &messages[i]
		if strings.Contains(m.Text, nonce) || strings.Contains(m.Name, nonce) || strings.Contains(m.ToolCallID, nonce) {
			return true
		}
		for _, c := range m.ToolCalls {
			if strings.Contains(c.Arguments, nonce) {
				return true
			}
		}
	}
	return false
}

// take takes the scaffolding out of an event, and reports whether anything is left of
// it. The event that it returns comes first, if it has a kind: text that was held back.
func (f *answerFilter) take(ev *chat.Event) (held chat.Event, isLeft bool) {
	switch ev.Kind {
	case chat.EventReasoning:
		held = heldText(chat.EventText, f.text.end())
		if f.text.isCut {
			return held, false
		}
		ev.Text = f.reasoning.take(ev.Text)
		return held, ev.Text != ""
	case chat.EventText:
		held = heldText(chat.EventReasoning, f.reasoning.end())
		ev.Text = f.text.take(ev.Text)
		return held, ev.Text != ""
	case chat.EventDone:
		if held = heldText(chat.EventReasoning, f.reasoning.end()); held.Kind == 0 {
			held = heldText(chat.EventText, f.text.end())
		}
	}
	return held, true
}

func heldText(kind chat.EventKind, text string) chat.Event {
	if text == "" {
		return chat.Event{}
	}
	return chat.Event{Kind: kind, Text: text}
}
