package conversation

import "achuan/internal/chat"

// NoToolsNow is Session.Tools of a session whose last request had no tools, but an
// earlier one had.
var NoToolsNow = digestOf("achuan tools 1", "none any more")

func digestOf(texts ...string) Hash {
	f := newFields()
	f.texts(texts)
	return f.take()
}

// instructionsDigest tells a client's instructions from others. It is never zero: that
// is a session of which the instructions are not known.
func instructionsDigest(r *chat.Request) Hash {
	return digestOf("achuan instructions 1", normalStoredText(r.System()))
}

// toolsDigest tells a request's tools from others; zero when it has none.
func toolsDigest(r *chat.Request) Hash {
	if len(r.Tools) == 0 {
		return Hash{}
	}
	f := newFields()
	f.text("achuan tools 1")
	for _, t := range r.Tools {
		f.texts([]string{t.Name, t.Description, string(t.Parameters)})
	}
	return f.take()
}

// writeQuestion makes the question of a text, with what the session's prompt cannot hold in front of it unless the
// session was told that before.
func (t *turn) writeQuestion(text string) {
	t.question, t.preambleDigest = text, Hash{}
	if t.input.Preamble == "" {
		return
	}
	if digest := digestOf("achuan preamble 1", t.input.Preamble); digest != t.session.ToldPreamble {
		t.question, t.preambleDigest = t.input.Preamble+"\n\n"+text, digest
	}
}

// noteTold notes in the session what its model knows after a question that was asked.
// isKept says that the platform keeps the question for certain.
func (t *turn) noteTold(isKept bool) {
	s := t.session
	s.Instructions = instructionsDigest(t.request)
	tools := toolsDigest(t.request)
	if tools.IsZero() && !s.Tools.IsZero() {
		tools = NoToolsNow
	}
	s.Tools = tools
	switch {
	case t.preambleDigest.IsZero():
	case isKept:
		s.ToldPreamble = t.preambleDigest
	default:
		s.ToldPreamble = Hash{}
	}
	// The owner of a session that achuan did not make decides how many exchanges the
	// model sees. What it was told is told again before that falls out.
	if n := s.Settings.ContextCount; !s.Made && (n < 1 || s.Turns%n == 0) {
		s.ToldPreamble = Hash{}
	}
}
