package simulator

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// BlockedText is the text that the content filter refuses in a question.
const BlockedText = "#blocked#"

// questionRequest is the body of POST /api/chat/completions. Unknown keys are ignored, as in version 2.14.
type questionRequest struct {
	Text      *string `json:"text"`
	SessionID *int64  `json:"sessionId"` // a number: a string is HTTP 400
	Files     []File  `json:"files"`
}

// serveQuestion serves POST /api/chat/completions.
func (s *Simulator) serveQuestion(w http.ResponseWriter, r *http.Request, uid int64) {
	var q questionRequest
	body, err := readJSON(r, &q)
	if err != nil || q.Text == nil || q.SessionID == nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	t := s.startTurn(r, uid, q, body)
	var reply Reply
	if t.Refused != "" {
		reply = Reply{Error: t.Refused, Refused: true}
	} else if reply = s.chooseReply(t); reply.Refused {
		s.markRefused(t, "by script")
	}
	p := s.newPlayer(t, reply)
	if !p.takesTime() {
		p.play()
	} else if !s.runInBackground(p.play) {
		p.abandon()
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	s.sendReply(w, r, p)
}

// startTurn returns the turn of a question. It enters the session, unless a check of the platform refuses the
// question.
func (s *Simulator) startTurn(r *http.Request, uid int64, q questionRequest, body []byte) *turn {
	now := s.opts.Now()
	ip, _, _ := net.SplitHostPort(r.RemoteAddr)
	t := &turn{ip: ip, Turn: Turn{
		SessionID: *q.SessionID, UserID: uid, Text: *q.Text, Files: q.Files,
		Header: r.Header.Clone(), Body: body, Started: now,
	}}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.TaskID = s.ids.nextTask(now)
	defer s.addTurn(t)
	x, ok := s.findSession(uid, t.SessionID)
	if !ok {
		t.Refused = unknownSessionText
		return t
	}
	entry, known := s.findModel(x.Model)
	t.Entry = entry
	if t.Refused = s.checkQuestion(t, x.Model, known); t.Refused != "" {
		t.Settings = x.Settings
		return t
	}
	if entry.Draws {
		t.PictureURL = origin(r) + s.pictures.add(t.TaskID, picturePrompt(t.Text))
	}
	s.enterSession(t, x)
	return t
}

// checkQuestion returns the text with which a check of the platform refuses a question in an existing session,
// or "".
func (s *Simulator) checkQuestion(t *turn, model string, known bool) string {
	if strings.Contains(t.Text, BlockedText) {
		return "您的提交内容包含不允许的文本"
	}
	if s.opts.MaxText > 0 && utf8.RuneCountInString(t.Text) > s.opts.MaxText {
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
	if strings.HasPrefix(model, "claude-") {
		return checkPictures(t)
	}
	return ""
}

// checkPictures returns the text with which Anthropic refuses a picture whose type is not that of its content,
// or "". Other providers do not look.
func checkPictures(t *turn) string {
	for i, f := range t.Files {
		claimed, data, _ := strings.Cut(strings.TrimPrefix(f.Data, "data:"), ";base64,")
		if !strings.HasPrefix(claimed, "image/") {
			continue
		}
		head, _ := base64.StdEncoding.DecodeString(data[:min(len(data), 64)]) // what is left of a broken one is enough
		if actual := http.DetectContentType(head); actual != claimed {
			return fmt.Sprintf("Anthropic 异常(HttpCode:400): messages.0.content.%d.image.source.base64.media_type: "+
				"The image was specified using the %s media type, but it appears to be %s", i, claimed, actual)
		}
	}
	return ""
}

// ProviderError returns the text with which the platform reports a failure of the model's provider. It has names
// and a request id that a client of this program must not see.
func ProviderError(status int, code, text string, at time.Time) string {
	return fmt.Sprintf("上游异常提示(HttpCode:%d)：%s - %s(request id: %s%09dSiMuLaTe)",
		status, code, text, at.In(platformZone).Format("20060102150405"), at.Nanosecond())
}

// origin returns scheme and host with which the client reached this server.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
