package platform

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"achuan/internal/chat"
)

// envelope wraps each reply that is no stream. Code is nil if the reply had no envelope.
type envelope struct {
	Code *integer        `json:"code"`
	Data json.RawMessage `json:"data"`
	Err  text            `json:"err"`
	Msg  text            `json:"msg"`
}

// message returns the error text. Some failures have it in data, or in the data within data.
func (e envelope) message() string {
	for range 3 {
		if message := cmp.Or(e.Err, e.Msg); message != "" {
			return string(message)
		}
		inner := envelope{}
		if jsonKind(e.Data) != '{' || json.Unmarshal(e.Data, &inner) != nil {
			break
		}
		e = inner
	}
	return ""
}

// code returns the code, or 0 if there is none.
func (e envelope) code() integer {
	if e.Code == nil {
		return 0
	}
	return *e.Code
}

// isFailure reports whether the envelope describes a failure. If the HTTP status is a failure, the
// code may be 0 or missing.
func (e envelope) isFailure(status int) bool { return e.code() != 0 || !isSuccess(status) }

// refusesQuestion reports whether the platform itself refused the question. Gateways also answer
// failures with JSON, some of it with a code.
func (e envelope) refusesQuestion(status int) bool {
	isOwn := e.Code != nil && (status < http.StatusInternalServerError || len(e.Data) > 0 || e.message() != "")
	return isOwn && e.isFailure(status)
}

// isSuccess reports whether a status is a success. The platform uses 207 for failures.
func isSuccess(status int) bool {
	return status >= 200 && status < 300 && status != http.StatusMultiStatus
}

// readRefusal returns the error for an unexpected reply: a status other than success, an envelope
// with a code, or a reply without an envelope. It reads the body but does not close it.
func (c *Client) readRefusal(resp *http.Response) *chat.Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // a part of the text is useful too
	return c.refusalError(resp, body)
}

// refusalError is readRefusal for a body that has been read.
func (c *Client) refusalError(resp *http.Response, body []byte) *chat.Error {
	var env envelope
	message := string(body)
	isEnvelope := json.Unmarshal(body, &env) == nil && (env.Code != nil || env.message() != "")
	if isEnvelope {
		message = env.message() // without the data, which is content
	}
	f, known := statusFailures[resp.StatusCode]
	switch {
	case known:
	case isEnvelope && env.isFailure(resp.StatusCode), isPlatformText(resp):
		f = classify(env.code(), message)
	default:
		f = failed
	}
	e := f.withCause(c.describeReply(resp, env.Code, message))
	addTokens(e, message)
	if f.kind != chat.KindTimeout { // after a timeout the platform may still be working
		e.NotAsked = isPlatformText(resp) || isEarlyRefusal(resp.StatusCode) ||
			isEnvelope && env.refusesQuestion(resp.StatusCode)
		e.MaybeAsked = !e.NotAsked
	}
	if e.RetryAfter > 0 {
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return e
}

// isPlatformText reports whether a reply is an error text of the platform itself, sent in place of
// a stream: plain text with status 200. A proxy sends a failure status.
func isPlatformText(resp *http.Response) bool {
	return resp.StatusCode == http.StatusOK && contentType(resp) == "text/plain"
}

// isEarlyRefusal reports whether a status means that the request was refused before any work on
// it, by the platform or by a proxy in front of it.
func isEarlyRefusal(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return true
	}
	return false
}

const (
	maxErrorBody = 64 << 10 // bytes that are read of an error reply
	maxQuoted    = 300      // bytes that are logged of a text from the platform
)

// describeReply describes a reply for the log: its status, media type, code and message.
func (c *Client) describeReply(resp *http.Response, code *integer, message string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d", resp.StatusCode)
	if kind := contentType(resp); kind != "" {
		fmt.Fprintf(&b, ", %s", c.cleanText(kind))
	}
	if code != nil {
		fmt.Fprintf(&b, ", code %d", *code)
	}
	return fmt.Errorf("%s: %s", b.String(), c.cleanText(message))
}

// cleanText prepares a text from the platform for the log: without secrets, short, on one line.
func (c *Client) cleanText(message string) string {
	// Redact before cutting, because a cut secret is not found.
	message = c.login.Load().redact.Text(message)
	if short := chat.Truncate(message, maxQuoted); short != message {
		message = short + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(message, ""))
}

// contentType returns the media type of a reply in lower case and without parameters.
func contentType(resp *http.Response) string {
	value := resp.Header.Get("Content-Type")
	if kind, _, err := mime.ParseMediaType(value); err == nil {
		return kind
	}
	kind, _, _ := strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// retryAfter returns the wait that a Retry-After header asks for, in seconds or as a date, between
// one second and maxRetry.
func retryAfter(value string, now time.Time) time.Duration {
	wait := defaultRetry
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return max(time.Second, min(wait, maxRetry))
}
