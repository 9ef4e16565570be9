package conversation

import (
	"crypto/rand"
	"encoding/hex"
	"strings"

	"achuan/internal/chat"
)

// A model that imitates the replay framing writes markers in its answer, often followed by
// an invented turn of the user. Such markers are called scaffolding. Clients never get
// them.

const (
	markerOpen  = "[["
	nonceDigits = 16
	maxMarker   = 1 << 10 // bytes of a marker at the start of an answer
)

// newNonce returns 16 hex digits that isNonce recognizes: the second half is a checksum of the
// first. So achuan also recognizes the markers of a session's earlier turns, of which only the
// platform keeps the text.
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

// scaffoldFilter removes the markers from an answer's text, however the text is cut into pieces.
// It drops the markers that open the answer. At any other marker it cuts the answer.
type scaffoldFilter struct {
	// mayBeOurs reports whether a nonce may be achuan's; nil accepts every one that isNonce
	// recognizes. A nonce that the client sent is part of the client's text.
	mayBeOurs func(nonce string) bool
	dropsAll  bool // drop every marker, and cut nothing

	held      string // the end of the text, if it may be the start of a marker
	hasBegun  bool   // something other than white space and markers has been read
	hasMarker bool   // a marker was dropped
	isCut     bool   // a marker was found that does not open the answer
}

// take returns what the client gets of the next piece.
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

// end returns what was held back when the answer has ended.
func (f *scaffoldFilter) end() string {
	held := f.held
	f.held = ""
	if f.isCut || len(held) >= len(markerOpen)+nonceDigits { // a marker without an end
		return ""
	}
	return f.keep(held)
}

// keep returns text that contains no marker, without the white space after a marker that opens
// the answer.
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

// marker returns the size of the marker that text, which starts with [[, begins with; 0 for none.
// isWhole is false while only more text can decide that.
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
		return len(markerOpen) + nonceDigits, true // the answer is cut here anyway
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

// scaffoldEvents removes the scaffolding from the events of one answer.
type scaffoldEvents struct{ text, reasoning scaffoldFilter }

// newScaffoldEvents returns a filter for an answer to a request with these messages.
func newScaffoldEvents(messages []chat.Message) *scaffoldEvents {
	known := map[string]bool{}
	mayBeOurs := func(nonce string) bool {
		isTheirs, isKnown := known[nonce]
		if !isKnown {
			isTheirs = isInClientMessages(nonce, messages)
			known[nonce] = isTheirs
		}
		return !isTheirs
	}
	return &scaffoldEvents{scaffoldFilter{mayBeOurs: mayBeOurs}, scaffoldFilter{mayBeOurs: mayBeOurs, dropsAll: true}}
}

// isInClientMessages reports whether a nonce occurs in messages of the client.
func isInClientMessages(nonce string, messages []chat.Message) bool {
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

// take removes the scaffolding from an event, and reports whether anything is left of it. When
// held has a kind, it comes before the event: it is text that was held back.
func (f *scaffoldEvents) take(ev *chat.Event) (held chat.Event, isLeft bool) {
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
