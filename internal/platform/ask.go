package platform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"achuan/internal/chat"
)

// question is the body of a completions call. The platform takes no other keys:
// the model and all else are settings of the session.
type question struct {
	Text      string     `json:"text"`
	SessionID int64      `json:"sessionId"`
	Files     []struct{} `json:"files"`
	// Known to newer versions only, which is why it is not sent empty.
	ReasoningEffort string `json:"reasoningEffort,omitempty"`
}

// Ask sends a question, once, and returns when the platform has begun to reply.
// The stream lives as long as ctx and must be closed. Errors are *chat.Error.
func (c *Client) Ask(ctx context.Context, q chat.Question) (chat.Stream, error) {
	body, err := encode(question{q.Text, q.Session, []struct{}{}, q.ReasoningEffort})
	if err != nil {
		return nil, err
	}
	w := newWatch(ctx, c.first)
	to := endpoint{http.MethodPost, completionsPath, completionsPath}
	o := c.observe(w.ctx, to)
	o.span.Asks(ctx, q.Session)
	events, fault := c.ask(w.ctx, to, body)
	if fault != nil {
		o.end(outcome(fault))
		w.stop()
		return nil, fault
	}
	return c.newStream(w, o, events), nil
}

// ask returns the body of the platform's reply if it is a stream.
func (c *Client) ask(ctx context.Context, to endpoint, body []byte) (io.ReadCloser, *chat.Error) {
	var d delivery
	req, err := c.request(d.watched(ctx), to, body)
	if err != nil {
		return nil, chat.AsError(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Accept-Encoding", "identity") // compression holds events back
	resp, fault := c.send(req, to, &d)
	if fault != nil {
		return nil, fault
	}
	if !succeeded(resp.StatusCode) || contentType(resp) != "text/event-stream" {
		defer resp.Body.Close()
		return nil, c.refusal(resp)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		resp.Body.Close()
		return nil, failed.because(fmt.Errorf("the stream is encoded as %s, unasked", c.clean(coding)))
	}
	return resp.Body, nil
}
