package conversation

import (
	"iter"

	"achuan/internal/chat"
)

// reading is one way to read a request's transcript: what a session holds, by its head,
// and what is new.
type reading struct {
	head   Hash       // that the session has
	prefix Hash       // the same in the lineage of today
	rest   transcript // what is new
}

// readings are the ways to read the transcript, the likely ones first. A session is
// looked for by the next one only when there is none by those before.
func (t *turn) readings(scope NameKey) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		asked := t.request.Transcript()
		usual, isAnswered := t.read(scope, t.history)
		if !isAnswered || !yield(usual) {
			return
		}
		// The ids of earlier releases and of others do not tell which calls one answer made.
		joined := joinAnswers(asked, mayBeOneAnswer)
		isJoined := len(joined) < len(asked)
		var other reading
		if isJoined {
			other, isAnswered = t.read(scope, readTranscript(joined))
			isJoined = isAnswered
		}
		if isJoined && !yield(other) || !yield(t.readOne(scope, asked, usual)) {
			return
		}
		if isJoined {
			yield(t.readOne(scope, joined, other))
		}
	}
}

// read splits a transcript after its last answer, and reports whether there is one and
// something after it.
func (t *turn) read(scope NameKey, history transcript) (reading, bool) {
	prefix, rest, isAnswered := history.splitAnswer()
	head := t.origin(scope).add(prefix...).head
	return reading{head, head, rest}, isAnswered && len(rest.messages) > 0
}

// readOne is a reading with the head that the first release gave to the messages up to
// the last answer.
func (t *turn) readOne(scope NameKey, messages []chat.Message, r reading) reading {
	rest, _ := afterLastAnswer(messages)
	r.head = headOne(t.request.Caller.ID, t.engine.Host, scope, messages[:len(messages)-len(rest)])
	return r
}
