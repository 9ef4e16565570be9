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
// brackets is torn, and so is, in any case, one that stops inside a string or a
// number or after a comma. What a torn text would have said is not known: what
// repair returns of it is valid JSON, but nobody may act on it.
func repair(text string, ended bool) (fixed string, torn bool, err error) {
	if json.Valid([]byte(text)) {
		if err := checkCharacters(text); err != nil {
			return "", false, err
		}
		return text, false, nil
	}
	text, fenced := unfence(text)
	var m mender
	for _, c := range []byte(text) {
		if err := m.take(c); err != nil {
			return "", false, err
		}
	}
	if torn, err = m.end(ended || fenced); err != nil {
		return "", false, err
	}
	fixed = string(m.out)
	if !json.Valid(m.out) {
		return "", false, errors.New("it is not valid JSON")
	}
	if err := checkCharacters(fixed); err != nil {
		return "", false, err
	}
	return fixed, torn, nil
}

// checkCharacters refuses a valid JSON text whose strings are not all made of
// characters.
func checkCharacters(text string) error {
	if hasLoneSurrogate(text) {
		return errors.New(`a \u escape is one half of a surrogate pair, which is no character; write the character itself`)
	}
	return nil
}

// unfence takes off a code fence around the whole text. closed reports whether the
// text had the closing fence.
func unfence(text string) (inner string, closed bool) {
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

// mender repairs JSON as it comes: out is valid so far, whatever follows.
type mender struct {
	out     []byte
	pending []byte // a comma and the white space behind it: dropped before a closing bracket
	token   []byte // of a number or a word that is under way
	open    []byte // brackets, outermost first
	want    want
	quote   byte // of the open string; 0 is none
	escape  int  // in a string: 1 after a backslash, 2 to 5 in \uXXXX
	escapes bool // an escape of JSON's came that may also be two literal characters
	literal bool // a backslash came that can only be meant literally
	wrong   error
	steps   int // bytes looked at, for the test that this is linear
}

// want is what the grammar allows next.
type want uint8

const (
	wantValue    want = iota
	wantFirst         // a value, or the end of an array
	wantFirstKey      // a key, or the end of an object
	wantKey
	wantColon
	wantNext // a comma or a closing bracket
	wantEnd  // nothing
)

// take looks at one byte. After an error it only repeats it.
func (m *mender) take(c byte) error {
	m.steps++
	switch {
	case m.wrong != nil:
	case m.quote != 0:
		m.takeString(c)
	case len(m.token) > 0 && isWord(c):
		m.token = append(m.token, c)
	default:
		m.endToken()
		if m.wrong == nil {
			m.takeToken(c)
		}
	}
	return m.wrong
}

func (m *mender) fail(why string) { m.wrong = errors.New(why) }

// complete reports whether a whole value has come.
func (m *mender) complete() bool { return m.want == wantEnd }

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '+' || c == '-' || c == '.' || c == '_'
}

// takeToken looks at a byte outside of strings, numbers and words.
func (m *mender) takeToken(c byte) {
	switch {
	case isSpace(c):
		m.space(c)
	case c == '}' || c == ']':
		m.closeBracket(c)
	case m.want == wantEnd:
		m.fail("there is more text after its end")
	case c == ',':
		if m.want != wantNext {
			m.fail("a comma stands where none may be")
			return
		}
		m.pending = append(m.pending, c)
		m.want = wantValue
		if m.open[len(m.open)-1] == '{' {
			m.want = wantKey
		}
	case c == ':':
		if m.want != wantColon {
			m.fail("a colon stands where none may be")
			return
		}
		m.out = append(m.out, c)
		m.want = wantValue
	default:
		m.beginValue(c)
	}
}

func (m *mender) space(c byte) {
	if len(m.pending) > 0 {
		m.pending = append(m.pending, c)
	} else {
		m.out = append(m.out, c)
	}
}

// closeBracket ends an array or object. One too many at the very end is dropped.
func (m *mender) closeBracket(c byte) {
	if m.want == wantEnd {
		return
	}
	opener := byte('{')
	if c == ']' {
		opener = '['
	}
	if len(m.open) == 0 || m.open[len(m.open)-1] != opener {
		m.fail("a " + string(c) + " closes nothing")
		return
	}
	trailing := len(m.pending) > 0
	if m.want != wantNext && m.want != wantFirst && m.want != wantFirstKey && !trailing {
		m.fail("a value is missing before " + string(c))
		return
	}
	m.dropComma()
	m.out = append(m.out, c)
	m.open = m.open[:len(m.open)-1]
	m.ended()
}

// dropComma takes a trailing comma out, and keeps the white space behind it.
func (m *mender) dropComma() {
	if len(m.pending) > 0 {
		m.out = append(m.out, m.pending[1:]...)
		m.pending = m.pending[:0]
	}
}

// ended notes that a value has ended.
func (m *mender) ended() {
	m.want = wantNext
	if len(m.open) == 0 {
		m.want = wantEnd
	}
}

// beginValue begins a value or a key.
func (m *mender) beginValue(c byte) {
	key := m.want == wantKey || m.want == wantFirstKey
	switch {
	case m.want == wantColon:
		m.fail("a colon is missing after a key")
		return
	case m.want == wantNext:
		m.fail("a comma or a closing bracket is missing after a value; is a quote inside a string not escaped?")
		return
	case key && c != '"' && c != '\'':
		m.fail("a key must be a string in double quotes")
		return
	}
	m.out = append(m.out, m.pending...)
	m.pending = m.pending[:0]
	switch {
	case c == '"' || c == '\'':
		m.quote = c
		m.out = append(m.out, '"')
	case c == '{' || c == '[':
		m.openBracket(c)
	case isWord(c):
		m.token = append(m.token, c)
	default:
		m.fail("a value begins with " + quoteByte(c))
	}
}

func (m *mender) openBracket(c byte) {
	if len(m.open) == maxNesting {
		m.fail("it nests too deep")
		return
	}
	m.out = append(m.out, c)
	m.open = append(m.open, c)
	m.want = wantFirst
	if c == '{' {
		m.want = wantFirstKey
	}
}

// words are the literals and what Python calls them.
var words = map[string]string{
	"true": "true", "false": "false", "null": "null", "True": "true", "False": "false", "None": "null",
}

// endToken ends a number or a word.
func (m *mender) endToken() {
	if len(m.token) == 0 {
		return
	}
	switch word, ok := words[string(m.token)]; {
	case ok:
		m.out = append(m.out, word...)
	case json.Valid(m.token):
		m.out = append(m.out, m.token...)
	default:
		m.fail("a value is neither a number nor true, false or null, and stands without quotes")
		return
	}
	m.token = m.token[:0]
	m.ended()
}

func quoteByte(c byte) string {
	b, _ := json.Marshal(string(rune(c))) // a string cannot fail
	return string(b)
}
