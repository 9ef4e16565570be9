package dialect

import (
	"slices"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// Builder fills one Request with messages and tools.
type Builder struct {
	Request *Request
	Unknown jsonval.UnknownKeys
	// ForbidsCalls says that the request allows no call, so that the rules for strict schemas of tools
	// do not matter.
	ForbidsCalls bool

	calls       map[string]string // tool names of the calls so far, by call id
	offered     map[string]int    // indexes in Request.Tools, by name
	schemaBytes int               // size of all schemas so far
}

// maxOrphans bounds the memory of a request with results alone.
const maxOrphans = 1000

// RecordCalls keeps the calls of a message, so that MatchResult finds them.
func (b *Builder) RecordCalls(calls []chat.ToolCall) {
	for _, call := range calls {
		if b.calls == nil {
			b.calls = map[string]string{}
		}
		b.calls[call.ID] = call.Name
	}
}

// MatchResult gives a result the name of its tool, and records a result whose
// call is missing. path returns the path of the field that names the call.
func (b *Builder) MatchResult(m *chat.Message, path func() string) {
	name, isKnown := b.calls[m.ToolCallID]
	if !isKnown && len(b.Request.Orphans) < maxOrphans {
		b.Request.Orphans = append(b.Request.Orphans, Orphan{path(), m.ToolCallID})
	}
	if m.Name == "" {
		m.Name = name
	}
}

// ModelName returns the name that the model is told, and records the name of the client.
// It also records the names of calls in the transcript, because a session may have tools
// that the request lacks.
func (b *Builder) ModelName(own string) string {
	name := ModelName(own)
	if name != own {
		if b.Request.ToolNames == nil {
			b.Request.ToolNames = map[string]string{}
		}
		b.Request.ToolNames[name] = own
	}
	return name
}

// IsOffered reports whether the model may call a tool of that name, as the model is told.
func (b *Builder) IsOffered(name string) bool {
	_, isOffered := b.offered[name]
	return isOffered
}

// MaxTools is the number of tools that a request may have. It is four times OpenAI's limit, because agents
// with many tool servers exist.
const MaxTools = 512

// OfferedTool is a tool as a client describes it.
type OfferedTool struct {
	Name        string // the client's; see IsToolName
	Description string
	Parameters  jsonval.Value // JSON Schema, or absent
	Strict      bool
	Path        string // of Parameters in the request
}

// Fields of an OfferedTool at fault, as AddTool names them.
const (
	FieldName       = "name"
	FieldParameters = "parameters"
)

// AddTool offers a tool to the model. It skips one that is already offered in the same words, because
// clients with several tool servers send such lists. field says which field a fault is in: FieldName,
// FieldParameters, or "" for the tool as a whole.
func (b *Builder) AddTool(o OfferedTool) (field string, f *jsonval.Fault) {
	name := b.ModelName(o.Name)
	if i, isOffered := b.offered[name]; isOffered {
		if b.isSameTool(i, &o) {
			return "", nil
		}
		return FieldName, jsonval.Invalid("different functions have the name " + quoteName(o.Name))
	}
	if len(b.Request.Tools) == MaxTools {
		return "", jsonval.TooMany(MaxTools, "functions")
	}
	t := chat.Tool{Name: name, Description: o.Description, Strict: o.Strict, Path: o.Path}
	if !hasNoParameters(o.Parameters) {
		if f := b.CheckSchema(o.Parameters, o.Strict && !b.ForbidsCalls); f != nil {
			return FieldParameters, f
		}
		t.Parameters = slices.Clone(o.Parameters)
	}
	if b.offered == nil {
		b.offered = map[string]int{}
	}
	b.offered[name] = len(b.Request.Tools)
	b.Request.Tools = append(b.Request.Tools, t)
	return "", nil
}

// quoteName quotes a name as messages repeat it.
func quoteName(name string) string {
	return jsonval.Value(jsonval.AppendString(nil, name)).Quote()
}

// hasNoParameters reports whether a function takes no arguments. PHP writes {} as [].
func hasNoParameters(v jsonval.Value) bool {
	return v.IsAbsent() || v.Kind() == jsonval.Array && v.IsEmpty()
}

// isSameTool reports whether o is the tool at index i.
func (b *Builder) isSameTool(i int, o *OfferedTool) bool {
	first := &b.Request.Tools[i]
	if b.Request.ClientName(first.Name) != o.Name || first.Description != o.Description || first.Strict != o.Strict {
		return false
	}
	if hasNoParameters(o.Parameters) {
		return first.Parameters == nil
	}
	return jsonval.EqualText(first.Parameters, o.Parameters)
}

// Allow adds a tool, by the client's name, to those that the model may or must call. It reports whether
// the tool is offered.
func (b *Builder) Allow(mode chat.ToolMode, own string) bool {
	name := ModelName(own)
	if !b.IsOffered(name) {
		return false
	}
	c := &b.Request.ToolChoice
	c.Mode = mode
	if !slices.Contains(c.Allowed, name) {
		c.Allowed = append(c.Allowed, name)
	}
	return true
}
