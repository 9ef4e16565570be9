package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/gateway"
	"achuan/internal/openai"
)

// Bounds of a list's page.
const (
	defaultLimit = 20
	maxLimit     = 100
)

// ownerOf returns whose sessions a request may use: those of its caller, or all for the
// administrator. On a server without keys that is open to a network, callers are many
// people, and none of them may see the sessions of the others.
func (s *Server) ownerOf(r *http.Request) (gateway.Owner, error) {
	switch {
	case s.isAdmin(r):
		return gateway.Everyone(), nil
	case !s.requiresKey() && s.opts.AllowAnonymous:
		return gateway.Owner{}, s.adminError(r)
	}
	return gateway.OwnerOf(stateOf(r).caller.ID), nil
}

// listSessions is GET /v1/sessions?limit=&offset=.
func (s *Server) listSessions(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	limit, err := queryInt(query, "limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return err
	}
	offset, err := queryInt(query, "offset", 0, 0, math.MaxInt32)
	if err != nil {
		return err
	}
	owner, err := s.ownerOf(r)
	if err != nil {
		return err
	}
	list, total, err := s.opts.Sessions.ListSessions(r.Context(), owner, offset, limit)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendSessions(nil, list, s.opts.Keys.NameOf, offset, total))
}

// getSession is GET /v1/sessions/{id}.
func (s *Server) getSession(w http.ResponseWriter, r *http.Request) error {
	id, owner, err := s.pathSessionAndOwner(r)
	if err != nil {
		return err
	}
	info, err := s.opts.Sessions.GetSession(r.Context(), owner, id)
	if err != nil {
		return err
	}
	return s.writeSession(w, info)
}

// listMessages is GET /v1/sessions/{id}/messages?page=.
func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) error {
	id, owner, err := s.pathSessionAndOwner(r)
	if err != nil {
		return err
	}
	page, err := queryInt(r.URL.Query(), "page", 1, 1, math.MaxInt32)
	if err != nil {
		return err
	}
	records, err := s.opts.Sessions.ListMessages(r.Context(), owner, id, page)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendMessages(nil, records))
}

// createSession is POST /v1/sessions.
func (s *Server) createSession(w http.ResponseWriter, r *http.Request) error {
	if stateOf(r).caller.ID == "" {
		return &chat.Error{
			Kind: chat.KindAuthentication, Code: chat.CodeInvalidAPIKey,
			Message: "A session belongs to the client key that made it, and the administrator's key is none. Send a client key.",
		}
	}
	b := takeBuffer()
	defer returnBuffer(b)
	data, err := s.readBody(b, r)
	defer stateOf(r).releaseMemory()
	if err != nil {
		return err
	}
	model, err := openai.DecodeSession(data)
	if err != nil {
		return err
	}
	stateOf(r).model = model
	info, err := s.opts.Sessions.CreateSession(r.Context(), stateOf(r).caller, model)
	if err != nil {
		return err
	}
	w.Header().Set(sessionHeader, strconv.FormatInt(info.ID, 10))
	return s.writeSession(w, info)
}

// deleteSession is DELETE /v1/sessions/{id}.
func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request) error {
	id, owner, err := s.pathSessionAndOwner(r)
	if err != nil {
		return err
	}
	if err := s.opts.Sessions.DeleteSession(r.Context(), owner, id); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, openai.AppendDeletedSession(nil, id))
}

func (s *Server) writeSession(w http.ResponseWriter, info chat.SessionInfo) error {
	return writeJSON(w, http.StatusOK, openai.AppendSession(nil, info, s.opts.Keys.NameOf(info.Owner)))
}

// pathSessionAndOwner returns the session id in the path, and whose sessions the request
// may use.
func (s *Server) pathSessionAndOwner(r *http.Request) (id int64, owner gateway.Owner, err error) {
	if owner, err = s.ownerOf(r); err != nil {
		return 0, gateway.Owner{}, err
	}
	id, err = pathSessionID(r)
	return id, owner, err
}

// pathSessionID reads the session id in the path.
func pathSessionID(r *http.Request) (int64, error) {
	id, ok := chat.ParseSessionID(r.PathValue("id"))
	if !ok {
		return 0, &chat.Error{
			Kind: chat.KindNotFound, Code: chat.CodeSessionNotFound, Param: "id",
			Message: "No such session: an id is a number of 1 to 16 digits.",
		}
	}
	return id, nil
}

// queryInt reads a whole number of a query, or returns its default if it is absent.
func queryInt(query url.Values, name string, otherwise, least, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, chat.Invalid(chat.CodeInvalidValue, name, fmt.Sprintf("Invalid value for '%s': expected a whole number from %d to %d.", name, least, most))
	}
	return n, nil
}
