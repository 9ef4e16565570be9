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

// Each message has a mark of its own. So the marks in the context of a turn show which messages the model saw, and in
// which order.
var markPattern = regexp.MustCompile(`«\d+»`)

func marksIn(texts ...string) []string {
	return markPattern.FindAllString(strings.Join(texts, "\n"), -1)
}

// seenMarks returns the marks of all texts that the model saw in a turn.
func seenMarks(turn simulator.Turn) []string {
	texts := []string{}
	for _, e := range turn.History {
		texts = append(texts, e.User, e.AI)
	}
	return marksIn(append(texts, turn.Text)...)
}

// questionMark returns the mark of the question of a turn, which is the last one that the model saw.
func questionMark(turn simulator.Turn) string {
	all := seenMarks(turn)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

// chatClient is a client with one chat.
type chatClient struct {
	env        *testEnv
	key        string
	user       string // names the session; "" for no name
	session    int64  // the session id that it sends; 0 for none
	stream     bool
	transcript []message
	lastReply  reply // the last answer
}

// addQuestion adds a new question to the transcript.
func (c *chatClient) addQuestion() message {
	if c.session != 0 || c.user != "" {
		c.env.labelledOwners.Store(" of "+c.key, true)
	}
	m := message{"user", "question " + c.env.newMark() + " of " + c.key}
	c.transcript = append(c.transcript, m)
	return m
}

// request returns the request for the transcript. With a session id or a name it has only the last message.
func (c *chatClient) request() request {
	q := request{
		key: c.key, Model: model, Messages: slices.Clone(c.transcript), User: c.user, Stream: c.stream,
		header: map[string]string{},
	}
	if c.session != 0 {
		q.header["X-Session-Id"] = strconv.FormatInt(c.session, 10)
	}
	if c.session != 0 || c.user != "" {
		q.Messages = q.Messages[len(q.Messages)-1:]
	}
	return q
}

// askNext asks a new question and checks the answer.
func (c *chatClient) askNext(p *process) reply {
	c.env.t.Helper()
	c.addQuestion()
	return c.receive(p.ask(c.env.ctx, c.request()))
}

// receive checks an answer and adds it to the transcript.
func (c *chatClient) receive(r reply) reply {
	c.env.t.Helper()
	if !r.isSuccess() {
		c.env.t.Errorf("reply to %q = %s, want an answer", c.transcript[len(c.transcript)-1].Content, r)
		return r
	}
	r.session = c.checkAnswer(r)
	c.transcript = append(c.transcript, message{"assistant", r.text})
	c.lastReply = r
	return r
}

// checkAnswer checks what the model saw for an answer: exactly the transcript, or with a session id or a name at least
// the transcript, in order. It returns the session of the answer. This is the session that the reply names, except for
// a reply that was attached to an answer which then failed.
func (c *chatClient) checkAnswer(r reply) int64 {
	c.env.t.Helper()
	answer := marksIn(r.text)
	if len(answer) != 1 {
		c.env.t.Errorf("marks of the answer %q = %v, want one", r.text, answer)
		return 0
	}
	turns := c.env.sim.Turns()
	i := slices.IndexFunc(turns, func(t simulator.Turn) bool { return slices.Equal(marksIn(t.Answer), answer) })
	if i < 0 {
		c.env.t.Errorf("platform has no answer %q, want one", r.text)
		return 0
	}
	hasNoSession := r.session == 0 && r.placement == "" // the headers were sent before the request was placed
	if !hasNoSession && turns[i].SessionID != r.session && r.placement != "attached" {
		c.env.t.Errorf("session of the reply = %d, want %d, where the platform answered", r.session, turns[i].SessionID)
	}
	saw, want := seenMarks(turns[i]), []string{}
	for _, m := range c.transcript {
		want = append(want, marksIn(m.Content)...)
	}
	if c.session == 0 && c.user == "" {
		if !slices.Equal(saw, want) {
			c.env.t.Errorf("%s: model saw %v, want the transcript %v", r, saw, want)
		}
		return turns[i].SessionID
	}
	if !isSubsequence(want, saw) || questionMark(turns[i]) != want[len(want)-1] {
		c.env.t.Errorf("%s: model saw %v, want in it the conversation %v", r, saw, want)
	}
	return turns[i].SessionID
}

// isSubsequence reports whether b contains all of a, in this order.
func isSubsequence(a, b []string) bool {
	for _, m := range a {
		i := slices.Index(b, m)
		if i < 0 {
			return false
		}
		b = b[i+1:]
	}
	return true
}

// checkTurns checks what must be true after each test: a session never had two turns in flight, and it has no messages
// of two clients. A question was asked once. Only after a crash or a lost lease it was asked again, by another process
// in another session.
//
// With a session id or a name, a client may repeat in the same session a question that was answered, when a crash came
// between the end of the answer and the client: then the session is free, and the server cannot distinguish the
// repetition from a new message with the same text.
func (env *testEnv) checkTurns() {
	env.t.Helper()
	owners := map[int64]string{}
	type attempt struct{ session, token string }
	attempts := map[string][]attempt{}
	for _, turn := range env.sim.Turns() {
		if turn.Overlapped {
			env.t.Errorf("session %d had two turns at the same time, want one", turn.SessionID)
		}
		for _, owner := range ownerPattern.FindAllString(userTexts(turn), -1) {
			if first, ok := owners[turn.SessionID]; ok && first != owner {
				env.t.Errorf("session %d has messages %s and %s, want those of one client", turn.SessionID, first, owner)
			}
			owners[turn.SessionID] = owner
		}
		q, now := questionMark(turn), attempt{strconv.FormatInt(turn.SessionID, 10), turn.Header.Get("Authorization")}
		for _, earlier := range attempts[q] {
			_, isLabelled := env.labelledOwners.Load(owners[turn.SessionID])
			if earlier.session == now.session && !isLabelled {
				env.t.Errorf("question %s was asked twice in session %s, want once", q, now.session)
			}
			if earlier.token == now.token {
				env.t.Errorf("question %s was asked twice by one process, in sessions %s and %s, want once", q, earlier.session, now.session)
			}
		}
		attempts[q] = append(attempts[q], now)
	}
}

var ownerPattern = regexp.MustCompile(` of [\w-]+`)

func userTexts(turn simulator.Turn) string {
	var b strings.Builder
	for _, e := range turn.History {
		b.WriteString(e.User + "\n")
	}
	b.WriteString(turn.Text)
	return b.String()
}

// inParallel runs f(0) to f(n-1) at the same time and waits for them.
func inParallel(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
