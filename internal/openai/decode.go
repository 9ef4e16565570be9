package openai

import (
	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/jsonval"
)

// ChatRequest is a decoded Chat Completions request. The caller of DecodeChat fills in Caller and
// Session.
type ChatRequest struct {
	dialect.Request

	IncludeUsage bool // the client wants a last chunk with the usage; only with Streamed
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
	req := &ChatRequest{Request: dialect.Request{Request: chat.Request{N: 1}}}
	d := decoder{Builder: dialect.Builder{Request: &req.Request}, req: req}
	if f := d.parameters(root); f != nil {
		return nil, f.Public()
	}
	d.req.Unknown = d.Unknown.Names
	return d.req, nil
}

// decoder fills one request.
type decoder struct {
	dialect.Builder
	req *ChatRequest
}

// parameters reads the known keys. Whether a choice of tools forbids calls is known before the tools are
// read.
func (d *decoder) parameters(root jsonval.Value) *jsonval.Fault {
	values := table.Split(root, &d.Unknown)
	d.ForbidsCalls = isNone(table.Get(&values, "tool_choice")) || isNone(table.Get(&values, "function_call"))
	return table.Read(d, &values)
}
