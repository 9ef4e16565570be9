package main

import (
	"fmt"
	"strings"
	"sync/atomic"
)

// model is a model of the simulator.
const model = "gpt-5.1-high"

// conversation is a conversation as a client has it: the whole transcript, which grows turn by turn.
type conversation struct {
	number   int64
	turns    int    // answered
	question string // the last question
	messages []byte // encoded, without brackets; the last message is the question

	session int64 // on the platform, for direct only
}

var conversationCount atomic.Int64

// The texts of messages before the first turn: as coding agents send them, with long outputs of tools (about 8 KB) and
// short answers. Servers that copy each message spend more on small ones.
var (
	historyOutput = strings.Repeat(historyLines, 50)
	historyAnswer = strings.Repeat(historyLines, 4)
)

const historyLines = "if err != nil {\n\treturn fmt.Errorf(\"line %d: %w\", n, err)\n}\n" +
	"// The answer 回答 goes back to the caller 调用方, and the next question continues it.\n"

// newConversation returns a conversation with one question. Before the question it has a history of about this many
// bytes: questions and answers that another program could have stored.
func newConversation(historyBytes int) *conversation {
	c := &conversation{number: conversationCount.Add(1)}
	c.messages = make([]byte, 0, historyBytes+historyBytes/4+1024)
	for i := 0; len(c.messages) < historyBytes; i++ {
		c.add("user", encode(fmt.Sprintf("conversation %d, message %d: %s", c.number, i, historyOutput)))
		c.add("assistant", encode(fmt.Sprintf("answer %d: %s", i, historyAnswer)))
	}
	return c
}

// ask adds a question. size is the number of further bytes in its text.
func (c *conversation) ask(mode string, count, size int) {
	filler := strings.Repeat("more words of a longer question. ", size/33)
	c.question = fmt.Sprintf("%sconversation %d, turn %d %s%s %d", filler, c.number, c.turns, questionMark, mode, count)
	c.add("user", encode(c.question))
}

// answered adds the answer of count pieces to the last question.
func (c *conversation) answered(count int) {
	c.turns++
	c.add("assistant", answerOf(count))
}

func (c *conversation) add(role, encoded string) {
	if len(c.messages) > 0 {
		c.messages = append(c.messages, ',')
	}
	c.messages = append(c.messages, `{"role":"`...)
	c.messages = append(c.messages, role...)
	c.messages = append(c.messages, `","content":`...)
	c.messages = append(c.messages, encoded...)
	c.messages = append(c.messages, '}')
}

// body returns the body of a Chat Completions request with the whole transcript.
func (c *conversation) body(model string) []byte {
	b := make([]byte, 0, len(c.messages)+100)
	b = append(b, `{"model":`...)
	b = append(b, encode(model)...)
	b = append(b, `,"stream":true,"messages":[`...)
	b = append(b, c.messages...)
	return append(b, "]}"...)
}
