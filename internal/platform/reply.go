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

// said returns the error text, which some failures hide in data or in its data.
func (e envelope) said() string {
	for range 3 {
		if said := cmp.Or(e.Err, e.Msg); said != "" {
			return string(said)
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

// failed reports whether it tells of a failure. Under a status that does so itself
// the code may be 0 or missing.
func (e envelope) failed(status int) bool { return e.code() != 0 || !succeeded(status) }

// refuses reports whether it is the platform's own word that a question was refused.
// Gateways have JSON of their own for failures, some of it with a code.
func (e envelope) refuses(status int) bool {
	isOwn := e.Code != nil && (status < http.StatusInternalServerError || len(e.Data) > 0 || e.said() != "")
	return isOwn && e.failed(status)
}

// succeeded reports whether a status says that the request was served. The
// platform uses 207 for failures.
func succeeded(status int) bool {
	return status >= 200 && status < 300 && status != http.StatusMultiStatus
}

// refusal turns a reply that is not what was asked for into its error: any status
// but success, an envelope with a code, or something that is no envelope at all.
// It reads the body but does not close it.
func (c *Client) refusal(resp *http.Response) *chat.Error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, snippetSource)) // half a text says something too
	return c.refused(resp, body)
}

// refused is refusal for a body that has been read.
func (c *Client) refused(resp *http.Response, body []byte) *chat.Error {
	var env envelope
	said := string(body)
	isEnvelope := json.Unmarshal(body, &env) == nil && (env.Code != nil || env.said() != "")
	if isEnvelope {
		said = env.said() // and not the data, which is content
	}
	f, known := statusFailures[resp.StatusCode]
	switch {
	case known:
	case isEnvelope && env.failed(resp.StatusCode), isOwnText(resp):
		f = classify(env.code(), said)
	default:
		f = failed
	}
	e := f.because(c.quote(resp, env.Code, said))
	if f.kind != chat.KindTimeout { // after which the platform may be at work still
		e.NotAsked = isOwnText(resp) || refusesEarly(resp.StatusCode) || isEnvelope && env.refuses(resp.StatusCode)
		e.MaybeAsked = !e.NotAsked
	}
	if e.RetryAfter > 0 {
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return e
}

// isOwnText reports whether a reply is an error text as the platform itself sends it
// in place of a stream: plain text under the status of success. A proxy has a status
// of failure.
func isOwnText(resp *http.Response) bool {
	return resp.StatusCode == http.StatusOK && contentType(resp) == "text/plain"
}

// refusesEarly reports whether a status refuses a request before any work on it,
// whoever says so: the platform, or a proxy that did not pass the request on.
func refusesEarly(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests:
		return true
	}
	return false
}

const (
	snippetSource = 64 << 10 // of an error reply, the most that is read
	snippet       = 300      // of a text of the platform's, the most that is logged, in bytes
)

// quote is a reply for the log: status, kind of content, and what it says.
func (c *Client) quote(resp *http.Response, code *integer, said string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP %d", resp.StatusCode)
	if kind := contentType(resp); kind != "" {
		fmt.Fprintf(&b, ", %s", c.clean(kind))
	}
	if code != nil {
		fmt.Fprintf(&b, ", code %d", *code)
	}
	return fmt.Errorf("%s: %s", b.String(), c.clean(said))
}

// clean makes a text of the platform's fit for the log: without secrets, short,
// on one line.
func (c *Client) clean(said string) string {
	// Redacted first: a secret that is cut in two is no longer found.
	said = c.redact.Text(said)
	if len(said) > snippet {
		said = said[:snippet] + "…"
	}
	return strconv.Quote(strings.ToValidUTF8(said, ""))
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
	return max(time.Second, min(wait, longestRetry))
}
