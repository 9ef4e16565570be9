package demo

import (
	"fmt"
	"strings"
	"unicode"

	"achuan/internal/simulator"
)

// chatContext is what the chat partner reads from a turn.
type chatContext struct {
	turn      simulator.Turn
	isChinese bool     // the question has Chinese characters, so the answer is Chinese
	question  string   // the user's last message
	userTexts []string // all messages of the user, oldest first, including the question
	prompt    string   // the client's system prompt; "" for none
	facts     []fact   // from all messages of the user
	newFacts  []fact   // from the question alone
}

// newChatContext reads a turn. A session whose prompt equals preset has no system prompt of a client.
func newChatContext(t simulator.Turn, preset string) *chatContext {
	c := &chatContext{turn: t}
	if t.Prompt != preset {
		c.prompt = strings.TrimSpace(t.Prompt)
	}
	for _, e := range t.History {
		c.addText(e.User)
	}
	c.addText(t.Text)
	c.question = lastText(c.userTexts)
	c.isChinese = strings.ContainsFunc(c.question, isHan)
	for _, text := range c.userTexts {
		c.facts = addFacts(c.facts, text)
	}
	c.newFacts = addFacts(nil, c.question)
	return c
}

// addText reads one text of the session: one message, or a replay of several.
func (c *chatContext) addText(text string) {
	if strings.HasPrefix(text, repairIntro) {
		return
	}
	_, text = splitInstructions(text)
	for _, m := range simulator.SplitReplay(text) {
		switch m.Role {
		case "user":
			c.userTexts = append(c.userTexts, m.Text)
		case "system", "developer":
			c.prompt = strings.TrimSpace(c.prompt + "\n" + m.Text)
		}
	}
}

// messageNumber counts the user's messages up to the question. The session may hold more of them than the
// model sees.
func (c *chatContext) messageNumber() int { return max(c.turn.Number, len(c.userTexts)) }

// localize formats the text in the language of the answer.
func (c *chatContext) localize(en, zh string, args ...any) string {
	if c.isChinese {
		en = zh
	}
	return fmt.Sprintf(en, args...)
}

// answer answers the first intent that the question matches.
func (c *chatContext) answer() string {
	for _, in := range intents {
		if m := in.match(c.questionEnd()); m != nil {
			return in.answer(c, m)
		}
	}
	if len(c.newFacts) > 0 {
		return c.acknowledgeFacts()
	}
	return c.introduceSelf()
}

// questionEnd returns the end of the question in lower case. A long text usually says there what it wants.
func (c *chatContext) questionEnd() string {
	const maxRunes = 400
	runes := []rune(c.question)
	return strings.ToLower(string(runes[max(len(runes)-maxRunes, 0):]))
}

// quotedQuestion returns the start of the question, short enough for one line.
func (c *chatContext) quotedQuestion() string { return shorten(c.question, 60) }

// shorten returns the first line of text, cut at maxRunes.
func shorten(text string, maxRunes int) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	runes := []rune(line)
	if len(runes) > maxRunes {
		return strings.TrimSpace(string(runes[:maxRunes])) + "…"
	}
	return line
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func lastText(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[len(texts)-1]
}
