package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// maxCallReply limits the bytes that are read of a reply that is no stream. The largest such reply
// is a page of records with long answers.
const maxCallReply = 32 << 20

// endpoint is one call of the API. The pattern goes into logs. The path is the pattern with its
// values and query.
type endpoint struct {
	method, pattern, path string
}

// call makes one JSON call and decodes the data of the reply into out, unless out is nil. It
// repeats a call that failed on a reused connection. The worst result of that is one session too
// many.
func (c *Client) call(ctx context.Context, to endpoint, body []byte, out any) error {
	_, err := c.callDated(ctx, to, body, out)
	return err
}

// callDated is call. It also returns the platform's time of the reply; zero when it is not known.
func (c *Client) callDated(ctx context.Context, to endpoint, body []byte, out any) (date time.Time, _ error) {
	d := newDeadline(ctx, callTimeout)
	defer d.stop()
	o := c.observe(d.ctx, to)
	var trace connTrace
	data, date, err := c.roundTrip(d.ctx, to, body, &trace)
	if err != nil && err.Code == chat.CodeBackendUnreachable && trace.isReused.Load() {
		data, date, err = c.roundTrip(d.ctx, to, body, new(connTrace))
	}
	o.end(outcome(err))
	if err != nil {
		return time.Time{}, err
	}
	if out == nil {
		return date, nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return time.Time{}, failed.withCause(fmt.Errorf("%s %s: the data has an unexpected shape: %w", to.method, to.pattern, err))
	}
	return date, nil
}

// roundTrip sends a request and returns the data of the reply's envelope, and the Date of the reply.
func (c *Client) roundTrip(
	ctx context.Context, to endpoint, body []byte, trace *connTrace,
) (data json.RawMessage, date time.Time, _ *chat.Error) {
	req, err := c.request(trace.attach(ctx), to, body)
	if err != nil {
		return nil, time.Time{}, chat.AsError(err)
	}
	resp, fault := c.send(req, to, trace)
	if fault != nil {
		return nil, time.Time{}, fault
	}
	defer resp.Body.Close()
	if !isSuccess(resp.StatusCode) {
		return nil, time.Time{}, c.readRefusal(resp)
	}
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxCallReply+1))
	switch {
	case err != nil:
		if e := interruptionError(ctx); e != nil {
			return nil, time.Time{}, e
		}
		return nil, time.Time{}, truncated.withCause(err)
	case len(reply) > maxCallReply:
		return nil, time.Time{}, failed.withCause(fmt.Errorf("%s %s: the reply is longer than %d bytes", to.method, to.pattern, maxCallReply))
	}
	var env envelope
	if json.Unmarshal(reply, &env) != nil || env.Code == nil || *env.Code != 0 {
		return nil, time.Time{}, c.refusalError(resp, reply)
	}
	date, _ = http.ParseTime(resp.Header.Get("Date"))
	if len(env.Data) == 0 {
		return json.RawMessage("null"), date, nil
	}
	return env.Data, date, nil
}

// send sends a request and returns the reply with any status, also a redirect: a question and its
// token must not go to a host that is not configured.
func (c *Client) send(req *http.Request, to endpoint, trace *connTrace) (*http.Response, *chat.Error) {
	start := time.Now()
	resp, err := c.transport.RoundTrip(req)
	attrs := []slog.Attr{
		slog.String(telemetry.KeyMethod, to.method), slog.String(telemetry.KeyEndpoint, to.pattern),
		slog.Duration(telemetry.KeyDuration, time.Since(start)),
	}
	if err != nil {
		err = errors.New(c.login.Load().redact.Text(err.Error()))
		attrs = append(attrs, slog.Any(telemetry.KeyError, err))
		c.log.LogAttrs(req.Context(), slog.LevelDebug, "platform did not reply", attrs...)
		return nil, deliveryError(req.Context(), trace, err)
	}
	attrs = append(attrs, slog.Int(telemetry.KeyStatus, resp.StatusCode))
	c.log.LogAttrs(req.Context(), slog.LevelDebug, "platform replied", attrs...)
	return resp, nil
}

// request makes a request that the transport cannot repeat after it has read the body. Requests share
// the header, which nobody changes.
func (c *Client) request(ctx context.Context, to endpoint, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, to.method, c.base+to.path, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header = c.login.Load().header
	if body != nil {
		req.Body, req.ContentLength, req.GetBody = &requestBody{body}, int64(len(body)), nil
	}
	return req, nil
}

// requestBody is the body of a request. It lets go of its bytes when all of them are read, because
// the transport keeps the request until the reply has ended.
type requestBody struct{ rest []byte }

func (b *requestBody) Read(p []byte) (int, error) {
	n := copy(p, b.rest)
	if b.rest = b.rest[n:]; len(b.rest) > 0 {
		return n, nil
	}
	b.rest = nil
	return n, io.EOF
}

// Close does nothing, because the transport may call it during a Read.
func (*requestBody) Close() error { return nil }

// encode writes a request body as the front end does: without the escapes for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, chat.AsError(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
