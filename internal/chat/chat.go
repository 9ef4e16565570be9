// Package chat is the domain: requests, answers and errors, in types that depend neither
// on a client's dialect nor on the platform's wire format. Dialects decode into these
// types, the platform client answers in them, and all code between uses only them.
//
// It does no I/O and imports no other package of this module.
package chat

import "strings"

// Role says who speaks in a Message. The values are those of OpenAI.
type Role string

// The roles a Message can have.
const (
	RoleSystem    Role = "system"
	RoleDeveloper Role = "developer"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// Instructs reports whether messages of this role instruct the model. Others are part of
// the conversation.
func (r Role) Instructs() bool { return r == RoleSystem || r == RoleDeveloper }

// Message is one entry of a transcript.
type Message struct {
	Role Role
	Name string // optional participant name, as the client gave it
	// Text is the content. The platform takes one text for a question, so the
	// text parts of a client's message are joined by a line break when decoded.
	Text string
	// Files are the files of the content, in its order. Their offsets say where in Text they are.
	Files      []File
	ToolCalls  []ToolCall // assistant messages only
	ToolCallID string     // tool messages only: of the call whose result this is
	// IsError says that the tool failed: tool messages only. It is not part of the lineage.
	IsError bool
	// Executed are the arguments with which the call ran, if somebody changed those that the model wrote: tool
	// messages only, as the model reads them. "" if they are unchanged.
	Executed string
}

// ToolCall is a function call that an assistant message made.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // JSON text, as the model wrote it
}

// Tool is a function that the model may call.
type Tool struct {
	Name        string // unique in a request
	Description string
	Parameters  []byte // JSON Schema of the arguments, an object; nil means that it takes none
	Strict      bool
	Path        string // of Parameters in the client's request, for errors
}

// ToolMode says whether the model calls tools.
type ToolMode string

// The tool modes. The values are OpenAI's.
const (
	ToolsAuto     ToolMode = "auto"     // as the model decides
	ToolsNone     ToolMode = "none"     // no call
	ToolsRequired ToolMode = "required" // at least one call
)

// ToolChoice says which tools the model may or must call. The zero value is ToolsAuto with
// all tools.
type ToolChoice struct {
	Mode ToolMode
	// Allowed are the names of the tools that the model may call; nil means all. One name
	// with ToolsRequired is a named choice.
	Allowed []string
}

// FormatKind says what the text of an answer must be.
type FormatKind string

// The kinds of Format. The values are OpenAI's.
const (
	FormatText   FormatKind = "text"
	FormatObject FormatKind = "json_object"
	FormatSchema FormatKind = "json_schema"
)

// Format says what the text of an answer must be. The zero value allows any text.
type Format struct {
	Kind        FormatKind
	Name        string // FormatSchema: for the model to read
	Description string // FormatSchema: for the model to read
	Schema      []byte // JSON Schema; nil allows any JSON that Kind allows
	Strict      bool   // FormatSchema
	Path        string // of Schema in the client's request, for errors
}

// Caller is the client key that sends a request.
type Caller struct {
	ID   string // hex SHA-256 of the key, or AnonymousID; owns sessions
	Name string // for logs: the key's name in the settings, never the key
}

// AnonymousID is the Caller.ID of every request when no keys are configured.
const AnonymousID = "anonymous"

// Anonymous is the caller when no keys are configured.
var Anonymous = Caller{ID: AnonymousID, Name: "anonymous"}

// SessionRef is the platform session that a request names; at most one of ID and Name is
// set. The zero value means that the transcript decides.
type SessionRef struct {
	ID   int64  // an explicit session id
	Name string // a name of the caller's own (OpenAI's `user`), per model
}

// Request is one decoded client request of any dialect.
type Request struct {
	Dialect  string // the API shape it came in, such as "chat.completions"
	Caller   Caller
	Model    string
	Messages []Message // never empty; at least one is not an instruction
	Session  SessionRef

	// Sampling parameters; nil means that the client named none.
	Temperature      *float64
	PresencePenalty  *float64
	FrequencyPenalty *float64
	MaxTokens        *int // maximum number of tokens of one answer, reasoning included; ≥ 1

	Stop            []string // sequences that end the answer; none is empty
	N               int      // choices asked for; ≥ 1
	ReasoningEffort string   // "" or OpenAI's low, medium, high, …
	Thinking        *bool    // switches the reasoning of a model that has no levels; nil leaves it to the model
	WebSearch       bool     // the answer may use what the platform finds on the web

	Tools         []Tool
	ToolChoice    ToolChoice
	ParallelCalls *bool // false: at most one call; nil is true
	// LegacyCalls says that the tools came as `functions`, so that the answer's call
	// goes out as `function_call`.
	LegacyCalls bool
	// CallsWithoutIDs says that the client does not send the ids of calls back, so that they are no part of the
	// transcript.
	CallsWithoutIDs bool
	Format          Format

	// Draws says that the client asks for pictures, and for nothing else: a session that is deleted
	// afterwards answers, and the pictures come as events.
	Draws bool
	// PictureBase is what links to copies of the answer's pictures begin with: the scheme and host under
	// which the client reaches this server, and a path that ends in a slash. "" leaves the links of the
	// platform. It is not part of the question.
	PictureBase string

	// Streamed says that the client gets the answer in pieces. It is not part of the
	// question: two requests that differ only in it are the same.
	Streamed       bool
	IdempotencyKey string // of the Idempotency-Key header; "" for none
	Retried        bool   // an SDK marked it as a repetition

	// Hold counts the memory of the request as used until release is called. A turn holds
	// it, because a turn may outlive its client. nil: the memory is not counted.
	Hold func() (release func())
	// TakeMemory counts more bytes as used, for the answer, until the last Hold is released.
	// It waits for a short time if there are none left, and then fails with a *chat.Error.
	// Any goroutine may call it while it holds. nil: the memory is not counted.
	TakeMemory func(bytes int64) error
}

// System returns the leading system and developer messages, joined by a blank
// line: the instructions that are a setting of the session.
func (r *Request) System() string {
	var texts []string
	for _, m := range r.Messages {
		if !m.Role.Instructs() {
			break
		}
		texts = append(texts, m.Text)
	}
	return strings.Join(texts, "\n\n")
}

// Transcript returns the messages after the leading instructions.
func (r *Request) Transcript() []Message {
	for i, m := range r.Messages {
		if !m.Role.Instructs() {
			return r.Messages[i:]
		}
	}
	return nil
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int
	CompletionTokens int
	ReasoningTokens  int  // part of CompletionTokens; always counted here
	Estimated        bool // counted here, because the platform gave none

	// Points is what the platform charged, in its own unit. HasPoints says that it is known.
	Points    int
	HasPoints bool
}

// Plus returns the sum of two usages. The sum is an estimate when either of them is.
func (u Usage) Plus(v Usage) Usage {
	return Usage{
		u.PromptTokens + v.PromptTokens, u.CompletionTokens + v.CompletionTokens, u.ReasoningTokens + v.ReasoningTokens,
		u.Estimated || v.Estimated, u.Points + v.Points, u.HasPoints || v.HasPoints,
	}
}

// Placement says which session a request went to and which text was sent there.
type Placement string

// The placements, as `x-achuan-placement` names them.
const (
	PlacementNew       Placement = "new"       // a new session got the question as it is
	PlacementContinued Placement = "continued" // a known session got what is new
	PlacementReplayed  Placement = "replayed"  // a new session got the whole transcript
	PlacementForked    Placement = "forked"    // replayed, from a point some session had passed
	PlacementAttached  Placement = "attached"  // no session: the running or stored answer of an earlier request
)
