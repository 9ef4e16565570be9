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

// Record is a question and its answer, as the platform sends them.
type Record struct {
	ID               int64           `json:"id"`
	Created          string          `json:"created"` // when the question came
	Updated          string          `json:"updated"` // when the answer ended
	SessionID        int64           `json:"sessionId"`
	RecordType       string          `json:"recordType,omitempty"` // 3.1
	UserText         string          `json:"userText"`
	AIText           string          `json:"aiText"`
	UserID           int64           `json:"uid"`
	IP               string          `json:"ip"`
	TaskID           string          `json:"taskId"` // the id of its frames
	Model            string          `json:"model"`  // its label, not its value
	DeductCount      int             `json:"deductCount"`
	RefundCount      int             `json:"refundCount"`
	PromptTokens     *int            `json:"promptTokens,omitempty"`
	CompletionTokens *int            `json:"completionTokens,omitempty"`
	ContextTokens    *int            `json:"contextTokens,omitempty"` // part of PromptTokens
	UseTokens        *int            `json:"useTokens,omitempty"`     // PromptTokens + CompletionTokens
	UseImages        json.RawMessage `json:"useImages"`
	UseFiles         json.RawMessage `json:"useFiles"`
	UseAppID         int64           `json:"useAppId"`
	AppendDeduct     int             `json:"appendDeductCount"`
	UserStop         bool            `json:"userStop"`
}

// Usage holds the token counts of one answer.
type Usage struct {
	Prompt     int // including Context
	Completion int
	Context    int // the prompt of the session and the earlier exchanges
}

// newRecord returns the record of a turn with this answer. Simulator.endTurn sets its id and the time of its end.
func (s *Simulator) newRecord(t *turn, aiText string) Record {
	r := Record{
		Created: formatTime(t.Started), SessionID: t.SessionID, UserText: t.Text, AIText: aiText,
		UserID: t.UserID, IP: t.ip, TaskID: t.TaskID, Model: t.Entry.Label, DeductCount: t.Entry.price(),
		UseImages: json.RawMessage("null"), UseFiles: json.RawMessage("null"),
	}
	if s.isVersion31 {
		r.RecordType = "message"
	}
	if len(t.Files) > 0 {
		r.UseImages, r.UseFiles = uploadURLs(t)
	}
	r.setUsage(Usage{Prompt: t.contextTokens + Tokens(t.Text), Completion: Tokens(aiText), Context: t.contextTokens})
	return r
}

// uploadURLs returns made-up URLs for the files of a question: the pictures for useImages, the rest for useFiles.
func uploadURLs(t *turn) (images, files json.RawMessage) {
	urls := map[bool][]string{true: {}, false: {}} // by whether the file is a picture
	for i, f := range t.Files {
		isPicture := strings.HasPrefix(f.Data, "data:image/")
		url := fmt.Sprintf("https://files.example.test/file/upload/%s/%s-%d%s",
			t.Started.In(platformZone).Format("2006/01/02"), t.TaskID, i, path.Ext(f.Name))
		urls[isPicture] = append(urls[isPicture], url)
	}
	return marshal(urls[true]), marshal(urls[false])
}

func (r *Record) setUsage(u Usage) {
	r.PromptTokens, r.CompletionTokens = new(u.Prompt), new(u.Completion)
	r.ContextTokens, r.UseTokens = new(u.Context), new(u.Prompt+u.Completion)
}

// withoutUsage returns the record without its token counts.
func (r Record) withoutUsage() Record {
	r.PromptTokens, r.CompletionTokens, r.ContextTokens, r.UseTokens = nil, nil, nil, nil
	return r
}

const recordsPerPage = 10 // records on a page

// listRecords serves GET /api/chat/record/{id}?page=1, newest first.
func (s *Simulator) listRecords(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := parsePathID(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	x, ok := s.findSession(uid, id)
	var p listPage
	if ok {
		item := func(i int) Record { return x.exchanges[i].Record }
		p = newListPage(parsePageNumber(r), recordsPerPage, len(x.exchanges), item)
	}
	s.mu.Unlock()
	if !ok {
		writeFailure(w, http.StatusOK, 1, unknownSessionText)
		return
	}
	writeData(w, p)
}

// clearRecords serves DELETE /api/chat/record/{id}, which deletes all records of a session.
func (s *Simulator) clearRecords(w http.ResponseWriter, r *http.Request, uid int64) {
	id, ok := parsePathID(w, r)
	if !ok {
		return
	}
	if !s.deleteRecords(uid, id, func(exchange) bool { return true }) {
		writeFailure(w, http.StatusOK, 1, unknownSessionText)
		return
	}
	writeData(w, nil)
}

// deleteRecord serves DELETE /api/chat/record?cid=&sid=&taskId=, which deletes one record by its id or its task id.
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
		writeFailure(w, http.StatusOK, 1, unknownSessionText)
		return
	}
	writeData(w, nil)
}

// deleteRecords deletes the records for which isDeleted is true. It reports whether the session exists.
func (s *Simulator) deleteRecords(uid, sid int64, isDeleted func(exchange) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.findSession(uid, sid)
	if ok {
		x.exchanges = slices.DeleteFunc(x.exchanges, isDeleted)
		s.notifyChange()
	}
	return ok
}

// listLinks serves GET /api/chat/link-dict/{id} of version 3.1: the pages that were found for a session. No source
// describes the reply, so it is empty; a test serves what it needs (see Simulator.Intercept).
func (s *Simulator) listLinks(w http.ResponseWriter, r *http.Request, _ int64) {
	if _, ok := parsePathID(w, r); ok {
		writeData(w, map[string]string{})
	}
}
