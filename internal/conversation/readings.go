package conversation

import (
	"iter"
	"slices"

	"achuan/internal/chat"
)

// reading is one way to split a request's transcript into what a session holds and what is new.
type reading struct {
	head   Hash       // the head that the session has
	prefix Hash       // the head of the same messages in today's lineage
	rest   transcript // what is new
	whole  Hash       // the head of all messages in today's lineage
}

// usualReading is the likely reading of a request's transcript, in the scope that the request
// names. It is computed before the turn begins, because the request's fingerprint contains its
// hash.
type usualReading struct {
	history    transcript
	scope      NameKey
	split      reading
	isAnswered bool // there are an answer and a message after it
}

// readUsual computes the usual reading of a request.
func readUsual(r *chat.Request, host string, key CallKey) usualReading {
	u := usualReading{history: readTranscript(r.Transcript())}
	if r.Session.Name != "" {
		u.scope = NameKey{r.Caller.ID, r.Model, r.Session.Name}
	}
	u.split, u.isAnswered = splitReading(origin(r.Caller.ID, host, u.scope).withKey(key), u.history)
	return u
}

// usualIn returns the usual reading in a scope, and whether there is an answer in it.
func (t *turn) usualIn(scope NameKey) (reading, bool) {
	if scope == t.usual.scope {
		return t.usual.split, t.usual.isAnswered
	}
	return splitReading(t.origin(scope), t.usual.history)
}

// wholeIn returns the lineage of the whole transcript in a scope.
func (t *turn) wholeIn(scope NameKey) Hash {
	if scope == t.usual.scope {
		return t.usual.split.whole
	}
	return t.origin(scope).add(t.usual.history.messages...).head
}

// readings returns the ways to read the transcript, the likely ones first. The turn looks for a
// session by the next reading only when the readings before found none.
func (t *turn) readings(scope NameKey) iter.Seq[reading] {
	return func(yield func(reading) bool) {
		asked := t.request.Transcript()
		firstRelease := func(messages []chat.Message, r reading) reading {
			return readingOfFirstRelease(t.request.Caller.ID, t.engine.opts.Host, scope, messages, r)
		}
		usual, isAnswered := t.usualIn(scope)
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
		// The first release had no files, so its head would match the texts alone.
		if isJoined && !yield(other) || hasFiles(asked) || !yield(firstRelease(asked, usual)) {
			return
		}
		if isJoined {
			yield(firstRelease(joined, other))
		}
	}
}

// splitReading splits a transcript after its last answer. It reports whether there is an answer
// and a message after it. In the answer that is continued, a call with an id of this store is the call that the session
// holds, whatever its arguments are: a client may have changed them. The model is told, and from then on the lineage
// has the call as it was changed.
func splitReading(origin *lineage, history transcript) (reading, bool) {
	prefix, rest, isAnswered := history.splitAnswer()
	key := origin.key
	var head Hash
	if n := len(prefix); n > 0 {
		origin.add(prefix[:n-1]...)
		written := continueFrom(origin.head).withKey(key)
		written.addMessage(&prefix[n-1], true)
		head = written.head
		origin.add(prefix[n-1])
		rest = rest.withExecuted(&prefix[n-1], key)
	} else {
		head = origin.head
	}
	whole := continueFrom(origin.head).withKey(key).add(rest.messages...).head
	return reading{head, origin.head, rest, whole}, isAnswered && len(rest.messages) > 0
}

// withExecuted returns a transcript in which the results of the calls of an answer say how the calls were changed.
func (tr transcript) withExecuted(answer *chat.Message, key CallKey) transcript {
	isCopied := false
	for i := range answer.ToolCalls {
		c := &answer.ToolCalls[i]
		if key.stateOf(c) != callEdited {
			continue
		}
		for k := range tr.messages {
			if tr.messages[k].Role != chat.RoleTool || tr.messages[k].ToolCallID != c.ID {
				continue
			}
			if !isCopied { // the request's messages are read elsewhere too
				tr.shown, isCopied = slices.Clone(tr.shown), true
			}
			tr.shown[k].Executed = c.Arguments
		}
	}
	return tr
}

// readingOfFirstRelease is a reading with the head that the first release computed for the
// messages up to the last answer.
func readingOfFirstRelease(caller, host string, scope NameKey, messages []chat.Message, r reading) reading {
	rest, _ := afterLastAnswer(messages)
	r.head = headOfFirstRelease(caller, host, scope, messages[:len(messages)-len(rest)])
	return r
}

func hasFiles(messages []chat.Message) bool {
	return slices.ContainsFunc(messages, func(m chat.Message) bool { return len(m.Files) > 0 })
}
