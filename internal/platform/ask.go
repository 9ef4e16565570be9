package platform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"achuan/internal/chat"
)

// drawingTimeout is how long a model that draws may be silent at least.
const drawingTimeout = 300 * time.Second

// Ask sends a question exactly once and returns when the platform has begun to reply. The stream
// ends with ctx. The caller must close it. Errors are *chat.Error.
func (c *Client) Ask(ctx context.Context, q chat.Question) (chat.Stream, error) {
	body, err := newQuestionBody(q, c.files)
	if err != nil {
		return nil, err
	}
	first, idle := c.firstEventTimeout, c.idleTimeout
	if q.Draws {
		first, idle = max(first, drawingTimeout), max(idle, drawingTimeout)
	}
	d := newDeadline(ctx, first)
	to := endpoint{http.MethodPost, completionsPath, completionsPath}
	o := c.observe(d.ctx, to)
	o.span.SetQuestion(ctx, q.Session)
	events, fault := c.ask(d.ctx, to, body)
	if fault != nil {
		o.end(outcome(fault))
		d.stop()
		return nil, fault
	}
	s := c.newStream(d, o, events)
	s.memory.Take = q.TakeMemory
	s.idleTimeout = idle
	return s, nil
}

// ask returns the body of the platform's reply if the reply is a stream.
func (c *Client) ask(ctx context.Context, to endpoint, body *questionBody) (io.ReadCloser, *chat.Error) {
	var trace connTrace
	req, err := c.request(trace.attach(ctx), to, nil)
	if err != nil {
		_ = body.Close() // its error is always nil
		return nil, chat.AsError(err)
	}
	req.Header = c.login.Load().streamHeader
	req.Body, req.ContentLength, req.GetBody = body, body.size, nil
	resp, fault := c.send(req, to, &trace)
	if fault != nil {
		return nil, fault
	}
	if !isSuccess(resp.StatusCode) || contentType(resp) != "text/event-stream" {
		defer resp.Body.Close()
		return nil, c.readRefusal(resp)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		resp.Body.Close()
		return nil, failed.withCause(fmt.Errorf("the stream has the encoding %s, which was not requested", c.cleanText(coding)))
	}
	return resp.Body, nil
}
