package httpapi

import (
	"net/http"

	"achuan/internal/anthropic"
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
	t.add(s.api, "POST /v1/messages/count_tokens", s.withAnthropicID(s.requireJSON(s.countTokens)))
}

// withAnthropicID sends the id of the request also in the header of Anthropic.
func (s *Server) withAnthropicID(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set(anthropicRequestID, requestIDOf(r))
		return next(w, r)
	}
}

// countTokens estimates the tokens of a request. It needs no session and costs nothing.
func (s *Server) countTokens(w http.ResponseWriter, r *http.Request) error {
	b := takeBuffer()
	defer returnBuffer(b)
	defer stateOf(r).releaseMemory()
	body, err := s.readBody(b, r)
	if err != nil {
		return err
	}
	req, err := anthropic.DecodeCount(body)
	if err != nil {
		return err
	}
	stateOf(r).model = req.Model
	n, err := s.opts.Chat.CountTokens(r.Context(), &req.Common().Request)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, anthropic.AppendCount(nil, n))
}
