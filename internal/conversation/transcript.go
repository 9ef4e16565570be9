package conversation

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
)

// transcript is a request's transcript as achuan reads it. Clients change the shape of
// answers with tool calls and their results, not what they say: one answer comes back as
// several messages, results come in the order in which they were ready, or twice.
type transcript struct {
	messages []chat.Message // as they count for the lineage, with the client's ids
	// shown are the same messages as the model reads them: a result names its call by
	// its number in the answer, because the model never saw the client's id.
	shown []chat.Message
}

// readTranscript joins the messages of one answer, as the ids of their calls tell, and
// puts the results of each answer's calls into the order of the calls.
func readTranscript(messages []chat.Message) transcript {
	return arrange(joinAnswers(messages, inOneAnswer))
}

// splitAnswer returns the messages up to the last answer and those after it, and whether
// there is an answer.
func (tr transcript) splitAnswer() (prefix []chat.Message, rest transcript, isAnswered bool) {
	rest.messages, isAnswered = afterLastAnswer(tr.messages)
	n := len(tr.messages) - len(rest.messages)
	rest.shown = tr.shown[n:]
	return tr.messages[:n], rest, isAnswered
}

// joinAnswers makes one message of an answer that a client sends back as several, one
// for each call, with their results between them. isOne reports whether calls that follow
// an answer's calls belong to that answer.
func joinAnswers(messages []chat.Message, isOne func(calls []chat.ToolCall, next *chat.Message) bool) []chat.Message {
	if !slices.ContainsFunc(messages, func(m chat.Message) bool { return len(m.ToolCalls) > 0 }) {
		return messages
	}
	joined := make([]chat.Message, 0, len(messages))
	answer := -1     // index in joined of the answer that a message may belong to
	var parted []int // indexes in joined of answers that came as several messages
	for i := range messages {
		m := &messages[i]
		isCalling := m.Role == chat.RoleAssistant && len(m.ToolCalls) > 0
		switch {
		case isCalling && answer >= 0 && isOne(joined[answer].ToolCalls, m):
			to := &joined[answer]
			if len(parted) == 0 || parted[len(parted)-1] != answer {
				parted = append(parted, answer)
				to.ToolCalls = slices.Clone(to.ToolCalls) // the request keeps its own
			}
			to.ToolCalls = append(to.ToolCalls, m.ToolCalls...)
			if m.Text != to.Text {
				to.Text += m.Text
			}
			continue
		case isCalling:
			answer = len(joined)
		case m.Role != chat.RoleTool:
			answer = -1
		}
		joined = append(joined, *m)
	}
	if len(parted) == 0 {
		return messages
	}
	for _, i := range parted {
		sortCalls(joined[i].ToolCalls)
	}
	return joined
}

// inOneAnswer reports whether the ids of all calls show that one answer made them.
func inOneAnswer(calls []chat.ToolCall, next *chat.Message) bool {
	first, isOurs := chat.CallAnswer(calls[0].ID)
	if !isOurs {
		return false
	}
	for _, c := range next.ToolCalls {
		if answer, _ := chat.CallAnswer(c.ID); answer != first {
			return false
		}
	}
	return true
}

// mayBeOneAnswer reports whether calls may be of one answer, for all that their ids show:
// they are not of the form that tells.
func mayBeOneAnswer(calls []chat.ToolCall, next *chat.Message) bool {
	_, isOurs := chat.CallAnswer(calls[0].ID)
	_, isNextOurs := chat.CallAnswer(next.ToolCalls[0].ID)
	return !isOurs && !isNextOurs && next.Text == ""
}

// sortCalls puts the calls of a joined answer into the order in which the model made
// them, where their ids tell it.
func sortCalls(calls []chat.ToolCall) {
	for _, c := range calls {
		if callIndex(c.ID) < 0 {
			return
		}
	}
	slices.SortStableFunc(calls, func(a, b chat.ToolCall) int { return callIndex(a.ID) - callIndex(b.ID) })
}

// callIndex returns the index of a call in its answer, as its id has it; -1 where the id
// does not tell.
func callIndex(id string) int {
	answer, isOurs := chat.CallAnswer(id)
	if !isOurs {
		return -1
	}
	index, err := strconv.Atoi(id[len(answer)+1:])
	if err != nil {
		return -1
	}
	return index
}

// arrange puts the results of each answer's calls into the order of the calls, and
// leaves out those that are repeated.
func arrange(messages []chat.Message) transcript {
	if !slices.ContainsFunc(messages, isResult) {
		return transcript{messages, messages}
	}
	tr := transcript{make([]chat.Message, 0, len(messages)), make([]chat.Message, 0, len(messages))}
	for start := 0; start < len(messages); {
		end := start + 1
		for end < len(messages) && messages[end].Role != chat.RoleAssistant {
			end++
		}
		tr.add(messages[start:end])
		start = end
	}
	return tr
}

// add appends the messages from an answer to the next one; the answer comes first, if
// there is one.
func (tr *transcript) add(messages []chat.Message) {
	if !slices.ContainsFunc(messages, isResult) {
		tr.messages, tr.shown = append(tr.messages, messages...), append(tr.shown, messages...)
		return
	}
	var calls []chat.ToolCall
	if messages[0].Role == chat.RoleAssistant {
		calls = messages[0].ToolCalls
	}
	p := newPairing(calls)
	var results []toolResult
	var places []int
	for i := range messages {
		m := messages[i]
		if m.Role != chat.RoleTool {
			tr.append(m, m)
			continue
		}
		call, isRepeated := p.pair(&m)
		switch {
		case isRepeated:
			continue
		case call >= 0:
			results = append(results, toolResult{m, call})
			places = append(places, len(tr.messages))
		}
		tr.append(m, m)
	}
	slices.SortStableFunc(results, func(a, b toolResult) int { return a.call - b.call })
	for i, at := range places {
		r := results[i]
		tr.messages[at], tr.shown[at] = r.message, r.message
		tr.shown[at].ToolCallID = strconv.Itoa(r.call + 1)
		if p.isDouble(r.message.ToolCallID) {
			tr.shown[at].Name = calls[r.call].Name
		}
	}
}

func isResult(m chat.Message) bool { return m.Role == chat.RoleTool }

func (tr *transcript) append(message, shown chat.Message) {
	tr.messages, tr.shown = append(tr.messages, message), append(tr.shown, shown)
}

// toolResult is a message with a result, and the index of the call that it is the result of.
type toolResult struct {
	message chat.Message
	call    int
}

// pairing finds the calls of results.
type pairing struct {
	calls  map[string][]int   // indexes of the answer's calls, by id
	seen   map[string]int     // results so far, by id
	texts  map[[2]string]bool // ids and texts of results so far
	answer string             // shared part of the ids, where alone
	alone  bool               // no answer is before the results: ids of achuan's form tell the order
}

func newPairing(calls []chat.ToolCall) *pairing {
	p := &pairing{calls: map[string][]int{}, seen: map[string]int{}, texts: map[[2]string]bool{}, alone: calls == nil}
	for i, c := range calls {
		p.calls[c.ID] = append(p.calls[c.ID], i)
	}
	return p
}

// pair returns the index of the call that m is the result of, -1 for a call that the
// answer did not make. A result with the id and the text of an earlier one is repeated,
// unless as many calls have that id.
func (p *pairing) pair(m *chat.Message) (call int, isRepeated bool) {
	id := m.ToolCallID
	calls := p.calls[id]
	key := [2]string{id, normalText(m)}
	n := p.seen[id]
	if n >= len(calls) && id != "" && p.texts[key] {
		return -1, true
	}
	p.seen[id]++
	p.texts[key] = true
	switch {
	case len(calls) > 0:
		return calls[min(n, len(calls)-1)], false
	case p.alone && p.isOfOneAnswer(id):
		return callIndex(id), false
	}
	return -1, false
}

// isDouble reports whether several calls of the answer have that id.
func (p *pairing) isDouble(id string) bool { return len(p.calls[id]) > 1 }

// isOfOneAnswer reports whether an id is of the answer of the ids before.
func (p *pairing) isOfOneAnswer(id string) bool {
	answer, isOurs := chat.CallAnswer(id)
	if p.answer == "" {
		p.answer = answer
	}
	return isOurs && answer == p.answer
}
