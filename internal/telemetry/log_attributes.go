package telemetry

// The names of log attributes. Each thing has one name, which is declared here, so that a search in logs finds all
// lines about it. slog writes durations as text (1.5s) or, in JSON, as nanoseconds.
const (
	KeyRequestID        = "request_id"        // the id in the X-Request-Id header
	KeyTraceID          = "trace_id"          // the OpenTelemetry trace of the request
	KeyMethod           = "method"            // HTTP method
	KeyRoute            = "route"             // the mux pattern, never the raw path
	KeyStatus           = "status"            // HTTP status; 499 when the client left
	KeyCode             = "code"              // the `code` of an error body
	KeyError            = "error"             // an error with its private cause
	KeyCaller           = "caller"            // name of the client key, never the key
	KeyModel            = "model"             // model id
	KeyStream           = "stream"            // whether the answer is streamed
	KeySession          = "session"           // the platform's session id
	KeyReplaced         = "replaced_session"  // the session that a new session replaces
	KeyState            = "state"             // state of a session after a turn
	KeyWhole            = "whole"             // whether an answer is complete
	KeyPlacement        = "placement"         // how the session was chosen
	KeyFinish           = "finish"            // why an answer ended
	KeyFirstEvent       = "first_event"       // time from the request to the platform's first event
	KeyDuration         = "duration"          // time from the request to the end of the reply
	KeyPromptTokens     = "prompt_tokens"     // tokens of the question
	KeyCompletionTokens = "completion_tokens" // tokens of the answer
	KeyEstimated        = "estimated"         // whether the token counts are estimates
	KeyBody             = "body_sha256"       // SHA-256 of a request's body, in hex (ACHUAN_AUDIT=hash)
	KeyIgnored          = "ignored"           // names of request keys that were ignored
	KeyEndpoint         = "endpoint"          // endpoint of the platform, as a path pattern
	KeyAddress          = "address"           // address that the server listens on
	KeyExpires          = "expires"           // when the account's JWT expires
	KeyCount            = "count"             // number of the things that the message names
	KeyBytes            = "bytes"             // a size in bytes
	KeySignal           = "signal"            // signal of the operating system
	KeyVersion          = "version"           // version of the program
)
