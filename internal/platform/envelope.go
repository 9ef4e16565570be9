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

// envelope is what each reply is wrapped in that is no stream. Code is nil when
// the reply was none.
type envelope struct {
	Code *integer        `json:"code"`
	Data json.RawMessage `json:"data"`
	Err  text            `json:"err"`
	Msg  text            `json:"msg"`
}

// message returns the error text, which some failures hide in data or in its data.
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

// code returns the code, 0 for none.
func (e envelope) code() integer {
	if e.Code == nil {
		return 0
	}
	return *e.Code
}

// isFailure reports whether it tells of a failure. Under a status that does so itself
// the code may be 0 or missing.
func (e envelope) isFailure(status int) bool { return e.code() != 0 || !isSuccess(status) }

// refusesQuestion reports whether it is the platform's own word that a question was refused.
// Gateways have JSON of their own for failures, some of it with a code.
func (e envelope) refusesQuestion(status int) bool {
	isOwn := e.Code != nil && (status < http.StatusInternalServerError || len(e.Data) > 0 || e.message() != "")
	return isOwn && e.isFailure(status)
}

// isSuccess reports whether a status says that the request was served. The
// platform uses 207 for failures.
func isSuccess(status int) bool {
	return status >= 200 && status < 300 && status != http.StatusMultiStatus
}

// readRefusal turns a reply that is not what was asked for into its error: any status
// but success, an envelope with a code, or something that is no envelope at all.
// It reads the body but does not close it.
func (c *Client) readRefusal(resp *http.Response) *chat.Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody)) // half a text says something too
	return c.refusalError(resp, body)
}

// refusalError is refusal for a body that has been read.
func (c *Client) refusalError(resp *http.Response, body []byte) *chat.Error {
	var env envelope
	message := string(body)
	isEnvelope := json.Unmarshal(body, &env) == nil && (env.Code != nil || env.message() != "")
	if isEnvelope {
		message = env.message() // and not the data, which is content
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
	if f.kind != chat.KindTimeout { // after which the platform may be at work still
		e.NotAsked = isPlatformText(resp) || isEarlyRefusal(resp.StatusCode) || isEnvelope && env.refusesQuestion(resp.StatusCode)
		e.MaybeAsked = !e.NotAsked
	}
	if e.RetryAfter > 0 {
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return e
}

// isPlatformText reports whether a reply is an error text as the platform itself sends it
// in place of a stream: plain text under the status of success. A proxy has a status
// of failure.
func isPlatformText(resp *http.Response) bool {
	return resp.StatusCode == http.StatusOK && contentType(resp) == "text/plain"
}

// isEarlyRefusal reports whether a status refuses a request before any work on it,
// whoever says so: the platform, or a proxy that did not pass the request on.
func isEarlyRefusal(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return true
	}
	return false
}

const (
	maxErrorBody = 64 << 10 // of an error reply, the most that is read
	maxQuoted    = 300      // of a text of the platform's, the most that is logged, in bytes
)

// describeReply is a reply for the log: status, kind of content, and what it says.
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

// cleanText makes a text of the platform's fit for the log: without secrets, short,
// on one line.
func (c *Client) cleanText(message string) string {
	// Redacted first: a secret that is cut in two is no longer found.
	message = c.redact.Text(message)
	if len(message) > maxQuoted {
		message = message[:maxQuoted] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(message, ""))
}

// contentType returns the media type of a reply, in lower case and without
// parameters.
func contentType(resp *http.Response) string {
	value := resp.Header.Get("Content-Type")
	if kind, _, err := mime.ParseMediaType(value); err == nil {
		return kind
	}
	kind, _, _ := strings.Cut(value, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// retryAfter reads a Retry-After header, in seconds or as a date.
func retryAfter(value string, now time.Time) time.Duration {
	wait := defaultRetry
	if seconds, err := strconv.ParseInt(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return max(time.Second, min(wait, maxRetry))
}
