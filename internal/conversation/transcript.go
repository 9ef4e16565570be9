package conversation

import (
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
)

// transcript is a request's transcript in the order in which achuan reads it. Clients change the
// shape of answers with tool calls and of the results, but not the content: one answer comes back
// as several messages, and results come in the order in which they were ready, or twice.
type transcript struct {
	messages []chat.Message // for the lineage, with the client's ids
	// shown are the same messages as the model reads them. A result refers to its call by the
	// call's number in the answer, because the model never saw the client's id.
	shown []chat.Message
}

// readTranscript joins the messages of one answer, as the ids of their calls show, and puts the
// results of each answer's calls into the order of the calls.
func readTranscript(messages []chat.Message) transcript {
	return sortResults(joinAnswers(messages, inOneAnswer))
}

// splitAnswer returns the messages up to the last answer and those after it, and whether there is
// an answer.
func (tr transcript) splitAnswer() (prefix []chat.Message, rest transcript, isAnswered bool) {
	rest.messages, isAnswered = afterLastAnswer(tr.messages)
	n := len(tr.messages) - len(rest.messages)
	rest.shown = tr.shown[n:]
	return tr.messages[:n], rest, isAnswered
}

// joinAnswers makes one message of an answer that a client sends back as several: one for each
// call, with their results between them. isOne reports whether calls that follow an answer's
// calls belong to that answer.
func joinAnswers(messages []chat.Message, isOne func(calls []chat.ToolCall, next *chat.Message) bool) []chat.Message {
	if !slices.ContainsFunc(messages, func(m chat.Message) bool { return len(m.ToolCalls) > 0 }) {
		return messages
	}
	joined := make([]chat.Message, 0, len(messages))
	answer := -1     // index in joined of the answer that a message may belong to
	var parted []int // indexes in joined of answers that were sent as several messages
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
			if m.Text != to.Text || len(m.Files) > 0 {
				to.Files = appendFiles(to.Files, len(to.Text), m.Files)
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

// appendFiles appends the files of a message whose text comes after a text of that size. The
// request keeps its own slice.
func appendFiles(files []chat.File, size int, more []chat.File) []chat.File {
	files = slices.Clip(files)
	for _, f := range more {
		f.Offset += size
		files = append(files, f)
	}
	return files
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

// mayBeOneAnswer reports whether one answer may have made the calls: their ids are not achuan's,
// so they do not show it.
func mayBeOneAnswer(calls []chat.ToolCall, next *chat.Message) bool {
	_, isOurs := chat.CallAnswer(calls[0].ID)
	_, isNextOurs := chat.CallAnswer(next.ToolCalls[0].ID)
	return !isOurs && !isNextOurs && next.Text == ""
}

// sortCalls puts the calls of a joined answer into the order in which the model made them, if
// their ids show it.
func sortCalls(calls []chat.ToolCall) {
	for _, c := range calls {
		if callIndex(c.ID) < 0 {
			return
		}
	}
	slices.SortStableFunc(calls, func(a, b chat.ToolCall) int { return callIndex(a.ID) - callIndex(b.ID) })
}

// callIndex returns the index of a call in its answer, as its id says; -1 when the id does not
// say.
func callIndex(id string) int {
	parts, isOurs := chat.SplitCallID(id)
	if !isOurs {
		return -1
	}
	index, err := strconv.Atoi(parts.Index)
	if err != nil {
		return -1
	}
	return index
}

// sortResults puts the results of each answer's calls into the order of the calls, and leaves out
// repeated ones.
func sortResults(messages []chat.Message) transcript {
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

// add appends the messages from one answer up to the next. The answer, if there is one, is the
// first of them.
func (tr *transcript) add(messages []chat.Message) {
	if !slices.ContainsFunc(messages, isResult) {
		tr.messages, tr.shown = append(tr.messages, messages...), append(tr.shown, messages...)
		return
	}
	var calls []chat.ToolCall
	if messages[0].Role == chat.RoleAssistant {
		calls = messages[0].ToolCalls
	}
	p := newResultMatcher(calls)
	var results []toolResult
	var places []int
	for i := range messages {
		m := messages[i]
		if m.Role != chat.RoleTool {
			tr.append(m, m)
			continue
		}
		call, isRepeated := p.match(&m)
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

// toolResult is a message with the result of a call, and the index of that call.
type toolResult struct {
	message chat.Message
	call    int
}

// resultMatcher finds the call of each result.
type resultMatcher struct {
	calls       map[string][]int   // indexes of the answer's calls, by id
	seen        map[string]int     // number of results so far, by id
	texts       map[[2]string]bool // ids and contents of results so far
	answer      string             // common part of the ids, with hasNoAnswer
	hasNoAnswer bool               // no answer precedes the results: ids of achuan's form show the order
}

func newResultMatcher(calls []chat.ToolCall) *resultMatcher {
	p := &resultMatcher{
		calls: map[string][]int{}, seen: map[string]int{}, texts: map[[2]string]bool{}, hasNoAnswer: calls == nil,
	}
	for i, c := range calls {
		p.calls[c.ID] = append(p.calls[c.ID], i)
	}
	return p
}

// match returns the index of the call that m is the result of, -1 for a call that the answer did
// not make. A result with the id and the text of an earlier one is repeated, unless as many calls
// have that id.
func (p *resultMatcher) match(m *chat.Message) (call int, isRepeated bool) {
	id := m.ToolCallID
	calls := p.calls[id]
	key := [2]string{id, normalText(m) + digestsOf(m.Files)}
	n := p.seen[id]
	if n >= len(calls) && id != "" && p.texts[key] {
		return -1, true
	}
	p.seen[id]++
	p.texts[key] = true
	switch {
	case len(calls) > 0:
		return calls[min(n, len(calls)-1)], false
	case p.hasNoAnswer && p.isOfOneAnswer(id):
		return callIndex(id), false
	}
	return -1, false
}

// digestsOf returns the digests of files as a text.
func digestsOf(files []chat.File) string {
	digests := make([]string, len(files))
	for i, f := range files {
		digests[i] = f.Digest.String()
	}
	return strings.Join(digests, " ")
}

// isDouble reports whether several calls of the answer have that id.
func (p *resultMatcher) isDouble(id string) bool { return len(p.calls[id]) > 1 }

// isOfOneAnswer reports whether an id belongs to the same answer as the ids before.
func (p *resultMatcher) isOfOneAnswer(id string) bool {
	answer, isOurs := chat.CallAnswer(id)
	if p.answer == "" {
		p.answer = answer
	}
	return isOurs && answer == p.answer
}
