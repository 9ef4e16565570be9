package openai

import (
	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// ChatRequest is a decoded Chat Completions request. It keeps the promises of
// chat.Request. The caller of DecodeChat fills in Caller and Session.
type ChatRequest struct {
	chat.Request

	IncludeUsage bool // the client wants a last chunk with the usage; only with Streamed

	MetadataSession int64  // metadata.sessionId, or 0
	User            string // the parameter user, or ""

	// Orphan is the first tool result whose call no earlier message makes, or nil; see
	// CheckResults.
	Orphan *Orphan

	// ToolNames has the client's name of a tool by the name that the model sees, for the
	// tools and the calls of the transcript whose names differ. The request and the
	// events have the model's names; Stream and Whole write the client's.
	ToolNames map[string]string

	// HasFiles says that a message has a file, whose Source aliases the body.
	HasFiles bool

	// Unknown are the ignored keys that no dialect knows: see jsonval.UnknownKeys.
	Unknown []string
}

// Orphan is the result of a call that is missing.
type Orphan struct {
	Index int    // of the message, as the client sent it
	Call  string // the id of the call
}

// DecodeChat reads the body of a Chat Completions request. Only the sources of files alias
// body. Every error is a *chat.Error of KindInvalid with a code and, if the body is a
// JSON object, with the path of the field at fault as its Param.
//
// Keys match exactly, null is the same as absent, and of a key that occurs twice the last
// one counts. Parameters returns the meaning of each key.
func DecodeChat(body []byte) (*ChatRequest, error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return nil, err
	}
	d := decoder{req: &ChatRequest{Request: chat.Request{N: 1}}}
	if f := d.parameters(root); f != nil {
		return nil, f.Public()
	}
	d.req.Unknown = d.unknown.Names
	return d.req, nil
}

// decoder fills one request.
type decoder struct {
	req     *ChatRequest
	unknown jsonval.UnknownKeys
	calls   map[string]string // tool names of the calls so far, by call id

	offered      map[string]int // indexes in req.Tools, by name
	schemaBytes  int            // size of all schemas so far
	forbidsCalls bool           // tool_choice forbids every call, so that schemas do not matter
}

// parameters reads the known keys in the order of the table, so that the order of the
// keys does not decide which error a wrong request gets.
func (d *decoder) parameters(root jsonval.Value) *jsonval.Fault {
	var values [len(table)]jsonval.Value
	for key, v := range root.Members() {
		if i, ok := rows[string(key)]; ok {
			values[i] = v
		} else {
			d.unknown.Add("", key)
		}
	}
	d.forbidsCalls = isNone(values[rows["tool_choice"]]) || isNone(values[rows["function_call"]])
	for i, v := range values {
		p := &table[i]
		switch {
		case !v.IsAbsent():
			if f := p.read(d, v); f != nil {
				return f.In(p.Name)
			}
		case p.Required:
			return jsonval.Missing(p.expected, v).In(p.Name)
		}
	}
	return nil
}
