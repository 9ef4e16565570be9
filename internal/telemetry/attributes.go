package telemetry

// The names of log attributes. A thing has one name, here, so that a search
// through logs finds all of it. Durations are written as slog does, in
// time.Duration's text form or as JSON nanoseconds.
const (
	KeyRequestID        = "request_id"        // the id in the X-Request-Id header
	KeyTraceID          = "trace_id"          // the OpenTelemetry trace that the request belongs to
	KeyMethod           = "method"            // HTTP method
	KeyRoute            = "route"             // the mux pattern, never the raw path
	KeyStatus           = "status"            // HTTP status; 499 when the client went away
	KeyCode             = "code"              // the `code` of an error body
	KeyError            = "error"             // an error with its private cause
	KeyCaller           = "caller"            // name of the client key, never the key
	KeyModel            = "model"             // model id
	KeyStream           = "stream"            // whether the answer is streamed
	KeySession          = "session"           // the platform's session id
	KeyReplaced         = "replaced_session"  // the session whose place another took
	KeyEndSeen          = "end_seen"          // whether the platform ended the turn itself
	KeyState            = "state"             // what a session is after a turn
	KeyWhole            = "whole"             // whether an answer had ended already
	KeyPlacement        = "placement"         // how the session was chosen
	KeyChoice           = "choice"            // index of a choice
	KeyFinish           = "finish"            // why an answer ended
	KeyFirstEvent       = "first_event"       // time from the request to the platform's first event
	KeyDuration         = "duration"          // time from the request to the end of the reply
	KeyPromptTokens     = "prompt_tokens"     // tokens of the question
	KeyCompletionTokens = "completion_tokens" // tokens of the answer
	KeyEstimated        = "estimated"         // whether the token counts are estimates
	KeyBody             = "body_sha256"       // SHA-256 of a request's body, in hex (ACHUAN_AUDIT=hash)
	KeyIgnored          = "ignored"           // names of request keys that were ignored
	KeyEndpoint         = "endpoint"          // endpoint of the platform, as a path pattern
	KeyAttempt          = "attempt"           // which try it was, from 1
	KeyHost             = "host"              // host of the platform
	KeyAddress          = "address"           // address listened on
	KeyExpires          = "expires"           // when the account's JWT ends
	KeyCount            = "count"             // how many there are of what the message names
	KeyBytes            = "bytes"             // a size in bytes
	KeySignal           = "signal"            // signal of the operating system
	KeyVersion          = "version"           // version of the program
)
