package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"achuan/internal/chat"
	"achuan/internal/dialect"
)

const sessionHeader = "X-Session-Id"

// maxSessionName is the size of a session's name in bytes. The store keeps the name as
// long as the session.
const maxSessionName = 512

// sessionRef returns the session that a request names: in the header, else by its id in
// the body, else by its name in the body.
func (s *Server) sessionRef(r *http.Request, common *dialect.Request) (chat.SessionRef, error) {
	ref, err := s.requestedSession(r, common)
	if err == nil && ref != (chat.SessionRef{}) && common.N > 1 {
		err = chat.Invalid(chat.CodeInvalidValue, "n", "Several choices need a session each: with n above 1, leave the session id and `user` out.")
	}
	return ref, err
}

func (s *Server) requestedSession(r *http.Request, common *dialect.Request) (chat.SessionRef, error) {
	if id := s.headerSessionID(r); id != 0 {
		return chat.SessionRef{ID: id}, nil
	}
	if common.SessionID != 0 {
		return chat.SessionRef{ID: common.SessionID}, nil
	}
	if !s.opts.UserSessions {
		return chat.SessionRef{}, nil
	}
	if len(common.SessionName) > maxSessionName {
		return chat.SessionRef{}, chat.Invalid(chat.CodeInvalidValue, "user",
			fmt.Sprintf("`user` names a session here and may have %d bytes at most.", maxSessionName))
	}
	return chat.SessionRef{Name: common.SessionName}, nil
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
