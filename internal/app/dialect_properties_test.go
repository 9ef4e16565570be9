package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"achuan/internal/simulator"
)

// The property test of dialects: chats change their API at any turn, and their clients send back what they got with the
// changes that real clients make (L1 to L15 of the contract). A change that counts as none continues the session; any
// other replays. In both cases the model has each message of the chat, and nothing of another chat.

// A saidMessage is a message of a chat, whatever the API. Its call ids have no prefix.
type saidMessage struct {
	text    string
	calls   []saidCall   // of an answer
	results []saidResult // in front of the text of a user
}

type saidCall struct {
	id, mark string
	n        int // an argument that a client may change
}

type saidResult struct{ id, text string }

// saidChat is a chat: questions and answers in turn.
type saidChat struct {
	messages []saidMessage
	marks    []string // of all that was said in it
	replays  bool     // the next question cannot continue the session
}

// dialectWorld is a server, its platform and the chats.
type dialectWorld struct {
	*rapid.T
	t     *testing.T
	url   string
	sim   *simulator.Simulator
	chats []*saidChat
	next  *int // marks so far
	calls int  // of the next answer
}

func (w *dialectWorld) mark(c *saidChat) string {
	*w.next++
	m := fmt.Sprintf("«%d»", *w.next)
	c.marks = append(c.marks, m)
	return m
}

func (w *dialectWorld) chance(name string, oneIn int) bool {
	return rapid.IntRange(1, oneIn).Draw(w.T, name) == 1
}

func TestDialectProperties(t *testing.T) {
	sim, next := simulator.New(simulator.Options{}), 0
	url := serve(t, sim, nil)
	rapid.Check(t, func(rt *rapid.T) {
		w := &dialectWorld{T: rt, t: t, url: url, sim: sim, next: &next}
		for range 12 {
			c := w.pick()
			w.change(c)
			w.say(c)
			w.ask(c)
		}
	})
}

// pick returns a chat: a new one, or one of before.
func (w *dialectWorld) pick() *saidChat {
	if len(w.chats) == 0 || len(w.chats) < 3 && w.chance("new chat", 4) {
		w.chats = append(w.chats, &saidChat{})
	}
	return w.chats[rapid.IntRange(0, len(w.chats)-1).Draw(w.T, "chat")]
}

// change changes what a chat has, as its client may do for good.
func (w *dialectWorld) change(c *saidChat) {
	last := len(c.messages) - 1
	if last < 0 {
		return
	}
	switch answer := &c.messages[last]; rapid.IntRange(0, 11).Draw(w.T, "change") {
	case 0: // L3: the arguments of calls of the last answer
		answer.calls = slices.Clone(answer.calls)
		for i := range answer.calls {
			answer.calls[i].n += 10
		}
	case 1: // L10: an answer that the client made up
		c.messages = append(c.messages, saidMessage{text: "Interrupted. " + w.mark(c)}, saidMessage{text: "No response requested."})
		c.replays = true
	case 2: // L11: compaction
		c.messages, c.marks = []saidMessage{{text: ""}, c.messages[last]}, nil
		c.messages[0].text = "A summary, " + w.mark(c)
		c.marks = append(c.marks, marksOf(c.messages[1])...)
		c.replays = true
	case 3: // L15: the date in the first message
		c.messages = slices.Clone(c.messages)
		c.messages[0].text += " It is the next day."
		c.replays = true
	}
}

var markPattern = regexp.MustCompile(`«\d+»`)

func marksOf(m saidMessage) []string {
	all := m.text
	for _, call := range m.calls {
		all += call.mark
	}
	return markPattern.FindAllString(all, -1)
}

// say adds a question, with the results of the calls of the last answer.
func (w *dialectWorld) say(c *saidChat) {
	m := saidMessage{}
	if n := len(c.messages); n > 0 {
		for _, call := range c.messages[n-1].calls {
			m.results = append(m.results, saidResult{call.id, "a result " + w.mark(c)})
		}
	}
	if len(m.results) == 0 || w.chance("a text after results", 3) {
		m.text = "A question, " + w.mark(c)
	}
	c.messages = append(c.messages, m)
}

// ask sends the chat in a dialect, reads the answer, and judges what the model got.
func (w *dialectWorld) ask(c *saidChat) {
	var answer saidMessage
	w.calls = rapid.IntRange(0, 2).Draw(w.T, "calls")
	w.sim.OnTurn(func(simulator.Turn) *simulator.Reply {
		text := "<think>hm</think> An answer, " + w.mark(c) + "."
		for i := range w.calls {
			text += fmt.Sprintf("\n<tool_call>{\"name\": \"look\", \"arguments\": {\"x\": \"%s é\", \"n\": %d}}</tool_call>", w.mark(c), i)
		}
		return &simulator.Reply{Text: text}
	})
	d := rapid.SampledFrom(wireDialects).Draw(w.T, "dialect")
	e := &wireEncoder{w, d}
	body, err := json.Marshal(d.body(e, c.messages))
	if err != nil {
		w.Fatal(err)
	}
	said := slices.Clone(c.marks)
	res, text := exchange(w.t, http.MethodPost, w.url+d.path, string(body))
	if res.StatusCode != http.StatusOK {
		w.Fatalf("%s: %s %s\n%s", d.path, res.Status, text, body)
	}
	answer = d.read(w, []byte(text))
	if len(answer.calls) != w.calls {
		w.Fatalf("%d calls in %s, want %d", len(answer.calls), text, w.calls)
	}
	placement := res.Header.Get("X-Achuan-Placement")
	if isContinued := placement == "continued"; isContinued == (c.replays || len(c.messages) == 1) {
		w.Fatalf("placement = %s, want a continued session: %t\n%s", placement, !isContinued, body)
	}
	w.judge(c, said, body)
	c.messages, c.replays = append(c.messages, answer), false
}

// spokenMark matches the mark of a text. Those of calls are left out: an edited call is told a second time.
var spokenMark = regexp.MustCompile(`(?:question,|answer,|result|summary,|Interrupted\.) («\d+»)`)

// judge checks that the model has each mark of the chat, those of texts once, and no others.
func (w *dialectWorld) judge(c *saidChat, said []string, body []byte) {
	turns := w.sim.Turns()
	turn := turns[len(turns)-1]
	seen := turn.Text
	for _, x := range turn.History {
		seen += x.User + x.AI
	}
	spoken := map[string]bool{}
	for _, m := range spokenMark.FindAllStringSubmatch(seen, -1) {
		if spoken[m[1]] {
			w.Fatalf("the model has %s twice:\n%s\n%s", m[0], seen, body)
		}
		spoken[m[1]] = true
	}
	counts := map[string]int{}
	for _, m := range markPattern.FindAllString(seen, -1) {
		counts[m]++
	}
	for _, m := range said {
		if counts[m] == 0 {
			w.Fatalf("the model does not have %s:\n%s\n%s", m, seen, body)
		}
		delete(counts, m)
	}
	if len(counts) > 0 {
		w.Fatalf("the model has %v, which is not of this chat:\n%s", counts, seen)
	}
}
