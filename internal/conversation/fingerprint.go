package conversation

import (
	"math"
	"strings"
	"unicode"

	"achuan/internal/chat"
)

// fingerprint returns a hash of a request: its caller, dialect, session id or name, and all that
// it asks for, byte by byte. How the answer is delivered is not part of it. whole is the lineage
// of the request's whole transcript: it stands for the texts, so that they are hashed once.
func fingerprint(r *chat.Request, choice int, whole Hash) Hash {
	f := newFieldHash()
	for _, s := range []string{"achuan request 2", r.Caller.ID, r.Dialect, r.Session.Name, r.Model, r.ReasoningEffort} {
		f.text(s)
	}
	f.number(int(r.Session.ID))
	f.number(choice)
	f.number(r.N)
	f.floats(r.Temperature, r.PresencePenalty, r.FrequencyPenalty)
	if f.flag(r.MaxTokens != nil) {
		f.number(*r.MaxTokens)
	}
	f.texts(r.Stop)
	f.flag(r.Draws)
	f.flag(r.WebSearch)
	if f.flag(r.Thinking != nil) {
		f.flag(*r.Thinking)
	}
	f.link(whole)
	f.messages(r.Messages, len(r.Messages)-len(r.Transcript()))
	f.tools(r)
	return f.finish()
}

// messages hashes what the lineage of the messages after the instructions leaves out: their order
// and their parts as the client sent them, and each text that the lineage does not hash as it is.
func (f *fieldHash) messages(messages []chat.Message, instructions int) {
	f.number(len(messages))
	for i := range messages {
		m := &messages[i]
		for _, s := range []string{string(m.Role), m.Name, m.ToolCallID} {
			f.text(s)
		}
		if m.IsError { // not a flag: most messages have the hash that they had before there were errors
			f.text("error")
		}
		f.rawText(m, i >= instructions)
		f.number(len(m.ToolCalls))
		for _, c := range m.ToolCalls {
			f.texts([]string{c.ID, c.Name, c.Arguments})
		}
		f.number(len(m.Files))
		for _, file := range m.Files {
			f.link(Hash(file.Digest))
			f.number(file.Offset)
			f.texts([]string{file.Name, file.Type})
		}
	}
}

// rawText hashes the text of a message. Where the text is part of a lineage, only the white space
// around it is hashed, unless the lineage changes more than that.
func (f *fieldHash) rawText(m *chat.Message, isInLineage bool) {
	core := strings.TrimSpace(m.Text)
	start := len(m.Text) - len(strings.TrimLeftFunc(m.Text, unicode.IsSpace))
	f.number(len(m.Text))
	if !f.flag(isInLineage && normalText(m) == core) {
		f.text(m.Text)
		return
	}
	f.text(m.Text[:start])
	if core != "" {
		f.text(m.Text[start+len(core):])
	}
}

func (f *fieldHash) tools(r *chat.Request) {
	f.number(len(r.Tools))
	for _, t := range r.Tools {
		f.texts([]string{t.Name, t.Description, string(t.Parameters)})
		f.flag(t.Strict)
	}
	f.text(string(r.ToolChoice.Mode))
	f.texts(r.ToolChoice.Allowed)
	if f.flag(r.ParallelCalls != nil) {
		f.flag(*r.ParallelCalls)
	}
	f.flag(r.LegacyCalls)
	f.texts([]string{string(r.Format.Kind), r.Format.Name, r.Format.Description, string(r.Format.Schema)})
	f.flag(r.Format.Strict)
}

func (f *fieldHash) texts(list []string) {
	f.number(len(list))
	for _, s := range list {
		f.text(s)
	}
}

func (f *fieldHash) floats(values ...*float64) {
	for _, v := range values {
		if f.flag(v != nil) {
			f.number(int(math.Float64bits(*v)))
		}
	}
}

// flag hashes whether something is present, and returns that.
func (f *fieldHash) flag(is bool) bool {
	n := 0
	if is {
		n = 1
	}
	f.number(n)
	return is
}

// keyHash returns what the store keeps of an idempotency key; zero for none. Each choice of a
// request is a turn with a key of its own.
func keyHash(key string, choice int) Hash {
	if key == "" {
		return Hash{}
	}
	f := newFieldHash()
	f.texts([]string{"achuan idempotency key 2", key})
	f.number(choice)
	return f.finish()
}

// exchangeDigest identifies an exchange: what was sent, and what was answered without its
// reasoning.
func exchangeDigest(sent, answered string) Hash {
	f := newFieldHash()
	f.text(normalStoredText(sent))
	f.text(normalStoredText(withoutReasoning(answered)))
	return f.finish()
}

// describeText describes a text that is sent.
func describeText(text string) SentText {
	text = normalStoredText(text)
	f := newFieldHash()
	f.text(text)
	return SentText{len(text), f.finish()}
}

// isIn reports whether a question that the platform has stored is this text, with or without the
// preamble in front of it. Each of the two may have been sent as a file.
func (s SentText) isIn(question, preamble string) bool {
	question = normalStoredText(question)
	front, isEnd := strings.CutSuffix(question, s.inFile())
	if !isEnd {
		if s.Size > len(question) {
			return false
		}
		var text string
		front, text = question[:len(question)-s.Size], question[len(question)-s.Size:]
		isEnd = s == describeText(text)
	}
	if !isEnd || front == "" {
		return isEnd
	}
	front = normalStoredText(front)
	return preamble != "" && (front == normalStoredText(preamble) || front == describeText(preamble).inFile())
}

// normalStoredText removes the differences that storing a text may make.
func normalStoredText(text string) string {
	return normalText(&chat.Message{Role: chat.RoleUser, Text: text})
}
