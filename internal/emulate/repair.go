package emulate

import (
	"encoding/json"
	"errors"
	"strings"
)

// repair turns the JSON of a model into valid JSON. It keeps valid JSON byte for byte. It repairs
// mistakes whose meaning is clear: a fence around the JSON, trailing commas, raw control
// characters in strings, Python's words and quotes, and backslashes that are not doubled. It never
// changes digits and never guesses: anything else is an error.
//
// It adds missing brackets only if the model itself marked the end of the text: isEnded says that
// it did, and so does a closing fence. Otherwise, a text with open brackets is truncated. A text
// that stops inside a string or a number or after a comma is always truncated. repair returns
// valid JSON for a truncated text, but the caller must not use it, because the rest is unknown.
func repair(text string, isEnded bool) (fixed string, truncated bool, err error) {
	if json.Valid([]byte(text)) {
		if err := checkCharacters(text); err != nil {
			return "", false, err
		}
		return text, false, nil
	}
	text, isFenced := cutFence(text)
	var r repairer
	for _, c := range []byte(text) {
		if err := r.take(c); err != nil {
			return "", false, err
		}
	}
	if truncated, err = r.finish(isEnded || isFenced); err != nil {
		return "", false, err
	}
	fixed = string(r.out)
	if !json.Valid(r.out) {
		return "", false, errors.New("it is not valid JSON")
	}
	if err := checkCharacters(fixed); err != nil {
		return "", false, err
	}
	return fixed, truncated, nil
}

// checkCharacters refuses a valid JSON text with a string that is not made of whole characters.
func checkCharacters(text string) error {
	if hasLoneSurrogate(text) {
		return errors.New(`a \u escape is half of a surrogate pair, which is not a character; write the character itself`)
	}
	return nil
}

// cutFence removes a code fence around the whole text. isClosed reports whether the text had the
// closing fence.
func cutFence(text string) (inner string, isClosed bool) {
	text = strings.TrimSpace(text)
	n := 0
	for n < len(text) && (text[n] == '`' || text[n] == '~') && text[n] == text[0] {
		n++
	}
	if n < 3 {
		return text, false
	}
	fence := text[:n]
	text = strings.TrimLeft(text[n:], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
	text, isClosed = strings.CutSuffix(strings.TrimSpace(text), fence)
	return strings.TrimSpace(text), isClosed
}

// maxNesting limits how deeply the JSON of a model may nest.
const maxNesting = 500

// repairer repairs JSON byte by byte. After each byte, out is the beginning of valid JSON.
type repairer struct {
	out          []byte
	pending      []byte // a comma and the white space after it; a closing bracket drops the comma
	token        []byte // of the current number or word
	openBrackets []byte // outermost first
	expect       expectation
	quote        byte // of the open string; 0 outside of strings
	escapeState  int  // in a string: 1 after a backslash, 2 to 5 in \uXXXX, else 0
	hasEscape    bool // there is a JSON escape that may also be two literal characters
	hasLiteral   bool // there is a backslash that can only be literal
	err          error
	steps        int // bytes read; a test checks that this grows linearly
}

// expectation is what the grammar allows next.
type expectation uint8

const (
	expectValue    expectation = iota
	expectFirst                // a value, or the end of an array
	expectFirstKey             // a key, or the end of an object
	expectKey
	expectColon
	expectNext // a comma or a closing bracket
	expectEnd  // nothing
)

// take reads one byte. After an error it returns the same error.
func (r *repairer) take(c byte) error {
	r.steps++
	switch {
	case r.err != nil:
	case r.quote != 0:
		r.takeString(c)
	case len(r.token) > 0 && isWordByte(c):
		r.token = append(r.token, c)
	default:
		r.endToken()
		if r.err == nil {
			r.takeToken(c)
		}
	}
	return r.err
}

func (r *repairer) fail(why string) { r.err = errors.New(why) }

// isComplete reports whether a whole value has come.
func (r *repairer) isComplete() bool { return r.expect == expectEnd }

func isWordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '+' || c == '-' || c == '.' || c == '_'
}

// takeToken reads a byte outside of strings, numbers and words.
func (r *repairer) takeToken(c byte) {
	switch {
	case isSpace(c):
		r.takeSpace(c)
	case c == '}' || c == ']':
		r.closeBracket(c)
	case r.expect == expectEnd:
		r.fail("there is more text after its end")
	case c == ',' && r.expect != expectNext:
		r.fail("there is a comma where JSON allows none")
	case c == ',':
		r.pending = append(r.pending, c)
		r.expect = expectValue
		if r.openBrackets[len(r.openBrackets)-1] == '{' {
			r.expect = expectKey
		}
	case c == ':' && r.expect != expectColon:
		r.fail("there is a colon where JSON allows none")
	case c == ':':
		r.out = append(r.out, c)
		r.expect = expectValue
	default:
		r.beginValue(c)
	}
}

func (r *repairer) takeSpace(c byte) {
	if len(r.pending) > 0 {
		r.pending = append(r.pending, c)
	} else {
		r.out = append(r.out, c)
	}
}

// closeBracket ends an array or object. It drops an extra bracket at the very end.
func (r *repairer) closeBracket(c byte) {
	if r.expect == expectEnd {
		return
	}
	opener := byte('{')
	if c == ']' {
		opener = '['
	}
	if len(r.openBrackets) == 0 || r.openBrackets[len(r.openBrackets)-1] != opener {
		r.fail("a " + string(c) + " has no opening bracket")
		return
	}
	trailing := len(r.pending) > 0
	if r.expect != expectNext && r.expect != expectFirst && r.expect != expectFirstKey && !trailing {
		r.fail("a value is missing before " + string(c))
		return
	}
	r.dropComma()
	r.out = append(r.out, c)
	r.openBrackets = r.openBrackets[:len(r.openBrackets)-1]
	r.endValue()
}

// dropComma drops a trailing comma, and keeps the white space after it.
func (r *repairer) dropComma() {
	if len(r.pending) > 0 {
		r.out = append(r.out, r.pending[1:]...)
		r.pending = r.pending[:0]
	}
}

// endValue records that a value has ended.
func (r *repairer) endValue() {
	r.expect = expectNext
	if len(r.openBrackets) == 0 {
		r.expect = expectEnd
	}
}

// beginValue begins a value or a key.
func (r *repairer) beginValue(c byte) {
	key := r.expect == expectKey || r.expect == expectFirstKey
	switch {
	case r.expect == expectColon:
		r.fail("a colon is missing after a key")
		return
	case r.expect == expectNext:
		r.fail("a comma or a closing bracket is missing after a value; is a quote inside a string not escaped?")
		return
	case key && c != '"' && c != '\'':
		r.fail("a key must be a string in double quotes")
		return
	}
	r.out = append(r.out, r.pending...)
	r.pending = r.pending[:0]
	switch {
	case c == '"' || c == '\'':
		r.quote = c
		r.out = append(r.out, '"')
	case c == '{' || c == '[':
		r.openBracket(c)
	case isWordByte(c):
		r.token = append(r.token, c)
	default:
		r.fail("a value begins with " + quoteByte(c))
	}
}

func (r *repairer) openBracket(c byte) {
	if len(r.openBrackets) == maxNesting {
		r.fail("it is nested too deeply")
		return
	}
	r.out = append(r.out, c)
	r.openBrackets = append(r.openBrackets, c)
	r.expect = expectFirst
	if c == '{' {
		r.expect = expectFirstKey
	}
}

// literalWords maps JSON's literals, and Python's names for them, to JSON.
var literalWords = map[string]string{
	"true": "true", "false": "false", "null": "null", "True": "true", "False": "false", "None": "null",
}

// endToken ends a number or a word.
func (r *repairer) endToken() {
	if len(r.token) == 0 {
		return
	}
	switch word, ok := literalWords[string(r.token)]; {
	case ok:
		r.out = append(r.out, word...)
	case json.Valid(r.token):
		r.out = append(r.out, r.token...)
	default:
		r.fail("a value without quotes is not a number, true, false or null")
		return
	}
	r.token = r.token[:0]
	r.endValue()
}

func quoteByte(c byte) string {
	b, _ := json.Marshal(string(rune(c))) // encoding a string cannot fail
	return string(b)
}
