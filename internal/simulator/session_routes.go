package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

const sessionsPerPage = 30 // sessions on a page

// createSession serves POST /api/chat/session. As on the platform, it sets only the model and the plugins; the
// other settings need a PUT. An unknown model is accepted, and the first question fails.
func (s *Simulator) createSession(w http.ResponseWriter, r *http.Request, uid int64) {
	var in struct {
		Model   *string         `json:"model"`
		Plugins json.RawMessage `json:"plugins"`
		MCP     json.RawMessage `json:"mcp"`
	}
	if _, err := readJSON(r, &in); err != nil && !errors.Is(err, io.EOF) {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	model := s.defaultModel()
	if in.Model != nil {
		model = *in.Model
	}
	now := s.opts.Now()
	s.mu.Lock()
	x := s.addSession(uid, model, now)
	if in.Plugins != nil {
		x.Plugins = in.Plugins
	}
	if in.MCP != nil {
		x.MCP = in.MCP
	}
	made := x.Session
	s.mu.Unlock()
	writeData(w, made)
}

// listSessions serves GET /api/chat/session: one page, newest first, or without ?page= an array of all sessions.
func (s *Simulator) listSessions(w http.ResponseWriter, r *http.Request, uid int64) {
	q := r.URL.Query()
	search := q.Get("search")
	s.mu.Lock()
	found := s.listedSessions(uid, search)
	size := sessionsPerPage
	if !q.Has("page") {
		size = max(len(found), 1)
	}
	p := newListPage(parsePageNumber(r), size, len(found), func(i int) Session { return found[i].Session })
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

// updateSession serves PUT /api/chat/session/{id}. The body must be the whole session.
func (s *Simulator) updateSession(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := parsePathID(w, r)
	if !ok {
		return
	}
	var body json.RawMessage
	if _, err := readJSON(r, &body); err != nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	changed, found, err := s.updateUserSession(uid, id, body)
	switch {
	case !found:
		writeFailure(w, http.StatusOK, 1, unknownSessionText)
	case err != nil:
		writeFailure(w, http.StatusBadRequest, 1, "参数错误: "+err.Error())
	default:
		writeData(w, changed)
	}
}

func (s *Simulator) updateUserSession(uid, id int64, body []byte) (changed Session, found bool, err error) {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x, found := s.findSession(uid, id)
	if !found {
		return changed, false, nil
	}
	if changed, err = s.applyUpdate(x.Session, body); err != nil {
		return changed, true, err
	}
	changed.Updated = formatTime(now)
	x.Session = changed
	s.markUsed(x)
	s.notifyChange()
	return changed, true, nil
}

// deleteSession serves DELETE /api/chat/session/{id}.
func (s *Simulator) deleteSession(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := parsePathID(w, r)
	if !ok {
		return
	}
	if !s.deleteUserSession(uid, id) {
		writeFailure(w, http.StatusOK, 1, unknownSessionText)
		return
	}
	writeData(w, nil)
}

// deleteSessions serves DELETE /api/chat/session/batch?ids[]=1&ids[]=2. It ignores sessions that the user does not
// have.
func (s *Simulator) deleteSessions(w http.ResponseWriter, r *http.Request, uid int64) {
	for _, text := range r.URL.Query()["ids[]"] {
		if id, err := strconv.ParseInt(text, 10, 64); err == nil {
			s.deleteUserSession(uid, id)
		}
	}
	writeData(w, nil)
}

func (s *Simulator) deleteUserSession(uid, id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.findSession(uid, id)
	if ok {
		s.deleted = append(s.deleted, id)
		s.removeSession(x)
	}
	return ok
}
