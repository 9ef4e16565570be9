package simulator

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"achuan/internal/sse"
)

// The frames of an answer. Their keys stand in the platform's order, and <, > and
// & are escaped in them.

// donePayload ends a stream. It is a bare word, no JSON.
const donePayload = "[DONE]"

func appendDelta(dst []byte, id, text string) []byte {
	dst = appendFrameHead(dst, id, "string")
	dst = appendString(dst, text)
	return append(dst, `,"code":0}`...)
}

func appendObject(dst []byte, id string, r Record) []byte {
	dst = appendFrameHead(dst, id, "object")
	dst = append(dst, marshal(r)...)
	return append(dst, `,"code":0}`...)
}

// appendError is a frame whose text stands under err. Only the code, err and the
// null are known of the platform's; that the other keys are there is a guess.
func appendError(dst []byte, id string, code int, text string) []byte {
	dst = appendFrameHead(dst, id, "string")
	dst = append(dst, `null,"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"err":`...)
	dst = appendString(dst, text)
	return append(dst, '}')
}

func appendFrameHead(dst []byte, id, kind string) []byte {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, id...)
	dst = append(dst, `","type":"`...)
	dst = append(dst, kind...)
	return append(dst, `","data":`...)
}

// appendString is json.Marshal of a string, without its cost for most of them.
func appendString(dst []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c >= utf8.RuneSelf, c == '"', c == '\\', c == '<', c == '>', c == '&', c == 0x7f:
			b, _ := json.Marshal(text) // a string always marshals
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}

// framing is how payloads become lines.
type framing struct {
	crlf  bool
	tight bool // no space after the colon
}

func (f framing) append(dst, payload []byte) []byte {
	if f == (framing{}) {
		return sse.AppendData(dst, payload)
	}
	dst = append(dst, "data:"...)
	if !f.tight {
		dst = append(dst, ' ')
	}
	dst = append(dst, payload...)
	if f.crlf {
		return append(dst, "\r\n\r\n"...)
	}
	return append(dst, "\n\n"...)
}
