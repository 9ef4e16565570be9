package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestChecker(t *testing.T) {
	event := func(content string) string {
		return `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":` + content + `}}]}`
	}
	escaped := strings.NewReplacer("你", `\u4f60`, "好", `\u597d`)
	for name, c := range map[string]struct {
		lines   []string
		next    int
		isWrong bool
	}{
		"in order":           {[]string{event(`"0~ word"`), event(`"1~ 你好"`), event(`"2~ line\n"`)}, 3, false},
		"joined":             {[]string{event(`"0~ word1~ 你好2~ line\n"`)}, 3, false},
		"number split":       {[]string{event(`"0~1~2~3~4~5~6~7~8~9~1"`), event(`"0"`), event(`"~ x"`)}, 11, false},
		"escaped":            {[]string{event(escaped.Replace(`"0~ 你好1~ \"2~"`))}, 3, false},
		"spaces":             {[]string{`data: {"delta": {"content": "0~ word"}}`}, 1, false},
		"no text":            {[]string{event("null"), event(`""`), "", ": keep-alive 5~", `data: {"n":3}`}, 0, false},
		"two choices":        {[]string{`data: [{"content":"0~"},{"content":"1~"}]`}, 2, false},
		"doubled":            {[]string{event(`"0~ word"`), event(`"0~ word"`)}, 2, true},
		"missing":            {[]string{event(`"0~ word"`), event(`"2~ line"`)}, 2, true},
		"reordered":          {[]string{event(`"1~ word"`), event(`"0~ line"`)}, 2, true},
		"first missing":      {[]string{event(`"1~ word"`)}, 1, true},
		"unterminated":       {[]string{`data: {"content":"0~`}, 1, false},
		"a very long number": {[]string{event(`"99999999999999999999999999~"`)}, 1, true},
	} {
		var check checker
		for _, line := range c.lines {
			check.addLine([]byte(line), contentKey)
		}
		if check.next != c.next || check.isWrong != c.isWrong {
			t.Errorf("%s: pieces = %d, wrong = %t; want %d, %t", name, check.next, check.isWrong, c.next, c.isWrong)
		}
	}
}

// The checker accepts each whole answer, and refuses it without a piece.
func TestCheckerAcceptsAnswers(t *testing.T) {
	var whole checker
	whole.addLine([]byte(`{"content":`+answerOf(maxPieces)+`}`), contentKey)
	if whole.isWrong || whole.next != maxPieces {
		t.Errorf("pieces = %d, wrong = %t; want %d, false", whole.next, whole.isWrong, maxPieces)
	}
	var text string
	if err := json.Unmarshal([]byte(answerOf(3)), &text); err != nil || text != strings.Join(pieces[:3], "") {
		t.Errorf("answerOf(3) = %q, %v; want %q", text, err, strings.Join(pieces[:3], ""))
	}
}

func TestParseQuestion(t *testing.T) {
	c := newConversation(0)
	c.ask(modePaced, 170, 100)
	for text, want := range map[string]string{
		c.question:                             "pace 170 true",
		"bench:once 20 and bench:hold 3 <end>": "hold 3 true",
		"bench:once":                           " 0 false",
		"bench:once many":                      "once 0 false",
		"bench:once 0":                         "once 0 false",
		fmt.Sprintf("bench:once %d", maxPieces+1): fmt.Sprintf("once %d false", maxPieces+1),
		"hello": " 0 false",
	} {
		mode, count, ok := parseQuestion(text)
		if got := fmt.Sprint(mode, " ", count, " ", ok); got != want {
			t.Errorf("parseQuestion(%q) = %s, want %s", text, got, want)
		}
	}
}

// A conversation is a valid request, and it grows by an answer and a question with each turn.
func TestConversationGrows(t *testing.T) {
	c := newConversation(20_000)
	var lengths []int
	for range 3 {
		c.ask(modeAtOnce, 5, 50)
		var body struct {
			Model    string
			Stream   bool
			Messages []struct{ Role, Content string }
		}
		if err := json.Unmarshal(c.body("a model"), &body); err != nil {
			t.Fatal(err)
		}
		last := body.Messages[len(body.Messages)-1]
		if !body.Stream || body.Model != "a model" || last.Role != "user" || last.Content != c.question {
			t.Errorf("body: stream %t, model %q, last message %+v; want the question %q",
				body.Stream, body.Model, last, c.question)
		}
		lengths = append(lengths, len(body.Messages))
		c.answered(5)
	}
	if lengths[1] != lengths[0]+2 || lengths[2] != lengths[0]+4 {
		t.Errorf("messages = %v, want two more each turn", lengths)
	}
	if size := len(c.messages); size < 20_000 || size > 32_000 {
		t.Errorf("transcript = %d bytes, want about 20,000", size)
	}
}
