package conversation

import (
	"math"

	"achuan/internal/chat"
)

// fingerprint tells a request from every other: caller, dialect, id or name, and
// all that was asked for, to the letter. How the answer is to be delivered is no
// part of it.
func fingerprint(r *chat.Request, choice int) Hash {
	f := newFields()
	for _, s := range []string{"achuan request 1", r.Caller.ID, r.Dialect, r.Session.Name, r.Model, r.ReasoningEffort} {
		f.text(s)
	}
	f.number(int(r.Session.ID))
	f.number(choice)
	f.number(r.N)
	f.floats(r.Temperature, r.PresencePenalty, r.FrequencyPenalty)
	if f.present(r.MaxTokens != nil) {
		f.number(*r.MaxTokens)
	}
	f.texts(r.Stop)
	f.messages(r.Messages)
	f.tools(r)
	return f.take()
}

func (f *fields) messages(messages []chat.Message) {
	f.number(len(messages))
	for i := range messages {
		m := &messages[i]
		for _, s := range []string{string(m.Role), m.Name, m.Text, m.ToolCallID} {
			f.text(s)
		}
		f.number(len(m.ToolCalls))
		for _, c := range m.ToolCalls {
			f.texts([]string{c.ID, c.Name, c.Arguments})
		}
	}
}

func (f *fields) tools(r *chat.Request) {
	f.number(len(r.Tools))
	for _, t := range r.Tools {
		f.texts([]string{t.Name, t.Description, string(t.Parameters)})
		f.present(t.Strict)
	}
	f.text(string(r.ToolChoice.Mode))
	f.texts(r.ToolChoice.Allowed)
	if f.present(r.ParallelCalls != nil) {
		f.present(*r.ParallelCalls)
	}
	f.present(r.LegacyCalls)
	f.texts([]string{string(r.Format.Kind), r.Format.Name, r.Format.Description, string(r.Format.Schema)})
	f.present(r.Format.Strict)
}

func (f *fields) texts(list []string) {
	f.number(len(list))
	for _, s := range list {
		f.text(s)
	}
}

func (f *fields) floats(values ...*float64) {
	for _, v := range values {
		if f.present(v != nil) {
			f.number(int(math.Float64bits(*v)))
		}
	}
}

// present hashes whether something is there, and returns it.
func (f *fields) present(is bool) bool {
	n := 0
	if is {
		n = 1
	}
	f.number(n)
	return is
}

// keyHash is what is stored of an idempotency key; zero for none. Each choice of a
// request is a turn with a key of its own.
func keyHash(key string, choice int) Hash {
	if key == "" {
		return Hash{}
	}
	f := newFields()
	f.texts([]string{"achuan idempotency key 2", key})
	f.number(choice)
	return f.take()
}

// exchangeDigest tells whether an exchange is the one that was seen: what was
// sent, and what was answered without its reasoning.
func exchangeDigest(sent, answered string) Hash {
	f := newFields()
	f.text(normalStoredText(sent))
	f.text(normalStoredText(withoutReasoning(answered)))
	return f.take()
}

// describeText describes a text that is sent.
func describeText(text string) SentText {
	text = normalStoredText(text)
	f := newFields()
	f.text(text)
	return SentText{len(text), f.take()}
}

// isIn reports whether a question that the platform has stored is the text, with or
// without the preamble in front of it.
func (s SentText) isIn(question, preamble string) bool {
	question = normalStoredText(question)
	if s.Size > len(question) {
		return false
	}
	front, text := question[:len(question)-s.Size], question[len(question)-s.Size:]
	return s == describeText(text) && (front == "" || preamble != "" && normalStoredText(front) == normalStoredText(preamble))
}

// normalStoredText forgives what storing a text may change.
func normalStoredText(text string) string {
	return normalText(&chat.Message{Role: chat.RoleUser, Text: text})
}
