package simulator

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// proxyPage is what a reverse proxy says in the platform's place.
const proxyPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n" +
	"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

// ProxyFailure answers with the error page of a reverse proxy, such as 502 or 504,
// although the platform has answered and stored the text: the proxy lost the reply.
func ProxyFailure(status int, answer string) Reply {
	return Reply{AIText: &answer, Status: status, ContentType: "text/html", Body: proxyPage}
}

// ProxyRefusal answers with the error page of a reverse proxy that did not reach
// the platform: nothing is stored.
func ProxyRefusal(status int) Reply {
	return Reply{NoRecord: true, Status: status, ContentType: "text/html", Body: proxyPage}
}

// ProxyFails is an Interceptor for any route: the platform does what it is asked,
// and a reverse proxy answers with its error page.
func ProxyFails(status int) Interceptor {
	return func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		usual(&unheard{header: http.Header{}}, r)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		io.WriteString(w, proxyPage)
	}
}

// Afterwards is an Interceptor that lets the platform reply and then calls f, before
// the client can know that the reply is whole. A list changes so while a client reads
// its pages: f deletes a session of an earlier page (Forget), adds one (AddSession)
// or stores a record (AppendRecord).
func Afterwards(f func(r *http.Request)) Interceptor {
	return func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		held := &heldReply{ResponseWriter: w}
		usual(held, r)
		f(r)
		held.release()
	}
}

// heldReply keeps what is written until it is released.
type heldReply struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (h *heldReply) WriteHeader(status int) { h.status = status }

func (h *heldReply) Write(b []byte) (int, error) {
	h.body = append(h.body, b...)
	return len(b), nil
}

func (h *heldReply) release() {
	if h.status != 0 {
		h.ResponseWriter.WriteHeader(h.status)
	}
	_, _ = h.ResponseWriter.Write(h.body)
}

// Frames that say nothing of an answer, for Flood.
const (
	EmptyDelta   = `data: {"id":"$ID","type":"string","data":"","code":0}` + "\n\n"
	EmptyPatch   = `data: {"id":"$ID","type":"object","data":{"field":"logMap","id":"k1","data":{}},"code":0}` + "\n\n"
	UnknownFrame = `data: {"id":"$ID","type":"stats","data":null,"code":0}` + "\n\n"
	JunkFrame    = "data: junk\n\n"
	KeepAlive    = ": ping\n\n"
)

// Flood sends bytes again and again, every so often or, with 0, as fast as the
// client reads, until the client has left. $ID in them becomes the task's id.
func Flood(bytes string, every time.Duration) Step {
	return Step{kind: stepFlood, text: bytes, wait: every}
}

// Tearing is how frames look whose borders lie inside of characters.
type Tearing uint8

const (
	// TornReplaced has U+FFFD for each byte of a torn character, as Go's encoder writes it.
	TornReplaced Tearing = iota
	// TornBytes has the bytes of the character as they are: frames are no valid UTF-8.
	TornBytes
	// TornSurrogates has each half of a surrogate pair as an escape of its own, as
	// JavaScript writes it. Characters without a pair stay whole.
	TornSurrogates
)

// Torn says a text in frames of which each ends inside of a character, where there
// is one that can be torn. The record has the whole text.
func Torn(text string, how Tearing) Step {
	return Step{kind: stepTorn, text: text, texts: tear(text, how)}
}

// tear cuts a text inside its characters and returns the pieces as JSON strings.
func tear(text string, how Tearing) []string {
	var pieces []string
	piece := []byte{'"'}
	cut := func() {
		pieces = append(pieces, string(piece)+`"`)
		piece = []byte{'"'}
	}
	for _, r := range text {
		whole := appendString(nil, string(r))
		whole = whole[1 : len(whole)-1]
		high, low := utf16.EncodeRune(r)
		switch {
		case how == TornSurrogates && r >= 0x10000:
			piece = fmt.Appendf(piece, `\u%04x`, high)
			cut()
			piece = fmt.Appendf(piece, `\u%04x`, low)
		case how == TornReplaced && r >= utf8.RuneSelf:
			piece = append(piece, `\ufffd`...)
			cut()
			piece = append(piece, strings.Repeat(`\ufffd`, utf8.RuneLen(r)-1)...)
		case how == TornBytes && r >= utf8.RuneSelf:
			piece = append(piece, whole[0])
			cut()
			piece = append(piece, whole[1:]...)
		default:
			piece = append(piece, whole...)
		}
	}
	cut()
	return pieces
}
