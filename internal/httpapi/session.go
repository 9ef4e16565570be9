package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"achuan/internal/chat"
	"achuan/internal/openai"
)

const sessionHeader = "X-Session-Id"

// maxSessionName is the most bytes of a session's name: it is kept as long as the session.
const maxSessionName = 512

// sessionRef says which session a request points at: the header's before
// metadata's before `user`'s.
func (s *Server) sessionRef(r *http.Request, req *openai.ChatRequest) (chat.SessionRef, error) {
	ref, err := s.requestedSession(r, req)
	if err == nil && ref != (chat.SessionRef{}) && req.N > 1 {
		err = chat.Invalid(chat.CodeInvalidValue, "n", "Several choices need a session each: with n above 1, leave the session id and `user` out.")
	}
	return ref, err
}

func (s *Server) requestedSession(r *http.Request, req *openai.ChatRequest) (chat.SessionRef, error) {
	if id := s.headerSessionID(r); id != 0 {
		return chat.SessionRef{ID: id}, nil
	}
	if req.MetadataSession != 0 {
		return chat.SessionRef{ID: req.MetadataSession}, nil
	}
	if !s.opts.UserSessions {
		return chat.SessionRef{}, nil
	}
	if len(req.User) > maxSessionName {
		return chat.SessionRef{}, chat.Invalid(chat.CodeInvalidValue, "user",
			fmt.Sprintf("`user` names a session here and may have %d bytes at most.", maxSessionName))
	}
	return chat.SessionRef{Name: req.User}, nil
}

// headerSessionID returns the id in the header, 0 for none. Anything that is no id
// is some client's own label, of which the log alone is told.
func (s *Server) headerSessionID(r *http.Request) int64 {
	value := r.Header.Get(sessionHeader)
	id, ok := chat.ParseSessionID(value)
	if !ok && value != "" {
		s.logDebug(r.Context(), "x-session-id is no session id, ignored", slog.String(keyLabel, chat.Truncate(value, maxLoggedText)))
	}
	return id
}

// keyLabel is a client's own word for something.
const keyLabel = "label"

func (s *Server) logDebug(ctx context.Context, message string, attrs ...slog.Attr) {
	s.opts.Logger.LogAttrs(ctx, slog.LevelDebug, message, attrs...)
}
