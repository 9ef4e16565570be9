//go:build linux

package e2e

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"achuan/internal/simulator"
)

// Every message has a mark of its own, so that the marks in what the model saw tell
// exactly which messages those were, and in which order.
var markPattern = regexp.MustCompile(`«\d+»`)

func marks(texts ...string) []string { return markPattern.FindAllString(strings.Join(texts, "\n"), -1) }

// seen are the marks of all that the model saw for a turn.
func seen(turn simulator.Turn) []string {
	texts := []string{}
	for _, e := range turn.History {
		texts = append(texts, e.User, e.AI)
	}
	return marks(append(texts, turn.Text)...)
}

// question is the mark of what a turn asked: the last that the model saw.
func question(turn simulator.Turn) string {
	all := seen(turn)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// party is one chat as its client knows it.
type party struct {
	s          *site
	key        string
	user       string // by name, when it is not ""
	session    int64  // by id, when it is not 0
	stream     bool
	transcript []message
	where      reply // of the last answer
}

// say adds a question.
func (c *party) say() message {
	if c.session != 0 || c.user != "" {
		c.s.named.Store(" of "+c.key, true)
	}
	m := message{"user", "question " + c.s.mark() + " of " + c.key}
	c.transcript = append(c.transcript, m)
	return m
}

// request is for the transcript; by id and by name only what is new is sent.
func (c *party) request() request {
	q := request{key: c.key, Model: model, Messages: slices.Clone(c.transcript), User: c.user, Stream: c.stream, header: map[string]string{}}
	if c.session != 0 {
		q.header["X-Session-Id"] = strconv.FormatInt(c.session, 10)
	}
	if c.session != 0 || c.user != "" {
		q.Messages = q.Messages[len(q.Messages)-1:]
	}
	return q
}

// goOn asks the next question.
func (c *party) goOn(p *process) reply {
	c.s.t.Helper()
	c.say()
	return c.hear(p.ask(c.s.ctx, c.request()))
}

// hear takes an answer in and judges it.
func (c *party) hear(r reply) reply {
	c.s.t.Helper()
	if !r.ok() {
		c.s.t.Errorf("no answer for %q: %s", c.transcript[len(c.transcript)-1].Content, r)
		return r
	}
	r.session = c.judge(r)
	c.transcript = append(c.transcript, message{"assistant", r.text})
	c.where = r
	return r
}

// judge checks what the model saw for a whole answer: by transcript, exactly the
// transcript; by id and name, all of it in order. It returns the session that gave
// the answer, which is the one that it names; but one that was attached to may have
// come to nothing after it was named.
func (c *party) judge(r reply) int64 {
	c.s.t.Helper()
	answer := marks(r.text)
	if len(answer) != 1 {
		c.s.t.Errorf("the answer %q has not one mark", r.text)
		return 0
	}
	turns := c.s.sim.Turns()
	i := slices.IndexFunc(turns, func(t simulator.Turn) bool { return slices.Equal(marks(t.Answer), answer) })
	if i < 0 {
		c.s.t.Errorf("nobody gave the answer %q", r.text)
		return 0
	}
	early := r.session == 0 && r.placement == "" // its headers went out while it waited to be placed
	if !early && turns[i].SessionID != r.session && r.placement != "attached" {
		c.s.t.Errorf("the answer says session %d, and was given in %d", r.session, turns[i].SessionID)
	}
	saw, want := seen(turns[i]), []string{}
	for _, m := range c.transcript {
		want = append(want, marks(m.Content)...)
	}
	if c.session == 0 && c.user == "" {
		if !slices.Equal(saw, want) {
			c.s.t.Errorf("%s: the model saw %v for the transcript %v", r, saw, want)
		}
		return turns[i].SessionID
	}
	if !within(want, saw) || question(turns[i]) != want[len(want)-1] {
		c.s.t.Errorf("%s: the model saw %v for the conversation %v", r, saw, want)
	}
	return turns[i].SessionID
}

// within tells whether all of a is in b, in that order.
func within(a, b []string) bool {
	for _, m := range a {
		i := slices.Index(b, m)
		if i < 0 {
			return false
		}
		b = b[i+1:]
	}
	return true
}

// judgeTurns checks what holds whatever happened: no session had two turns in
// flight, and none has messages of two clients; a question was asked once, and only
// after a crash or a lost lease again, by another process, in another session.
//
// By id and by name a client may repeat in the same session what was answered, when
// a crash came between the answer's end and the client: the session is free, and
// nothing tells a repetition from a new message of the same words.
func (s *site) judgeTurns() {
	s.t.Helper()
	owners := map[int64]string{}
	type asking struct{ session, token string }
	before := map[string][]asking{}
	for _, turn := range s.sim.Turns() {
		if turn.Overlapped {
			s.t.Errorf("two turns at once in session %d", turn.SessionID)
		}
		for _, owner := range ownerPattern.FindAllString(everything(turn), -1) {
			if was, ok := owners[turn.SessionID]; ok && was != owner {
				s.t.Errorf("session %d has messages %s and %s", turn.SessionID, was, owner)
			}
			owners[turn.SessionID] = owner
		}
		q, now := question(turn), asking{strconv.FormatInt(turn.SessionID, 10), turn.Header.Get("Authorization")}
		for _, was := range before[q] {
			if _, byName := s.named.Load(owners[turn.SessionID]); was.session == now.session && !byName {
				s.t.Errorf("%s was asked twice in session %s", q, now.session)
			}
			if was.token == now.token {
				s.t.Errorf("%s was asked twice by one process, in %s and %s", q, was.session, now.session)
			}
		}
		before[q] = append(before[q], now)
	}
}

var ownerPattern = regexp.MustCompile(` of [\w-]+`)

func everything(turn simulator.Turn) string {
	var b strings.Builder
	for _, e := range turn.History {
		b.WriteString(e.User + "\n")
	}
	b.WriteString(turn.Text)
	return b.String()
}

// together runs f for each of n at once and waits for them.
func together(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
