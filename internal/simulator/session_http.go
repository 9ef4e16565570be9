package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

const sessionPage = 30 // sessions on a page

// createSession is POST /api/chat/session. The model sticks, and the lists of
// plugins do; the prompt and every other setting need a PUT. A model that nobody
// knows is accepted: the first question fails.
func (s *Simulator) createSession(w http.ResponseWriter, r *http.Request, uid int64) {
	var want struct {
		Model   *string         `json:"model"`
		Plugins json.RawMessage `json:"plugins"`
		MCP     json.RawMessage `json:"mcp"`
	}
	if _, err := readJSON(r, &want); err != nil && !errors.Is(err, io.EOF) {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	model := s.defaultModel()
	if want.Model != nil {
		model = *want.Model
	}
	now := s.opts.Now()
	s.mu.Lock()
	x := s.addSession(uid, model, now)
	if want.Plugins != nil {
		x.Plugins = want.Plugins
	}
	if want.MCP != nil {
		x.MCP = want.MCP
	}
	made := x.Session
	s.mu.Unlock()
	writeData(w, made)
}

// listSessions is GET /api/chat/session: a page, newest first, or without ?page=
// a plain array of all.
func (s *Simulator) listSessions(w http.ResponseWriter, r *http.Request, uid int64) {
	q := r.URL.Query()
	search := q.Get("search")
	s.mu.Lock()
	found := s.listed(uid, search)
	size := sessionPage
	if !q.Has("page") {
		size = max(len(found), 1)
	}
	p := paged(pageNumber(r), size, len(found), func(i int) Session { return found[i].Session })
	s.mu.Unlock()
	if !q.Has("page") {
		writeData(w, p.Records)
		return
	}
	if search != "" {
		p.Search = &search
	}
	writeData(w, p)
}

// updateSession is PUT /api/chat/session/{id}: the whole object or HTTP 400.
func (s *Simulator) updateSession(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	var body json.RawMessage
	if _, err := readJSON(r, &body); err != nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	changed, found, err := s.updateOwned(uid, id, body)
	switch {
	case !found:
		writeFailure(w, http.StatusOK, 1, unknownSession)
	case err != nil:
		writeFailure(w, http.StatusBadRequest, 1, "参数错误: "+err.Error())
	default:
		writeData(w, changed)
	}
}

func (s *Simulator) updateOwned(uid, id int64, body []byte) (changed Session, found bool, err error) {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x, found := s.owned(uid, id)
	if !found {
		return changed, false, nil
	}
	if changed, err = s.overwrite(x.Session, body); err != nil {
		return changed, true, err
	}
	changed.Updated = stamp(now)
	x.Session = changed
	s.use(x)
	s.touch()
	return changed, true, nil
}

// deleteSession is DELETE /api/chat/session/{id}.
func (s *Simulator) deleteSession(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	if !s.deleteOwned(uid, id) {
		writeFailure(w, http.StatusOK, 1, unknownSession)
		return
	}
	writeData(w, nil)
}

// deleteSessions is DELETE /api/chat/session/batch?ids[]=1&ids[]=2. What is not
// the user's is passed over.
func (s *Simulator) deleteSessions(w http.ResponseWriter, r *http.Request, uid int64) {
	for _, text := range r.URL.Query()["ids[]"] {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			s.deleteOwned(uid, id)
		}
	}
	writeData(w, nil)
}

func (s *Simulator) deleteOwned(uid, id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.owned(uid, id)
	if ok {
		s.deleted = append(s.deleted, id)
		s.drop(x)
	}
	return ok
}
