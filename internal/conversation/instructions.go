package conversation

import "achuan/internal/chat"

// NoToolsNow is Session.Tools of a session whose last request had no tools, while an
// earlier one had some.
var NoToolsNow = digestOf("achuan tools 1", "none any more")

func digestOf(texts ...string) Hash {
	f := newFieldHash()
	f.texts(texts)
	return f.finish()
}

// instructionsDigest identifies a client's instructions. It is never zero, which stands for
// instructions that are not known.
func instructionsDigest(r *chat.Request) Hash {
	return digestOf("achuan instructions 1", normalStoredText(r.System()))
}

// toolsDigest identifies a request's tools; zero when it has none.
func toolsDigest(r *chat.Request) Hash {
	if len(r.Tools) == 0 {
		return Hash{}
	}
	f := newFieldHash()
	f.text("achuan tools 1")
	for _, t := range r.Tools {
		f.texts([]string{t.Name, t.Description, string(t.Parameters)})
	}
	return f.finish()
}

// writeQuestion makes the question of a text. It puts the preamble in front, unless the session
// has received the same one before.
func (t *turn) writeQuestion(content chat.Content) error {
	t.content, t.preambleDigest = content, Hash{}
	preamble := ""
	if t.input.Preamble != "" {
		if digest := digestOf("achuan preamble 1", t.input.Preamble); digest != t.session.ToldPreamble {
			preamble, t.preambleDigest = t.input.Preamble, digest
		}
	}
	sent, err := t.fit(content, preamble, t.engine.texts.max())
	t.question, t.files = sent.Text, sent.Files
	return err
}

// recordInstructions records in the session which instructions, tools and preamble its model has
// seen, after a question was asked. isKept says that the platform certainly keeps the question.
func (t *turn) recordInstructions(isKept bool) {
	s := t.session
	s.Instructions = t.instructions
	tools := t.tools
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
	// The owner of a session that achuan did not create decides how many exchanges the model
	// sees. The preamble is sent again before it falls out of those.
	if n := s.Settings.ContextCount; !s.CreatedByAchuan && (n < 1 || s.Turns%n == 0) {
		s.ToldPreamble = Hash{}
	}
}
