package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Record is one question and its answer, as the platform sends it.
type Record struct {
	ID               int64           `json:"id"`
	Created          string          `json:"created"` // arrival of the question
	Updated          string          `json:"updated"` // end of the answer
	SessionID        int64           `json:"sessionId"`
	RecordType       string          `json:"recordType,omitempty"` // 3.1
	UserText         string          `json:"userText"`
	AIText           string          `json:"aiText"`
	UserID           int64           `json:"uid"`
	IP               string          `json:"ip"`
	TaskID           string          `json:"taskId"` // the id of its frames
	Model            string          `json:"model"`  // the label, not the value
	DeductCount      int             `json:"deductCount"`
	RefundCount      int             `json:"refundCount"`
	PromptTokens     *int            `json:"promptTokens,omitempty"`
	CompletionTokens *int            `json:"completionTokens,omitempty"`
	ContextTokens    *int            `json:"contextTokens,omitempty"` // part of PromptTokens
	UseTokens        *int            `json:"useTokens,omitempty"`     // the sum
	UseImages        json.RawMessage `json:"useImages"`
	UseFiles         json.RawMessage `json:"useFiles"`
	UseAppID         int64           `json:"useAppId"`
	AppendDeduct     int             `json:"appendDeductCount"`
	UserStop         bool            `json:"userStop"`
}

// Usage are the token counts of one answer.
type Usage struct {
	Prompt     int // Context included
	Completion int
	Context    int // preset prompt and earlier exchanges
}

// newRecord is the record of a turn that was answered with a text, before it gets
// its id and the time of its end.
func (s *Simulator) newRecord(t *turn, aiText string) Record {
	r := Record{
		Created: stamp(t.Started), SessionID: t.SessionID, UserText: t.Text, AIText: aiText, UserID: t.UserID, IP: t.ip,
		TaskID: t.TaskID, Model: t.Entry.Label, DeductCount: t.Entry.price(),
		UseImages: json.RawMessage("null"), UseFiles: json.RawMessage("null"),
	}
	if s.modern {
		r.RecordType = "message"
	}
	if len(t.Files) > 0 {
		r.UseImages, r.UseFiles = uploads(t)
	}
	r.count(Usage{Prompt: t.context + Tokens(t.Text), Completion: Tokens(aiText), Context: t.context})
	return r
}

// uploads makes up where the files of a question went: pictures to useImages, the
// rest to useFiles.
func uploads(t *turn) (images, files json.RawMessage) {
	lists := map[bool][]string{true: {}, false: {}}
	for i, f := range t.Files {
		picture := strings.HasPrefix(f.Data, "data:image/")
		at := fmt.Sprintf("https://files.example.test/file/upload/%s/%s-%d%s", t.Started.In(zone).Format("2006/01/02"), t.TaskID, i, path.Ext(f.Name))
		lists[picture] = append(lists[picture], at)
	}
	return marshal(lists[true]), marshal(lists[false])
}

// count puts a usage into a record.
func (r *Record) count(u Usage) {
	r.PromptTokens, r.CompletionTokens = new(u.Prompt), new(u.Completion)
	r.ContextTokens, r.UseTokens = new(u.Context), new(u.Prompt+u.Completion)
}

// uncounted is the record without token counts.
func (r Record) uncounted() Record {
	r.PromptTokens, r.CompletionTokens, r.ContextTokens, r.UseTokens = nil, nil, nil, nil
	return r
}

const recordPage = 10 // records on a page

// listRecords is GET /api/chat/record/{id}?page=1, newest first.
func (s *Simulator) listRecords(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	x, ok := s.owned(uid, id)
	var p page
	if ok {
		p = paged(pageNumber(r), recordPage, len(x.exchanges), func(i int) Record { return x.exchanges[i].Record })
	}
	s.mu.Unlock()
	if !ok {
		writeFailure(w, http.StatusOK, 1, unknownSession)
		return
	}
	writeData(w, p)
}

// clearRecords is DELETE /api/chat/record/{id}: the session forgets everything.
func (s *Simulator) clearRecords(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := pathID(w, r)
	if !ok {
		return
	}
	if !s.deleteRecords(uid, id, func(exchange) bool { return true }) {
		writeFailure(w, http.StatusOK, 1, unknownSession)
		return
	}
	writeData(w, nil)
}

// deleteRecord is DELETE /api/chat/record?cid=&sid=&taskId=: one record, by its id
// or its task.
func (s *Simulator) deleteRecord(w http.ResponseWriter, r *http.Request, uid int64) {
	q := r.URL.Query()
	sid, err := strconv.ParseInt(q.Get("sid"), 10, 64)
	if err != nil {
		writeFailure(w, http.StatusBadRequest, 1, "参数错误")
		return
	}
	found := s.deleteRecords(uid, sid, func(e exchange) bool {
		return strconv.FormatInt(e.ID, 10) == q.Get("cid") || e.TaskID == q.Get("taskId")
	})
	if !found {
		writeFailure(w, http.StatusOK, 1, unknownSession)
		return
	}
	writeData(w, nil)
}

// deleteRecords reports whether the session is there, not whether it held any.
func (s *Simulator) deleteRecords(uid, sid int64, gone func(exchange) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.owned(uid, sid)
	if ok {
		x.exchanges = slices.DeleteFunc(x.exchanges, gone)
		s.touch()
	}
	return ok
}
