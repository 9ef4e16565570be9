package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// maxPieces is the length of the longest answer.
const maxPieces = 2000

// pieces are the pieces of the longest answer, and encodedPieces the same as JSON strings. Other answers are a part
// of it. Each piece has its number, from 0, before pieceMark. Nothing else in an answer is a digit.
var (
	pieces        = makePieces()
	encodedPieces = encodeAll(pieces)
)

const pieceMark = '~'

func makePieces() []string {
	words := []string{" word", " 你好", " line\n"}
	made := make([]string, maxPieces)
	for i := range made {
		made[i] = fmt.Sprintf("%d%c%s", i, pieceMark, words[i%len(words)])
	}
	return made
}

func encodeAll(texts []string) []string {
	encoded := make([]string, len(texts))
	for i, text := range texts {
		encoded[i] = encode(text)
	}
	return encoded
}

// encode returns a text as a JSON string.
func encode(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string can be encoded
	}
	return string(b)
}

var encodedAnswers sync.Map // string by number of pieces

// answerOf returns an answer of n pieces as a JSON string.
func answerOf(n int) string {
	if known, ok := encodedAnswers.Load(n); ok {
		return known.(string)
	}
	encoded := encode(strings.Join(pieces[:n], ""))
	encodedAnswers.Store(n, encoded)
	return encoded
}

// checker checks the numbers of the pieces of a stream.
type checker struct {
	next      int  // the number that comes next
	number    int  // the digits since the last piece
	hasDigits bool // number is valid
	isWrong   bool // a piece was missing, doubled or out of order
}

// add reads the content of an event, a JSON string without its quotes. A number may continue in the next event.
func (c *checker) add(content []byte) {
	for i := 0; i < len(content); i++ {
		switch b := content[i]; {
		case b == '\\' && i+1 < len(content):
			i++
			if content[i] == 'u' {
				i += 4 // the digits of \u4f60 are no number
			}
		case '0' <= b && b <= '9':
			c.number, c.hasDigits = min(c.number*10+int(b-'0'), maxPieces), true
		case b == pieceMark && c.hasDigits:
			c.isWrong = c.isWrong || c.number != c.next
			c.next++
			c.number, c.hasDigits = 0, false
		}
	}
}

// addLine reads a line of a stream. key is the quoted name of the field with the text.
func (c *checker) addLine(line, key []byte) {
	for {
		start := bytes.Index(line, key)
		if start < 0 {
			return
		}
		line = bytes.TrimLeft(line[start+len(key):], ": ")
		if len(line) == 0 || line[0] != '"' {
			continue // null, or an object
		}
		line = line[1:]
		end := stringEnd(line)
		c.add(line[:end])
		line = line[end:]
	}
}

// stringEnd returns the index of the quote that ends a JSON string, or its length.
func stringEnd(s []byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(s)
}
