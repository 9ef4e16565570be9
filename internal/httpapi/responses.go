package httpapi

import (
	"net/http"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/responses"
)

// addResponsesRoutes adds the routes of OpenAI's Responses API.
func (s *Server) addResponsesRoutes(t *routeTable) {
	const path = "/v1/responses"
	t.dialects[path] = responses.Responses{}
	t.add(s.api, "POST "+path, s.requireJSON(s.answerChat(responses.Responses{})))
	t.add(s.api, "GET "+path, refuseUpgrade)
	t.add(s.api, "POST "+path+"/input_tokens", s.requireJSON(s.countTokens(decodeResponsesCount, responses.AppendCount)))
}

func decodeResponsesCount(body []byte) (dialect.Decoded, error) {
	r, err := responses.Decode(body)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// refuseUpgrade answers 426 to a client that asks for a WebSocket: Codex then uses POST at once, while it repeats the
// upgrade after any other status.
func refuseUpgrade(w http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return methodNotAllowed([]string{http.MethodPost})(w, r)
	}
	w.Header().Set("Upgrade", "HTTP/1.1")
	return &chat.Error{
		Kind: chat.KindUpgrade, Code: chat.CodeUpgradeRequired, Message: "WebSockets are not served here; use POST.",
	}
}
