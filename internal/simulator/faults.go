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

// proxyPage is the error page of a reverse proxy in front of the platform.
const proxyPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n" +
	"<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n" +
	"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"

// ProxyFailure answers with the error page of a reverse proxy, such as 502 or 504. The platform has answered and
// stored the text, but the proxy has lost the reply.
func ProxyFailure(status int, answer string) Reply {
	return Reply{AIText: &answer, Status: status, ContentType: "text/html", Body: proxyPage}
}

// ProxyRefusal answers with the error page of a reverse proxy that did not reach the platform. Nothing is stored.
func ProxyRefusal(status int) Reply {
	return Reply{NoRecord: true, Status: status, ContentType: "text/html", Body: proxyPage}
}

// ProxyFails is an Interceptor for any route. The platform processes the request, and a reverse proxy answers with
// its error page.
func ProxyFails(status int) Interceptor {
	return func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		usual(&discardWriter{header: http.Header{}}, r)
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		io.WriteString(w, proxyPage)
	}
}

// Afterwards is an Interceptor that calls f after the platform has processed the request and before the client gets
// the reply. With it a list changes while a client reads its pages: f removes a session of an earlier page
// (Forget), adds one (AddSession) or adds a record (AppendRecord).
func Afterwards(f func(r *http.Request)) Interceptor {
	return func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		held := &bufferedReply{ResponseWriter: w}
		usual(held, r)
		f(r)
		held.send()
	}
}

// bufferedReply keeps the reply until send is called.
type bufferedReply struct {
	http.ResponseWriter
	status int
	body   []byte
}

func (h *bufferedReply) WriteHeader(status int) { h.status = status }

func (h *bufferedReply) Write(b []byte) (int, error) {
	h.body = append(h.body, b...)
	return len(b), nil
}

func (h *bufferedReply) send() {
	if h.status != 0 {
		h.ResponseWriter.WriteHeader(h.status)
	}
	_, _ = h.ResponseWriter.Write(h.body)
}

// Frames without a text of the answer, for Flood.
const (
	EmptyDelta   = `data: {"id":"$ID","type":"string","data":"","code":0}` + "\n\n"
	EmptyPatch   = `data: {"id":"$ID","type":"object","data":{"field":"logMap","id":"k1","data":{}},"code":0}` + "\n\n"
	UnknownFrame = `data: {"id":"$ID","type":"stats","data":null,"code":0}` + "\n\n"
	JunkFrame    = "data: junk\n\n"
	KeepAlive    = ": ping\n\n"
)

// Flood sends the same bytes at this interval, or with 0 as fast as the client reads, until the client has left. It
// replaces $ID in them by the task id.
func Flood(bytes string, interval time.Duration) Step {
	return Step{kind: stepFlood, text: bytes, wait: interval}
}

// Tearing says how Torn writes the parts of a character.
type Tearing uint8

const (
	// TornReplaced writes U+FFFD for each byte of a torn character, as the encoder of Go does.
	TornReplaced Tearing = iota
	// TornBytes writes the bytes of the character unchanged, so the frames are not valid UTF-8.
	TornBytes
	// TornSurrogates writes each half of a surrogate pair as an escape, as JavaScript does. Characters without a
	// pair stay whole.
	TornSurrogates
)

// Torn sends a text in frames that end inside a character, for each character that how can tear. The record has the
// whole text.
func Torn(text string, how Tearing) Step {
	return Step{kind: stepSplitText, text: text, texts: splitInsideCharacters(text, how)}
}

// splitInsideCharacters splits a text inside its characters and returns the pieces as JSON strings.
func splitInsideCharacters(text string, how Tearing) []string {
	var pieces []string
	piece := []byte{'"'}
	endPiece := func() {
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
			endPiece()
			piece = fmt.Appendf(piece, `\u%04x`, low)
		case how == TornReplaced && r >= utf8.RuneSelf:
			piece = append(piece, `\ufffd`...)
			endPiece()
			piece = append(piece, strings.Repeat(`\ufffd`, utf8.RuneLen(r)-1)...)
		case how == TornBytes && r >= utf8.RuneSelf:
			piece = append(piece, whole[0])
			endPiece()
			piece = append(piece, whole[1:]...)
		default:
			piece = append(piece, whole...)
		}
	}
	endPiece()
	return pieces
}
