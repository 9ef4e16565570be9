package httpapi

import (
	"net/http"

	"achuan/internal/anthropic"
	"achuan/internal/dialect"
)

// headerOfMessages is the header by which clients of the Messages API ask for its shapes on paths that OpenAI's
// clients use too.
const headerOfMessages = "Anthropic-Version"

// anthropicRequestID is the header in which Anthropic's SDKs look for the id of a request.
const anthropicRequestID = "Request-Id"

// addMessagesRoutes adds the routes of Anthropic's Messages API.
func (s *Server) addMessagesRoutes(t *routeTable) {
	var d anthropic.Messages
	t.dialects["/v1/messages"] = d
	t.add(s.api, "POST /v1/messages", s.withAnthropicID(s.requireJSON(s.answerChat(d))))
	t.add(s.api, "POST /v1/messages/count_tokens", s.withAnthropicID(s.requireJSON(s.countTokens(decodeMessagesCount, anthropic.AppendCount))))
}

// withAnthropicID sends the id of the request also in the header of Anthropic.
func (s *Server) withAnthropicID(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set(anthropicRequestID, requestIDOf(r))
		return next(w, r)
	}
}

func decodeMessagesCount(body []byte) (dialect.Decoded, error) {
	r, err := anthropic.DecodeCount(body)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// countTokens returns a handler that estimates the tokens of a request. It needs no session and costs nothing.
func (s *Server) countTokens(
	decode func(body []byte) (dialect.Decoded, error), appendCount func(dst []byte, tokens int) []byte,
) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		b := takeBuffer()
		defer returnBuffer(b)
		defer stateOf(r).releaseMemory()
		body, err := s.readBody(b, r)
		if err != nil {
			return err
		}
		req, err := decode(body)
		if err != nil {
			return err
		}
		common := &req.Common().Request
		stateOf(r).model = common.Model
		n, err := s.opts.Chat.CountTokens(r.Context(), common)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, appendCount(nil, n))
	}
}
