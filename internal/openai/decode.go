package openai

import (
	"slices"

	"achuan/internal/chat"
)

// ChatRequest is a decoded Chat Completions request. What chat.Request promises
// holds; Caller and Session are left for the caller to fill.
type ChatRequest struct {
	chat.Request

	IncludeUsage bool // a last chunk with the usage is wanted; only with Streamed

	MetadataSession int64  // metadata.sessionId, 0 when absent
	User            string // the parameter of that name, "" when absent

	// Orphan is the first result of a call which no message before it made, nil for
	// none; see CheckResults.
	Orphan *Orphan

	// ToolNames are the client's names of tools by the names that the model is told,
	// of those tools, and calls of the transcript, where the two differ. Requests and events have the model's names;
	// Stream and Whole write the client's.
	ToolNames map[string]string

	// Unknown names the keys that were ignored because nothing is known of them,
	// each once and in the order of the body, such as "messages[].foo": at most
	// maxUnknown of them, each cut to maxShown bytes.
	Unknown []string
}

// Orphan is the result of a call that is not there.
type Orphan struct {
	Index int    // of the message, as the client sent it
	Call  string // the id of the call
}

// maxUnknown bounds ChatRequest.Unknown.
const maxUnknown = 32

// DecodeChat reads the body of a Chat Completions request. The result does not
// alias body. Every error is a *chat.Error of KindInvalid with a code and, unless
// the body is no JSON object, the path of the field at fault as its param.
//
// Keys are matched exactly, null is the same as absent, and of a key that stands
// twice the last counts. What each parameter means is told by Parameters.
func DecodeChat(body []byte) (*ChatRequest, error) {
	root, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	d := decoder{req: &ChatRequest{Request: chat.Request{N: 1}}}
	if f := d.parameters(root); f != nil {
		return nil, f.public()
	}
	return d.req, nil
}

// decoder fills one request.
type decoder struct {
	req   *ChatRequest
	calls map[string]string // names of the tools that messages so far called, by id of the call

	offered     map[string]int // indexes in req.Tools by name
	schemaBytes int            // of all schemas so far
	callsNone   bool           // tool_choice forbids every call, so that no schema matters
}

// parameters reads the known keys in the order of the table, so that the same
// wrong request gives the same error whatever the order of its keys.
func (d *decoder) parameters(root value) *fault {
	var given [len(table)]value
	for key, v := range root.members() {
		if i, ok := rows[string(key)]; ok {
			given[i] = v
		} else {
			d.unknown("", key)
		}
	}
	d.callsNone = isNone(given[rows["tool_choice"]]) || isNone(given[rows["function_call"]])
	for i, v := range given {
		p := &table[i]
		switch {
		case !v.absent():
			if f := p.read(d, v); f != nil {
				return f.in(p.Name)
			}
		case p.Required:
			return missing(p.expected, v).in(p.Name)
		}
	}
	return nil
}

// unknown notes an ignored key; where is what goes in front of its name. It
// allocates only for names that are new, because a transcript may repeat one in
// each of its messages.
func (d *decoder) unknown(where string, key []byte) {
	if len(d.req.Unknown) == maxUnknown {
		return
	}
	key = cut(key, maxShown-len(where))
	noted := func(name string) bool {
		return len(name) == len(where)+len(key) && name[:len(where)] == where && name[len(where):] == string(key)
	}
	if !slices.ContainsFunc(d.req.Unknown, noted) {
		d.req.Unknown = append(d.req.Unknown, where+string(key))
	}
}
