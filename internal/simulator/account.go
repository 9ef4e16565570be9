package simulator

import (
	"slices"
	"time"
)

// This file is for tests: it shows what the accounts hold, and changes it without a request of the client.

// Sessions returns the sessions of all users, oldest first.
func (s *Simulator) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Session, 0, len(s.sessions))
	for _, x := range s.sessions {
		all = append(all, x.Session)
	}
	slices.SortFunc(all, func(a, b Session) int { return int(a.ID - b.ID) })
	return all
}

// Session returns the session with this id, and false when there is none.
func (s *Simulator) Session(id int64) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[id]
	if !ok {
		return Session{}, false
	}
	return x.Session, true
}

// Records returns the records of a session, oldest first. It returns nil for an unknown session.
func (s *Simulator) Records(id int64) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[id]
	if !ok {
		return nil
	}
	all := make([]Record, len(x.exchanges))
	for i, e := range x.exchanges {
		all[i] = e.Record
	}
	return all
}

// Deleted returns the ids of the sessions that requests have deleted, in order.
func (s *Simulator) Deleted() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// AddSession adds a session that the client under test did not create, and returns its id. It belongs to the
// account of Options.Token, or else to DefaultUser.
func (s *Simulator) AddSession(model string) int64 {
	claims, _ := readClaims(s.opts.Token)
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addSession(claims.userID(), model, now).ID
}

// Edit changes the settings of a session, as its owner can on the platform's website. It limits the contextCount
// to Options.MaxContextCount. It reports whether the session exists.
func (s *Simulator) Edit(id int64, change func(*Settings)) bool {
	return s.changeSession(id, func(x *session, now time.Time) {
		change(&x.Settings)
		x.ContextCount = s.clampContextCount(x.ContextCount)
		x.Updated = formatTime(now)
	})
}

// AppendRecord adds an exchange that the client under test did not send. It reports whether the session exists.
func (s *Simulator) AppendRecord(id int64, userText, aiText string) bool {
	return s.changeSession(id, func(x *session, now time.Time) {
		entry, _ := s.findModel(x.Model)
		t := &turn{session: x, contextTokens: x.contextTokens(), ip: "127.0.0.1", Turn: Turn{
			SessionID: id, UserID: x.UserID, Entry: entry, Text: userText, TaskID: s.ids.nextTask(now), Started: now,
		}}
		r := s.newRecord(t, aiText)
		r.ID, r.Updated = s.ids.nextRecord(), formatTime(now)
		x.appendRecord(r)
	})
}

// changeSession calls change with a session, under the lock, and marks the session as used. It reports whether the
// session exists.
func (s *Simulator) changeSession(id int64, change func(x *session, now time.Time)) bool {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[id]
	if !ok {
		return false
	}
	change(x, now)
	s.markUsed(x)
	s.notifyChange()
	return true
}

// Forget removes a session without a request. Deleted does not return it.
func (s *Simulator) Forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x, ok := s.sessions[id]; ok {
		s.removeSession(x)
	}
}
