package emulate

import (
	"encoding/json"
	"errors"
	"strings"
)

// repair makes JSON of what a model wrote for JSON. What is valid stays as it is,
// to the byte; what is not is repaired where its meaning is plain: a fence around
// it, trailing commas, raw control characters in strings, Python's words and
// quotes, backslashes that are not doubled. Digits are never touched, and nothing is guessed: anything else is an
// error.
//
// Missing brackets are added only if the model itself marked the end of the text:
// ended says that it did, and so does a closing fence. Otherwise a text with open
// brackets is truncated, and so is, in any case, one that stops inside a string or a
// number or after a comma. What a truncated text would have said is not known: what
// repair returns of it is valid JSON, but nobody may act on it.
func repair(text string, ended bool) (fixed string, truncated bool, err error) {
	if json.Valid([]byte(text)) {
		if err := checkCharacters(text); err != nil {
			return "", false, err
		}
		return text, false, nil
	}
	text, fenced := cutFence(text)
	var r repairer
	for _, c := range []byte(text) {
		if err := r.take(c); err != nil {
			return "", false, err
		}
	}
	if truncated, err = r.finish(ended || fenced); err != nil {
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

// checkCharacters refuses a valid JSON text whose strings are not all made of
// characters.
func checkCharacters(text string) error {
	if hasLoneSurrogate(text) {
		return errors.New(`a \u escape is one half of a surrogate pair, which is no character; write the character itself`)
	}
	return nil
}

// cutFence takes off a code fence around the whole text. closed reports whether the
// text had the closing fence.
func cutFence(text string) (inner string, closed bool) {
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
	text, closed = strings.CutSuffix(strings.TrimSpace(text), fence)
	return strings.TrimSpace(text), closed
}

// maxNesting bounds how deep JSON of a model may nest.
const maxNesting = 500

// repairer repairs JSON as it comes: out is valid so far, whatever follows.
type repairer struct {
	out          []byte
	pending      []byte // a comma and the white space behind it: dropped before a closing bracket
	token        []byte // of a number or a word that is under way
	openBrackets []byte // brackets, outermost first
	expect       expectation
	quote        byte // of the open string; 0 is none
	escapeState  int  // in a string: 1 after a backslash, 2 to 5 in \uXXXX
	hasEscape    bool // an escape of JSON's came that may also be two literal characters
	hasLiteral   bool // a backslash came that can only be meant literally
	err          error
	steps        int // bytes looked at, for the test that this is linear
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

// take looks at one byte. After an error it only repeats it.
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

// takeToken looks at a byte outside of strings, numbers and words.
func (r *repairer) takeToken(c byte) {
	switch {
	case isSpace(c):
		r.takeSpace(c)
	case c == '}' || c == ']':
		r.closeBracket(c)
	case r.expect == expectEnd:
		r.fail("there is more text after its end")
	case c == ',':
		if r.expect != expectNext {
			r.fail("a comma stands where none may be")
			return
		}
		r.pending = append(r.pending, c)
		r.expect = expectValue
		if r.openBrackets[len(r.openBrackets)-1] == '{' {
			r.expect = expectKey
		}
	case c == ':':
		if r.expect != expectColon {
			r.fail("a colon stands where none may be")
			return
		}
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

// closeBracket ends an array or object. One too many at the very end is dropped.
func (r *repairer) closeBracket(c byte) {
	if r.expect == expectEnd {
		return
	}
	opener := byte('{')
	if c == ']' {
		opener = '['
	}
	if len(r.openBrackets) == 0 || r.openBrackets[len(r.openBrackets)-1] != opener {
		r.fail("a " + string(c) + " closes nothing")
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

// dropComma takes a trailing comma out, and keeps the white space behind it.
func (r *repairer) dropComma() {
	if len(r.pending) > 0 {
		r.out = append(r.out, r.pending[1:]...)
		r.pending = r.pending[:0]
	}
}

// endValue notes that a value has ended.
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
		r.fail("it nests too deep")
		return
	}
	r.out = append(r.out, c)
	r.openBrackets = append(r.openBrackets, c)
	r.expect = expectFirst
	if c == '{' {
		r.expect = expectFirstKey
	}
}

// literalWords are the literals and what Python calls them.
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
		r.fail("a value is neither a number nor true, false or null, and stands without quotes")
		return
	}
	r.token = r.token[:0]
	r.endValue()
}

func quoteByte(c byte) string {
	b, _ := json.Marshal(string(rune(c))) // a string cannot fail
	return string(b)
}
