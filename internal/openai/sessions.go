package openai

import (
	"strconv"

	"achuan/internal/chat"
	"achuan/internal/jsonval"
)

// AppendSession appends one session. owner is the name of its owner, for people. The
// sessions API is not part of OpenAI's, but it follows the same style: lists are objects
// with data, times are Unix seconds, and an absent value is null.
func AppendSession(dst []byte, s chat.SessionInfo, owner string) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, s.ID, 10)
	dst = append(dst, `,"object":"session","model":`...)
	dst = jsonval.AppendString(dst, s.Model)
	dst = append(dst, `,"created":`...)
	dst = strconv.AppendInt(dst, s.Created.Unix(), 10)
	dst = append(dst, `,"last_used":`...)
	dst = strconv.AppendInt(dst, s.Used.Unix(), 10)
	dst = append(dst, `,"turns":`...)
	dst = strconv.AppendInt(dst, int64(s.Turns), 10)
	dst = append(dst, `,"owner":`...)
	dst = jsonval.AppendString(dst, owner)
	dst = append(dst, `,"name":`...)
	dst = jsonval.AppendStringOrNull(dst, s.Name)
	dst = append(dst, `,"state":`...)
	dst = jsonval.AppendString(dst, s.State)
	return append(dst, '}')
}

// AppendSessions appends a page of a list of total sessions. The page begins at offset.
func AppendSessions(dst []byte, list []chat.SessionInfo, owner func(id string) string, offset, total int) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendSession(dst, s, owner(s.Owner))
	}
	dst = append(dst, `],"total":`...)
	dst = strconv.AppendInt(dst, int64(total), 10)
	return appendMore(dst, offset+len(list) < total)
}

// AppendMessages appends a page of a session's messages. Each record gives two: a question
// and its answer.
func AppendMessages(dst []byte, p chat.RecordPage) []byte {
	dst = append(dst, `{"object":"list","data":[`...)
	for i, r := range p.Records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendMessage(dst, chat.RoleUser, r.UserText, r)
		dst = append(dst, ',')
		dst = appendMessage(dst, chat.RoleAssistant, r.AIText, r)
	}
	dst = append(dst, `],"page":`...)
	dst = strconv.AppendInt(dst, int64(p.Page), 10)
	dst = append(dst, `,"pages":`...)
	dst = strconv.AppendInt(dst, int64(p.Pages), 10)
	return appendMore(dst, p.Page < p.Pages)
}

func appendMessage(dst []byte, role chat.Role, content string, r chat.Record) []byte {
	dst = append(dst, `{"role":"`...)
	dst = append(dst, role...)
	dst = append(dst, `","content":`...)
	dst = jsonval.AppendString(dst, content)
	dst = append(dst, `,"record":`...)
	dst = strconv.AppendInt(dst, r.ID, 10)
	dst = append(dst, `,"created":`...)
	dst = strconv.AppendInt(dst, r.Created.Unix(), 10)
	return append(dst, '}')
}

func appendMore(dst []byte, more bool) []byte {
	dst = append(dst, `,"has_more":`...)
	dst = strconv.AppendBool(dst, more)
	return append(dst, '}')
}

// AppendDeletedSession appends the reply to the deletion of a session.
func AppendDeletedSession(dst []byte, id int64) []byte {
	dst = append(dst, `{"id":`...)
	dst = strconv.AppendInt(dst, id, 10)
	return append(dst, `,"object":"session.deleted","deleted":true}`...)
}

// DecodeSession reads the body of a request to create a session and returns its model.
// Its errors are those of DecodeChat.
func DecodeSession(body []byte) (model string, err error) {
	root, err := jsonval.ParseObject(body)
	if err != nil {
		return "", err
	}
	d := decoder{req: new(ChatRequest)}
	f := root.ReadFields(nil, "", jsonval.Field{Name: "model", Required: "a string, the id of a model", Read: d.model})
	if f != nil {
		return "", f.Public()
	}
	return d.req.Model, nil
}
