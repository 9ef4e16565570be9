package chat

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kind groups errors by who has to act. It decides on the HTTP status.
type Kind uint8

// The kinds of Error.
const (
	KindInternal       Kind = iota // a fault of ours: 500
	KindInvalid                    // the request is wrong: 400
	KindAuthentication             // no key or a wrong one: 401
	KindPermission                 // known, but not allowed: 403
	KindNotFound                   // 404
	KindMethod                     // 405
	KindConflict                   // 409
	KindTooLarge                   // 413
	KindUpgrade                    // the protocol is not served: 426
	KindMediaType                  // 415
	KindUnprocessable              // well-formed, but it cannot be answered, and a repeat cannot either: 422
	KindRateLimit                  // later: 429
	KindQuota                      // used up: 402, which clients do not repeat
	KindBackend                    // the platform failed or answered wrongly: 502
	KindUnavailable                // 503
	KindTimeout                    // 504
)

// Code is the machine-readable `code` of an error body.
type Code string

// The codes. Clients match on them: they do not change.
const (
	CodeInvalidJSON              Code = "invalid_json"
	CodeMissingParameter         Code = "missing_required_parameter"
	CodeInvalidType              Code = "invalid_type"
	CodeInvalidValue             Code = "invalid_value"
	CodeUnsupportedParameter     Code = "unsupported_parameter"
	CodeModelNotFound            Code = "model_not_found"
	CodePreviousResponseNotFound Code = "previous_response_not_found"
	CodeContextLengthExceeded    Code = "context_length_exceeded"
	CodeContentFilter            Code = "content_filter"
	CodeInvalidFile              Code = "invalid_file"
	CodeMissingAPIKey            Code = "missing_api_key"
	CodeInvalidAPIKey            Code = "invalid_api_key"
	CodeOriginNotAllowed         Code = "origin_not_allowed"
	CodeSessionNotFound          Code = "session_not_found"
	CodeNotFound                 Code = "not_found"
	CodeMethodNotAllowed         Code = "method_not_allowed"
	CodeRequestTooLarge          Code = "request_too_large"
	CodeUpgradeRequired          Code = "upgrade_required"
	CodeUnsupportedMediaType     Code = "unsupported_media_type"
	CodeSessionBusy              Code = "session_busy"
	CodeIdempotencyMismatch      Code = "idempotency_mismatch"
	CodeRateLimitExceeded        Code = "rate_limit_exceeded"
	CodeInsufficientQuota        Code = "insufficient_quota"
	CodeInternal                 Code = "internal_error"
	CodeBackendUnreachable       Code = "backend_unreachable"
	CodeBackendAuth              Code = "backend_auth"
	CodeBackendTruncated         Code = "backend_truncated"
	CodeBackendError             Code = "backend_error"
	CodeInvalidToolCall          Code = "invalid_tool_call"
	CodeInvalidModelOutput       Code = "invalid_model_output"
	CodeBackendUnavailable       Code = "backend_unavailable"
	CodeOverloaded               Code = "overloaded"
	CodeShuttingDown             Code = "shutting_down"
	CodeStoreUnavailable         Code = "store_unavailable"
	CodeBackendTimeout           Code = "backend_timeout"
)

// Error is the error type of the program. Code, Param and Message are public. Cause is for
// the log; clients never see it.
type Error struct {
	Kind       Kind
	Code       Code
	Param      string // path of the field at fault, such as messages[2].content; "" for none
	Message    string // public
	Cause      error  // private
	RetryAfter time.Duration

	// SessionLost says that the platform no longer knows the session. It has no code,
	// because a lost session is replaced and not reported.
	SessionLost bool
	// TextTooLong says that the platform takes no text of this length. It is not set when the context
	// of a model is full, because then the text alone is not the reason.
	TextTooLong bool
	// Tokens are those of the request, and MaxTokens is how many would fit, for
	// CodeContextLengthExceeded; 0 when they are not known. See SetTokens.
	Tokens, MaxTokens int
	// NotAsked says that the platform certainly did no work on the question: it never
	// arrived, or the platform refused it. The session is unchanged.
	NotAsked bool
	// MaybeAsked says that it is unknown whether the platform worked on the question: the
	// error may come from a proxy that lost the reply of the platform. The session may be
	// unchanged, or contain the question and its answer.
	MaybeAsked bool
	// EndSeen says that the platform itself ended the answer with this error, so that the
	// session gets no more of it.
	EndSeen bool
}

// Error is for logs: it includes the private cause.
func (e *Error) Error() string {
	s := string(e.Code) + ": " + e.Message
	if e.Param != "" {
		s += " (" + e.Param + ")"
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Sentence returns Message as clients read it. It ends in one full stop or in another mark
// that ends a sentence. Messages repeat texts of validators, of models and of the
// platform, which end in different ways.
func (e *Error) Sentence() string {
	text := strings.TrimRightFunc(e.Message, unicode.IsSpace)
	bare := strings.TrimRight(text, ".。")
	switch last, _ := utf8.DecodeLastRuneInString(bare); {
	case bare == "":
		return text
	case strings.ContainsRune("!?！？", last):
		return bare
	case strings.HasPrefix(text[len(bare):], "。"):
		return bare + "。"
	default:
		return bare + "."
	}
}

// SetTokens says how many tokens a request has that is too long, and how many would fit. Clients read
// both numbers from the message and shorten their transcript accordingly.
func (e *Error) SetTokens(n, limit int) {
	e.Tokens, e.MaxTokens = n, limit
	e.Message = fmt.Sprintf("The text is too long: the maximum context length is %d tokens, and the request has about %d tokens. "+
		"Shorten the conversation or the message.", limit, n)
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Cause }

// Invalid returns an error of KindInvalid that names the field at fault.
func Invalid(code Code, param, message string) *Error {
	return &Error{Kind: KindInvalid, Code: code, Param: param, Message: message}
}

// AsError returns err as an *Error, or nil for nil. An error of another type becomes
// internal_error with err as its private cause.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Kind: KindInternal, Code: CodeInternal, Message: "Internal error. The request id identifies it in the server's log.", Cause: err}
}
