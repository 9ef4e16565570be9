package conversation

import "achuan/internal/chat"

// Question is a request with what the layers above have added to it.
type Question struct {
	Request *chat.Request
	Choice  int // index of the choice, below Request.N
	// Prompt is the session's system prompt: the request's instructions and what the form of the
	// answer needs. "" means the platform's own preset.
	Prompt string
	// Preamble is text in front of a session's first question, and of a later one when it has
	// changed. It holds instructions that are too long for a prompt.
	Preamble string
	// Repairs is how often the Shaper asks again at most.
	Repairs int
	// Renderer writes the messages as the model reads them; nil means Options.Renderer.
	Renderer Renderer
	// Draws says that the model draws: see chat.Question.
	Draws bool
	// MaxFiles is how many files the platform takes with one question; 0 sets no limit.
	MaxFiles int
	// TextFiles reports whether the model certainly reads text files, so that a text which is too long
	// can be sent as one, and the largest size of a file in bytes; 0 sets no limit. nil means no.
	TextFiles func() (maxSize int64, isRead bool)
	// CountTokens counts the tokens of the request, for the error that it is too long; nil leaves
	// them out.
	CountTokens func() int
	// Shaper turns the platform's answer into the one that the client asked for; nil leaves it as
	// it is.
	Shaper Shaper
	// NewShaper returns another Shaper for the same question, for an answer that is derived from
	// the platform's records. When it is nil, no answer is derived.
	NewShaper func() Shaper
}

// ToolReader is a Shaper that reads tool calls. Before the Renderer is used and before the first
// event, the engine tells it when an earlier turn of the session had tools: the model may call
// them although the request has none.
type ToolReader interface {
	SessionHadTools()
}

// tellShaperOfTools tells the Shaper if an earlier turn of the session had tools.
func (t *turn) tellShaperOfTools() {
	if s, ok := t.input.Shaper.(ToolReader); ok && t.session != nil && !t.session.Tools.IsZero() {
		s.SessionHadTools()
	}
}

// renderer returns what writes the messages as the model reads them.
func (t *turn) renderer() Renderer {
	if t.input.Renderer == nil {
		return t.engine.opts.Renderer
	}
	t.tellShaperOfTools()
	return t.input.Renderer
}

// Shaper turns the platform's answer into the one that the client gets: it cuts at stop
// sequences, reads tool calls, and asks again for what the model got wrong. It works inside the
// turn, because what the client gets decides the head of the session, and because a turn is
// shaped to its end also when its client has left. One goroutine uses it at a time, for one
// answer.
//
// The gateway implements it.
type Shaper interface {
	// Shape takes the next event of the platform's answer and passes on what the client gets of
	// it, in order. An EventDone that it passes on ends the client's answer. When that comes
	// before the platform's own EventDone, the answer is cut: the rest is read and dropped, and
	// the session is not continued. At the platform's EventDone, Shape passes an EventDone on,
	// returns a repair to ask in the same session, or fails. Shape cannot take back text that it
	// has passed on.
	Shape(ev chat.Event, pass func(chat.Event)) (repair string, err error)
}

// CallSeeder is a Shaper that makes ids of calls. Before the first Shape, the turn gives it a
// seed that derives from the turn's token, so that an answer that is shaped again after a crash
// has the ids that its client may have seen. check adds a check over name and arguments to an id.
type CallSeeder interface {
	SetCallSeed(seed [16]byte, check func(id, name, arguments string) string)
}

// setCallSeed gives a Shaper the seed for the calls of the turn with that token.
func (e *Engine) setCallSeed(s Shaper, token Token) {
	seeder, ok := s.(CallSeeder)
	if !ok {
		return
	}
	f := newFieldHash()
	f.text("achuan call ids 1")
	f.text(string(token[:]))
	hash := f.finish()
	seeder.SetCallSeed([16]byte(hash[:16]), e.opts.CallKey.appendCheck)
}
