package simulator

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"achuan/internal/sse"
)

// The frames of an answer have their keys in the order of the platform, and <, > and & are escaped.

// donePayload is the last payload of a stream. It is not JSON.
const donePayload = "[DONE]"

func appendDelta(dst []byte, id, text string) []byte {
	dst = appendFrameStart(dst, id, "string")
	dst = appendString(dst, text)
	return append(dst, `,"code":0}`...)
}

func appendObject(dst []byte, id string, r Record) []byte {
	dst = appendFrameStart(dst, id, "object")
	dst = append(dst, marshal(r)...)
	return append(dst, `,"code":0}`...)
}

// appendError appends an error frame. Captures of the platform show its keys code and err, and that data is null. The
// other keys are a guess.
func appendError(dst []byte, id string, code int, text string) []byte {
	dst = appendFrameStart(dst, id, "string")
	dst = append(dst, `null,"code":`...)
	dst = strconv.AppendInt(dst, int64(code), 10)
	dst = append(dst, `,"err":`...)
	dst = appendString(dst, text)
	return append(dst, '}')
}

func appendFrameStart(dst []byte, id, kind string) []byte {
	dst = append(dst, `{"id":"`...)
	dst = append(dst, id...)
	dst = append(dst, `","type":"`...)
	dst = append(dst, kind...)
	return append(dst, `","data":`...)
}

// appendString appends what json.Marshal returns for text, but avoids its cost for most texts.
func appendString(dst []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c >= utf8.RuneSelf, c == '"', c == '\\', c == '<', c == '>', c == '&', c == 0x7f:
			b, _ := json.Marshal(text) // encoding a string cannot fail
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"')
}

// frameStyle says how a payload is written as an event.
type frameStyle struct {
	crlf    bool
	noSpace bool // after the colon
}

func (f frameStyle) append(dst, payload []byte) []byte {
	if f == (frameStyle{}) {
		return sse.AppendData(dst, payload)
	}
	dst = append(dst, "data:"...)
	if !f.noSpace {
		dst = append(dst, ' ')
	}
	dst = append(dst, payload...)
	if f.crlf {
		return append(dst, "\r\n\r\n"...)
	}
	return append(dst, "\n\n"...)
}
