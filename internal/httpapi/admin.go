package httpapi

import (
	"net/http"

	"achuan/internal/access"
	"achuan/internal/chat"
)

// isAdmin reports whether a request carries the administrator key.
func (s *Server) isAdmin(r *http.Request) bool { return s.opts.Admin.Matches(r.Header) }

// hasNoKey reports whether a request carries no key.
func (s *Server) hasNoKey(r *http.Request) bool { return !access.HasKey(r.Header) }

// adminError is the error for a request to what only the administrator may see.
func (s *Server) adminError(r *http.Request) error {
	wrong := "This is for the administrator, and the key is not theirs. Send ACHUAN_ADMIN_KEY as `Authorization: Bearer KEY`."
	missing := "This is for the administrator. Send ACHUAN_ADMIN_KEY as `Authorization: Bearer KEY`."
	if !s.opts.Admin.IsSet() {
		wrong = "This is for the administrator, and this server has none: set ACHUAN_ADMIN_KEY and send it as `Authorization: Bearer KEY`."
		missing = wrong
	}
	if s.hasNoKey(r) {
		return &chat.Error{Kind: chat.KindAuthentication, Code: chat.CodeMissingAPIKey, Message: missing}
	}
	return &chat.Error{Kind: chat.KindAuthentication, Code: chat.CodeInvalidAPIKey, Message: wrong}
}
