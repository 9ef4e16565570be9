package conversation

import "achuan/internal/chat"

// Question is a request with what the layers above made of it.
type Question struct {
	Request *chat.Request
	Choice  int // index of the choice, below Request.N
	// Prompt is the session's system prompt: the request's instructions with what
	// the answer's form needs. "" means the platform's own preset.
	Prompt string
	// Preamble goes in front of a session's first text, and of a later one when it has
	// changed; for instructions that are too long for a prompt.
	Preamble string
	// Repairs is how many times at the most the Shaper asks again.
	Repairs int
	// Render writes a message as the text that the model reads; nil is Options.Render.
	Render func(chat.Message) string
	// Shaper makes the answer what the client asked for; nil passes it on as it is.
	Shaper Shaper
	// NewShaper returns another Shaper for the same answer, for an answer that is derived
	// from the platform's records. nil means that no answer to the question is derived.
	NewShaper func() Shaper
}

// ToolReader is a Shaper that reads calls. The engine tells it, before Render is
// called and before the first event, that the session was told of tools in an earlier
// turn: the model may call them although the request has none.
type ToolReader interface {
	SessionHadTools()
}

// noteTools tells the Shaper if the session was told of tools.
func (t *turn) noteTools() {
	if s, ok := t.input.Shaper.(ToolReader); ok && t.session != nil && !t.session.Tools.IsZero() {
		s.SessionHadTools()
	}
}

// render writes a message as the text that the model reads.
func (t *turn) render(m chat.Message) string {
	if t.input.Render == nil {
		return t.engine.Render(m)
	}
	t.noteTools()
	return t.input.Render(m)
}

// Shaper makes the platform's answer into the one that its client gets: it cuts
// at stop sequences, reads tool calls, asks again for what the model got wrong.
// It works inside the turn, because what the client gets decides what the session
// is afterwards (its head), and because a turn is shaped to its end also when its
// client has left. One goroutine uses it at a time, for one answer.
//
// The gateway has the only real one.
type Shaper interface {
	// Shape takes the next event of the platform's answer and passes on what the
	// client gets of it, in order. An EventDone that it passes on ends the client's
	// answer; before the platform's own EventDone that is a cut: the rest is read
	// and dropped, and the session is not continued. At the platform's EventDone it
	// passes an EventDone on, returns a repair to ask in the same session, or fails.
	// Text that was passed on stays passed on.
	Shape(ev chat.Event, pass func(chat.Event)) (repair string, err error)
}

// CallSeeder is a Shaper that makes ids of calls. The turn gives it a seed that derives
// from the turn's token, before Shape is first called, so that an answer that is shaped
// again, after a crash, has the ids that its client may have seen.
type CallSeeder interface {
	SetCallSeed(seed [16]byte)
}

// setCallSeed gives a Shaper the seed for the calls of the turn with that token.
func setCallSeed(s Shaper, token Token) {
	seeder, ok := s.(CallSeeder)
	if !ok {
		return
	}
	f := newFields()
	f.text("achuan call ids 1")
	f.text(string(token[:]))
	hash := f.take()
	seeder.SetCallSeed([16]byte(hash[:16]))
}
