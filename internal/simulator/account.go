package simulator

import (
	"slices"
)

// What the owner of an account sees and does behind the back of its client.

// Sessions returns the living sessions of all users, oldest first.
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

// Session returns one session; false when there is none with this id any more.
func (s *Simulator) Session(id int64) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[id]
	if !ok {
		return Session{}, false
	}
	return x.Session, true
}

// Records returns a session's records, oldest first; none when it is unknown.
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

// Deleted returns the ids of the sessions that were deleted by request, in order.
func (s *Simulator) Deleted() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.deleted)
}

// AddSession makes a session of the account that Options.Token names (else
// DefaultUser) and returns its id: one that the client under test did not make.
func (s *Simulator) AddSession(model string) int64 {
	claims, _ := readClaims(s.opts.Token)
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addSession(claims.user(), model, now).ID
}

// Edit changes a session's settings, as its owner may on the platform's own site.
// The contextCount is clamped. It reports whether there is such a session.
func (s *Simulator) Edit(id int64, change func(*Settings)) bool {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[id]
	if !ok {
		return false
	}
	change(&x.Settings)
	x.ContextCount = s.clamp(x.ContextCount)
	x.Updated = stamp(now)
	s.use(x)
	s.touch()
	return true
}

// AppendRecord stores an exchange that the owner held elsewhere. It reports
// whether there is such a session.
func (s *Simulator) AppendRecord(id int64, userText, aiText string) bool {
	now := s.opts.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.sessions[id]
	if !ok {
		return false
	}
	entry, _ := s.model(x.Model)
	t := &turn{session: x, context: x.contextTokens(), ip: "127.0.0.1", Turn: Turn{
		SessionID: id, UserID: x.UserID, Entry: entry, Text: userText, TaskID: s.ids.nextTask(now), Started: now,
	}}
	r := s.newRecord(t, aiText)
	r.ID, r.Updated = s.ids.nextRecord(), stamp(now)
	x.add(r)
	s.use(x)
	s.touch()
	return true
}

// Forget makes the platform lose a session, without a request to delete it.
func (s *Simulator) Forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x, ok := s.sessions[id]; ok {
		s.drop(x)
	}
}
