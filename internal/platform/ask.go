package platform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// question is the body of a completions call. The platform takes no other keys: the model and all
// other settings belong to the session.
type question struct {
	Text      string     `json:"text"`
	SessionID int64      `json:"sessionId"`
	Files     []struct{} `json:"files"`
	// Only newer versions know this key, so an empty one is not sent.
	ReasoningEffort string `json:"reasoningEffort,omitempty"`
}

// Ask sends a question exactly once and returns when the platform has begun to reply. The stream
// ends with ctx. The caller must close it. Errors are *chat.Error.
func (c *Client) Ask(ctx context.Context, q chat.Question) (chat.Stream, error) {
	body, err := encode(question{q.Text, q.Session, []struct{}{}, q.ReasoningEffort})
	if err != nil {
		return nil, err
	}
	d := newDeadline(ctx, c.firstEventTimeout)
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
	return s, nil
}

// ask returns the body of the platform's reply if the reply is a stream.
func (c *Client) ask(ctx context.Context, to endpoint, body []byte) (io.ReadCloser, *chat.Error) {
	var trace connTrace
	req, err := c.request(trace.attach(ctx), to, body)
	if err != nil {
		return nil, chat.AsError(err)
	}
	req.Header = c.streamHeader
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
