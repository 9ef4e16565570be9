package simulator

import (
	"fmt"
	"strings"
	"unicode"
)

// The chat partner of demo mode. It understands a handful of things, in English
// and Chinese, from what the session (or a conversation that comes as one replayed
// text) really holds, so that what it remembers shows what a model would have seen.

// demoAnswer is the Answer of demo mode.
func (s *Simulator) demoAnswer(t Turn) string {
	h := hear(t, s.preset)
	answer := newErrand(h).answer()
	if answer == "" {
		answer = h.answer()
	}
	switch {
	case t.Entry.Draws:
		answer = h.drawn()
	case t.Entry.Reasons:
		answer = "<think>\n" + h.thoughts() + "\n</think>\n\n" + answer
	}
	return answer
}

// hearing is what the chat partner makes of a turn.
type hearing struct {
	turn     Turn
	zh       bool     // the question is Chinese, so the answer is
	question string   // what the user said last
	said     []string // everything the user said, oldest first, the question included
	prompt   string   // what the client wants of the model; "" when nothing
	facts    []fact   // told so far
	fresh    []fact   // told in the question
}

func hear(t Turn, preset string) *hearing {
	h := &hearing{turn: t}
	if t.Prompt != preset {
		h.prompt = strings.TrimSpace(t.Prompt)
	}
	for _, e := range t.History {
		h.listen(e.User)
	}
	h.listen(t.Text)
	h.question = lastOf(h.said)
	h.zh = strings.ContainsFunc(h.question, isHan)
	for _, text := range h.said {
		h.facts = learn(h.facts, text)
	}
	h.fresh = learn(nil, h.question)
	return h
}

// listen takes in one text of the session: a message, or several in a framing.
func (h *hearing) listen(text string) {
	if strings.HasPrefix(text, repairIntro) {
		return
	}
	_, text = splitInstructions(text)
	for _, m := range unframe(text) {
		switch m.role {
		case "user":
			h.said = append(h.said, m.text)
		case "system", "developer":
			h.prompt = strings.TrimSpace(h.prompt + "\n" + m.text)
		}
	}
}

// count is the number of the question among all that the user said. The session
// may hold more than the model is shown.
func (h *hearing) count() int { return max(h.turn.Number, len(h.said)) }

// say picks the answer's language.
func (h *hearing) say(en, zh string, args ...any) string {
	if h.zh {
		en = zh
	}
	return fmt.Sprintf(en, args...)
}

// answer does what the question asks for.
func (h *hearing) answer() string {
	for _, in := range intents {
		if m := in.match(h.tail()); m != nil {
			return in.answer(h, m)
		}
	}
	if len(h.fresh) > 0 {
		return h.acknowledge()
	}
	return h.introduce()
}

// tail is the end of the question, where a long text says what it wants.
func (h *hearing) tail() string {
	const most = 400
	runes := []rune(h.question)
	return strings.ToLower(string(runes[max(len(runes)-most, 0):]))
}

// quote shortens the question to what fits into a line.
func (h *hearing) quote() string { return shorten(h.question, 60) }

func shorten(text string, most int) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	runes := []rune(line)
	if len(runes) > most {
		return strings.TrimSpace(string(runes[:most])) + "…"
	}
	return line
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func lastOf(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[len(texts)-1]
}
