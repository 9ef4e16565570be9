package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"achuan/internal/chat"
)

const sessionHeader = "X-Session-Id"

// maxSessionName is the size of a session's name in bytes. The store keeps the name as
// long as the session.
const maxSessionName = 512

// sessionRef returns the session that a request names: in the header, else by its id in
// the body, else by its name in the body.
func (s *Server) sessionRef(r *http.Request, req *chat.Request, details requestDetails) (chat.SessionRef, error) {
	ref, err := s.requestedSession(r, details)
	if err == nil && ref != (chat.SessionRef{}) && req.N > 1 {
		err = chat.Invalid(chat.CodeInvalidValue, "n", "Several choices need a session each: with n above 1, leave the session id and `user` out.")
	}
	return ref, err
}

func (s *Server) requestedSession(r *http.Request, details requestDetails) (chat.SessionRef, error) {
	if id := s.headerSessionID(r); id != 0 {
		return chat.SessionRef{ID: id}, nil
	}
	if details.sessionID != 0 {
		return chat.SessionRef{ID: details.sessionID}, nil
	}
	if !s.opts.UserSessions {
		return chat.SessionRef{}, nil
	}
	if len(details.sessionName) > maxSessionName {
		return chat.SessionRef{}, chat.Invalid(chat.CodeInvalidValue, "user",
			fmt.Sprintf("`user` names a session here and may have %d bytes at most.", maxSessionName))
	}
	return chat.SessionRef{Name: details.sessionName}, nil
}

// headerSessionID returns the session id in the header, or 0. Other clients use the
// header for labels of their own, so a value that is not an id is only logged.
func (s *Server) headerSessionID(r *http.Request) int64 {
	value := r.Header.Get(sessionHeader)
	id, ok := chat.ParseSessionID(value)
	if !ok && value != "" {
		s.logDebug(r.Context(), "x-session-id is no session id, ignored", slog.String(keyLabel, chat.Truncate(value, maxLoggedText)))
	}
	return id
}

// keyLabel is the log attribute of a client's own label.
const keyLabel = "label"

func (s *Server) logDebug(ctx context.Context, message string, attrs ...slog.Attr) {
	s.opts.Logger.LogAttrs(ctx, slog.LevelDebug, message, attrs...)
}
