package conversation

import (
	"iter"

	"achuan/internal/chat"
)

// reading is one way to split a request's transcript into what a session holds and what is new.
type reading struct {
	head   Hash       // the head that the session has
	prefix Hash       // the head of the same messages in today's lineage
	rest   transcript // what is new
}

// readings returns the ways to read the transcript, the likely ones first. The turn looks for a
// session by the next reading only when the readings before found none.
func (t *turn) readings(scope NameKey) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		asked := t.request.Transcript()
		firstRelease := func(messages []chat.Message, r reading) reading {
			return readingOfFirstRelease(t.request.Caller.ID, t.engine.opts.Host, scope, messages, r)
		}
		usual, isAnswered := splitReading(t.origin(scope), t.history)
		if !isAnswered || !yield(usual) {
			return
		}
		// Ids of earlier releases and of other servers do not show which calls one answer made.
		joined := joinAnswers(asked, mayBeOneAnswer)
		isJoined := len(joined) < len(asked)
		var other reading
		if isJoined {
			other, isAnswered = splitReading(t.origin(scope), readTranscript(joined))
			isJoined = isAnswered
		}
		if isJoined && !yield(other) || !yield(firstRelease(asked, usual)) {
			return
		}
		if isJoined {
			yield(firstRelease(joined, other))
		}
	}
}

// splitReading splits a transcript after its last answer. It reports whether there is an answer
// and a message after it.
func splitReading(origin *lineage, history transcript) (reading, bool) {
	prefix, rest, isAnswered := history.splitAnswer()
	head := origin.add(prefix...).head
	return reading{head, head, rest}, isAnswered && len(rest.messages) > 0
}

// readingOfFirstRelease is a reading with the head that the first release computed for the
// messages up to the last answer.
func readingOfFirstRelease(caller, host string, scope NameKey, messages []chat.Message, r reading) reading {
	rest, _ := afterLastAnswer(messages)
	r.head = headOfFirstRelease(caller, host, scope, messages[:len(messages)-len(rest)])
	return r
}
