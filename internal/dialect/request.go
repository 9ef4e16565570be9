package dialect

import (
	"slices"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// Request is a decoded request of any dialect. It keeps the promises of chat.Request. Caller,
// Session and the fields that come from headers are still empty.
type Request struct {
	chat.Request

	SessionID   int64  // of the session that the body names, or 0
	SessionName string // that the body gives its session, or ""

	// Orphans are the tool results whose call no earlier message makes; see CheckResults.
	Orphans []Orphan

	// ToolNames has the client's name of a tool by the name that the model sees, for the
	// tools and the calls of the transcript whose names differ. The request and the
	// events have the model's names; the writers write the client's.
	ToolNames map[string]string

	// HasFiles says that a message has a file, whose Source aliases the body.
	HasFiles bool

	// Unknown are the ignored keys that no dialect knows: see jsonval.UnknownKeys.
	Unknown []string
}

// Common returns the request itself; with it, a request that embeds this one is a Decoded.
func (r *Request) Common() *Request { return r }

// Orphan is the result of a call that is missing.
type Orphan struct {
	Path string // of the field that names the call
	Call string // the id of the call
}

// CheckResults returns an error if a result belongs to a call that no earlier message
// makes. It is not for requests that name a session by its id: the session may have the call.
func (r *Request) CheckResults() error {
	if len(r.Orphans) == 0 {
		return nil
	}
	first := r.Orphans[0]
	call := strconv.Quote(chat.Truncate(first.Call, jsonval.MaxShown))
	return jsonval.Invalid("no message before this one makes the call " + call).In(first.Path).Public()
}

// AddHistory puts messages of earlier requests in front of those of this one, after its instructions. It looks for the
// calls of results in all of them.
func (r *Request) AddHistory(instructions int, history []chat.Message) {
	names := map[string]string{}
	for _, m := range slices.Concat(history, r.Messages) {
		for _, c := range m.ToolCalls {
			names[c.ID] = c.Name
		}
	}
	r.Orphans = slices.DeleteFunc(r.Orphans, func(o Orphan) bool { _, isKnown := names[o.Call]; return isKnown })
	for i := range r.Messages {
		if m := &r.Messages[i]; m.Role == chat.RoleTool && m.Name == "" {
			m.Name = names[m.ToolCallID]
		}
	}
	r.Messages = slices.Insert(r.Messages, instructions, history...)
}

// ClientName returns the client's name of the tool that the model calls name.
func (r *Request) ClientName(name string) string {
	if own, ok := r.ToolNames[name]; ok {
		return own
	}
	return name
}

// bytesPerToken is a guess. It is about right for English text.
const bytesPerToken = 4

// GuessTokens returns about the number of tokens of the request, at least 1, for dialects that tell it before
// the answer begins. It does not look at the text.
func (r *Request) GuessTokens() int {
	bytes := 0
	for i := range r.Messages {
		bytes += len(r.Messages[i].Text)
		for _, c := range r.Messages[i].ToolCalls {
			bytes += len(c.Arguments)
		}
	}
	for i := range r.Tools {
		bytes += len(r.Tools[i].Description) + len(r.Tools[i].Parameters)
	}
	return max(1, bytes/bytesPerToken)
}
