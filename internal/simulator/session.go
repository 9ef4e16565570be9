package simulator

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Settings are the settings of a session, in the order in which the platform sends them.
type Settings struct {
	Name             string  `json:"name"`
	Model            string  `json:"model"`
	MaxToken         int     `json:"maxToken"`
	ContextCount     int     `json:"contextCount"` // earlier exchanges that the model sees
	Temperature      float64 `json:"temperature"`
	PresencePenalty  float64 `json:"presencePenalty"`
	FrequencyPenalty float64 `json:"frequencyPenalty"`
	Prompt           string  `json:"prompt"` // system prompt
	TopSort          int     `json:"topSort"`
	Icon             string  `json:"icon"`
}

// Session is a session as the platform sends it.
type Session struct {
	ID      int64  `json:"id"`
	Created string `json:"created"` // such as 2026-01-15 10:20:29, in UTC+8
	Updated string `json:"updated"`
	UserID  int64  `json:"uid"`
	Settings
	Plugins      json.RawMessage `json:"plugins"`
	MCP          json.RawMessage `json:"mcp"`
	WebSearch    *bool           `json:"webSearch,omitempty"` // 3.1
	LocalPlugins json.RawMessage `json:"localPlugins"`
	UseAppID     int64           `json:"useAppId"`
}

// session is a Session with its records. Simulator.mu guards it.
type session struct {
	Session
	exchanges []exchange
	inFlight  int // number of turns
	lastUse   int // Simulator.useCount at its last use or change
}

// exchange is a record with its number of tokens as context.
type exchange struct {
	Record
	tokens int
}

// user holds the sessions of an account, oldest first.
type user struct {
	sessions []*session
}

const newSessionName = "新对话"

var emptyList = json.RawMessage(`[]`)

// addSession adds a session with the defaults of the platform. The caller holds mu.
func (s *Simulator) addSession(uid int64, model string, now time.Time) *session {
	x := &session{Session: Session{
		ID: s.ids.nextSession(), Created: formatTime(now), Updated: formatTime(now), UserID: uid,
		Settings: Settings{
			Name: newSessionName, Model: model, Prompt: s.preset,
			ContextCount: s.clampContextCount(s.opts.ContextCount),
		},
		Plugins: emptyList, MCP: emptyList, LocalPlugins: json.RawMessage("null"),
	}}
	if s.isVersion31 {
		x.WebSearch = new(false)
	}
	u := s.users[uid]
	if u == nil {
		u = &user{}
		s.users[uid] = u
	}
	u.sessions = append(u.sessions, x)
	s.sessions[x.ID] = x
	s.markUsed(x)
	s.notifyChange()
	return x
}

// markUsed makes x the session that was used last. The caller holds mu.
func (s *Simulator) markUsed(x *session) {
	s.useCount++
	x.lastUse = s.useCount
}

// findSession returns a session of a user. It does not find sessions of other users. The caller holds mu.
func (s *Simulator) findSession(uid, id int64) (*session, bool) {
	x, ok := s.sessions[id]
	if !ok || x.UserID != uid {
		return nil, false
	}
	return x, true
}

// removeSession removes a session and its records. The caller holds mu.
func (s *Simulator) removeSession(x *session) {
	delete(s.sessions, x.ID)
	u := s.users[x.UserID]
	compareID := func(y *session, id int64) int { return int(y.ID - id) }
	if i, ok := slices.BinarySearchFunc(u.sessions, x.ID, compareID); ok {
		u.sessions = slices.Delete(u.sessions, i, i+1)
	}
	s.notifyChange()
}

// listedSessions returns the sessions of sessionsNamed in the reverse order of the list. The caller holds mu.
func (s *Simulator) listedSessions(uid int64, search string) []*session {
	found := s.sessionsNamed(uid, search)
	if s.opts.ListByUse {
		found = slices.Clone(found)
		slices.SortFunc(found, func(a, b *session) int { return a.lastUse - b.lastUse })
	}
	return found
}

// sessionsNamed returns the sessions of a user whose name contains search, oldest first. The caller holds mu.
func (s *Simulator) sessionsNamed(uid int64, search string) []*session {
	u := s.users[uid]
	if u == nil {
		return nil
	}
	if search == "" {
		return u.sessions
	}
	var found []*session
	for _, x := range u.sessions {
		if strings.Contains(x.Name, search) {
			found = append(found, x)
		}
	}
	return found
}

func (s *Simulator) clampContextCount(contextCount int) int {
	return min(max(contextCount, 0), s.opts.MaxContextCount)
}

// requiredKeys are the keys that a PUT must have: all keys of a session that the server does not set itself.
var requiredKeys = []string{
	"id", "name", "model", "maxToken", "contextCount", "temperature", "presencePenalty", "frequencyPenalty",
	"prompt", "topSort", "icon", "plugins", "mcp", "localPlugins", "useAppId",
}

// applyUpdate returns x with the changes of the body of a PUT. It ignores unknown keys. Id, owner and times do not
// change.
func (s *Simulator) applyUpdate(x Session, body []byte) (Session, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(body, &keys); err != nil {
		return x, err
	}
	for _, k := range requiredKeys {
		if _, ok := keys[k]; !ok {
			return x, errors.New("missing " + k)
		}
	}
	if _, ok := keys["webSearch"]; s.isVersion31 && !ok {
		return x, errors.New("missing webSearch")
	}
	y := x
	// Decoding would write into these values, which y shares with x.
	y.WebSearch, y.Plugins, y.MCP, y.LocalPlugins = nil, nil, nil, nil
	if err := json.Unmarshal(body, &y); err != nil {
		return x, err
	}
	if y.ID != x.ID {
		return x, errors.New("another session's id")
	}
	if !s.isVersion31 {
		y.WebSearch = nil
	}
	y.UserID, y.Created = x.UserID, x.Created
	y.ContextCount = s.clampContextCount(y.ContextCount)
	return y, nil
}
