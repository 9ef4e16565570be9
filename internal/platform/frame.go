package platform

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// frameKind says what a frame is for. The JSON type of its data decides, as in the platform's own
// front end.
type frameKind uint8

const (
	frameOther  frameKind = iota // not a part of the answer
	frameDelta                   // a piece of the answer
	frameObject                  // the record, or a change to it
	frameError
)

// frame is one decoded event of an answer.
type frame struct {
	kind    frameKind
	delta   []byte // may begin or end inside a character: see unquoteRaw
	object  recordFrame
	code    integer // of an error
	message string
}

// recordFrame is the record that follows an answer. Without AIText it is a patch of some fields.
type recordFrame struct {
	AIText           *text    `json:"aiText"`
	UserStop         *flag    `json:"userStop"`
	PromptTokens     *integer `json:"promptTokens"`
	CompletionTokens *integer `json:"completionTokens"`
	DeductCount      *integer `json:"deductCount"` // points
}

// frameData is the data of a frame. It is decoded at once and not kept, because a record is as
// long as its question and its answer.
type frameData struct {
	frame

	raw json.RawMessage // as it was, at most maxErrorBody bytes: an error may have its text there
}

func (d *frameData) UnmarshalJSON(b []byte) (err error) {
	*d = frameData{}
	if len(b) <= maxErrorBody {
		d.raw = bytes.Clone(b)
	}
	switch jsonKind(b) {
	case '"':
		d.kind = frameDelta
		literal := bytes.TrimSpace(b)
		d.delta = unquoteRaw(literal[1 : len(literal)-1])
	case '{':
		d.kind = frameObject
		err = json.Unmarshal(b, &d.object)
	}
	return err
}

// decodeFrame decodes any frame.
func decodeFrame(payload []byte) (frame, error) {
	var raw struct {
		envelope

		Data frameData `json:"data"`
	}
	if err := json.Unmarshal(payload, &raw); err != nil {
		return frame{}, err
	}
	if raw.Code != nil && *raw.Code != 0 {
		raw.envelope.Data = raw.Data.raw
		return frame{kind: frameError, code: *raw.Code, message: raw.message()}, nil
	}
	return raw.Data.frame, nil
}

// The bytes around the id and the text of a delta frame, as the platform sends it.
var (
	deltaStart  = []byte(`{"id":"`)
	deltaMiddle = []byte(`","type":"string","data":"`)
	deltaEnd    = []byte(`","code":0}`)
)

// decodeDelta decodes a delta frame of exactly the usual shape without the cost of a JSON decoder.
// Nearly all frames have that shape. decodeFrame takes all others, and returns the same text for
// these. The text is a part of payload or of scratch. nextScratch is the scratch for the next
// call.
func decodeDelta(payload, scratch []byte) (text, nextScratch []byte, ok bool) {
	rest, ok := bytes.CutPrefix(payload, deltaStart)
	if !ok {
		return nil, scratch, false
	}
	id := bytes.IndexByte(rest, '"')
	if id < 0 || !isPlain(rest[:id]) {
		return nil, scratch, false
	}
	if rest, ok = bytes.CutPrefix(rest[id:], deltaMiddle); !ok {
		return nil, scratch, false
	}
	if rest, ok = bytes.CutSuffix(rest, deltaEnd); !ok {
		return nil, scratch, false
	}
	return unquote(rest, scratch)
}

// isPlain reports whether b is ASCII that needs no escape in JSON.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
