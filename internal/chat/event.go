package chat

// EventKind tells what an Event carries.
type EventKind uint8

// The kinds of Event.
const (
	// EventText is a piece of the answer's text.
	EventText EventKind = iota + 1
	// EventReasoning is a piece of the model's reasoning.
	EventReasoning
	// EventPause says that all that the platform has sent was passed on, and that the next
	// event may take a while. A writer flushes now. It never follows another EventPause,
	// and it never comes first.
	EventPause
	// EventToolCall is a piece of a tool call: the first piece of a call has its
	// CallID and CallName, and each has a fragment of its arguments as Text.
	EventToolCall
	// EventDone ends a choice that is whole. A choice without it is not whole.
	EventDone
	// EventPicture is a picture of the answer; Text is its http or https URL. Picture has the bytes for dialects
	// that ask for them.
	EventPicture
)

// FinishReason says why a choice ended. The values are OpenAI's.
type FinishReason string

// The finish reasons.
const (
	FinishStop   FinishReason = "stop"   // the model ended the answer, or a stop sequence did: see Event.StopSequence
	FinishLength FinishReason = "length" // the token limit was reached
	FinishTools  FinishReason = "tool_calls"
)

// Event is one step of an answer. Its text is at most as long as one read from the
// platform. All texts of a kind, joined, are that part of the answer.
type Event struct {
	Kind     EventKind
	Choice   int          // index of the choice it belongs to
	Text     string       // EventText, EventReasoning; EventToolCall: of the arguments
	Call     int          // EventToolCall: index of the call within the choice
	CallID   string       // EventToolCall: first piece of a call only
	CallName string       // EventToolCall: first piece of a call only
	Finish   FinishReason // EventDone
	Usage    Usage        // EventDone: of this choice
	// StopSequence is, on an EventDone with FinishStop, the stop sequence of the request
	// that ended the answer, or "" when the model ended it.
	StopSequence string
	// Cut is set on an EventDone that ends the answer before the end of what the platform
	// said: at a stop sequence or at a limit.
	Cut bool
	// Stored is, on an EventDone, the whole answer as the platform keeps it, with its
	// reasoning.
	Stored string
	// Citations are, on an EventDone, the pages on which the answer is based, if the platform searched the
	// web for it.
	Citations []Citation
	// Picture has the content of an EventPicture; nil if nobody asked for it.
	Picture *Picture
	// Diverged is set on an EventDone when the platform stored another text than it
	// streamed, so that the session contains another text than the answer.
	Diverged bool
}

// Picture is the content of a picture.
type Picture struct {
	Type  string // media type
	Bytes []byte
}

// Citation is a page of the web on which an answer is based.
type Citation struct {
	URL   string // of http or https
	Title string // "" if it is not known
}

// Stream is an answer in progress. One goroutine uses it at a time.
type Stream interface {
	// Next waits for the next event. It is not called again after EventDone. An error is a
	// *Error and ends the answer, which is then not whole.
	Next() (Event, error)
	// Close ends the stream. It may be called at any time after Next has returned, and more
	// than once.
	Close() error
}
