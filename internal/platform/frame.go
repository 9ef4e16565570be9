package platform

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// frameKind is what a frame is for, told by the JSON kind of its data as the
// platform's own front end tells it.
type frameKind uint8

const (
	frameOther  frameKind = iota // nothing to do with the answer
	frameDelta                   // a piece of the answer
	frameObject                  // the record, or a change to it
	frameError
)

// frame is one decoded event of an answer.
type frame struct {
	kind    frameKind
	delta   []byte // may begin or end inside of a character: see unquoteTorn
	object  recordFrame
	code    integer // of an error
	message string
}

// recordFrame is the record that follows an answer, or, without AIText, a patch
// of some of its fields.
type recordFrame struct {
	AIText           *text    `json:"aiText"`
	UserStop         *flag    `json:"userStop"`
	PromptTokens     *integer `json:"promptTokens"`
	CompletionTokens *integer `json:"completionTokens"`
}

// decodeFrame decodes any frame.
func decodeFrame(payload []byte) (frame, error) {
	var raw envelope
	if err := json.Unmarshal(payload, &raw); err != nil {
		return frame{}, err
	}
	if raw.Code != nil && *raw.Code != 0 {
		return frame{kind: frameError, code: *raw.Code, message: raw.message()}, nil
	}
	var f frame
	var err error
	switch jsonKind(raw.Data) {
	case '"':
		f.kind = frameDelta
		literal := bytes.TrimSpace(raw.Data)
		f.delta = unquoteRaw(literal[1 : len(literal)-1])
	case '{':
		f.kind = frameObject
		err = json.Unmarshal(raw.Data, &f.object)
	}
	return f, err
}

// The bytes of a delta frame as the platform sends it, around the id and the text.
var (
	deltaStart  = []byte(`{"id":"`)
	deltaMiddle = []byte(`","type":"string","data":"`)
	deltaEnd    = []byte(`","code":0}`)
)

// decodeDelta decodes a delta frame of exactly the usual shape, without the cost
// of a JSON decoder: nearly all frames are such. Anything else is for decodeFrame,
// with which it agrees to the byte. The text is a part of the payload or of
// scratch, which is returned for the next call.
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

// isPlain reports whether b is ASCII that JSON writes as it is.
func isPlain(b []byte) bool {
	for _, c := range b {
		if c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
