package simulator

import (
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// BlockedText is what the content filter looks for in a question.
const BlockedText = "#blocked#"

// question is the body of POST /api/chat/completions. Keys that version 2.14 does
// not know are ignored.
type question struct {
	Text      *string `json:"text"`
	SessionID *int64  `json:"sessionId"` // a number: a string is HTTP 400
	Files     []File  `json:"files"`
}

// completions is POST /api/chat/completions.
func (s *Simulator) completions(w http.ResponseWriter, r *http.Request, uid int64) {
	var q question
	body, err := readJSON(r, &q)
	if err != nil || q.Text == nil || q.SessionID == nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	t := s.admit(r, uid, q, body)
	var reply Reply
	if t.Refused != "" {
		reply = Reply{Error: t.Refused, Refused: true}
	} else if reply = s.choose(t); reply.Refused {
		s.refuse(t, "by script")
	}
	p := s.newPerformance(t, reply)
	if !p.waits() {
		p.run() // in no time
	} else if !s.background(p.run) {
		p.abandon()
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	s.deliver(w, r, p)
}

// admit makes the turn of a question and lets it into its session, unless the
// platform's own checks refuse it.
func (s *Simulator) admit(r *http.Request, uid int64, q question, body []byte) *turn {
	now := s.opts.Now()
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	t := &turn{ip: ip, Turn: Turn{
		SessionID: *q.SessionID, UserID: uid, Text: *q.Text, Files: q.Files,
		Header: r.Header.Clone(), Body: body, Started: now,
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.TaskID = s.ids.nextTask(now)
	defer s.keep(t)
	x, ok := s.owned(uid, t.SessionID)
	if !ok {
		t.Refused = unknownSession
		return t
	}
	entry, known := s.model(x.Model)
	t.Entry = entry
	if t.Refused = s.objection(t, x.Model, known); t.Refused != "" {
		t.Settings = x.Settings
		return t
	}
	if entry.Draws {
		t.PictureURL = origin(r) + s.album.add(t.TaskID, wish(t.Text))
	}
	s.see(t, x)
	return t
}

// objection is what the platform's own checks have against a question in a known
// session; "" when nothing.
func (s *Simulator) objection(t *turn, model string, known bool) string {
	if strings.Contains(t.Text, BlockedText) {
		return "您的提交内容包含不允许的文本"
	}
	if most := s.opts.MaxText; most > 0 && utf8.RuneCountInString(t.Text) > most {
		return "message too long"
	}
	for _, f := range t.Files {
		if path.Ext(f.Name) == "" {
			return "文件【" + f.Name + "】名称不合法"
		}
	}
	if !known {
		return ProviderError(http.StatusNotFound, "model_not_found",
			fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", model), t.Started)
	}
	return ""
}

// ProviderError is the text of a failure at the model's provider, as the platform
// words it: with names and a request id that should go no further.
func ProviderError(status int, code, text string, at time.Time) string {
	return fmt.Sprintf("上游异常提示(HttpCode:%d)：%s - %s(request id: %s%09dSiMuLaTe)",
		status, code, text, at.In(zone).Format("20060102150405"), at.Nanosecond())
}

// origin is where the client reached this server.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
