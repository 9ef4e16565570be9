package simulator

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
)

// Settings are what a session is set to. The order of the fields is that of the
// keys on the wire.
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
	Created string `json:"created"` // 2026-01-15 10:20:29, in UTC+8
	Updated string `json:"updated"`
	UserID  int64  `json:"uid"`
	Settings
	Plugins      json.RawMessage `json:"plugins"`
	MCP          json.RawMessage `json:"mcp"`
	WebSearch    *bool           `json:"webSearch,omitempty"` // 3.1
	LocalPlugins json.RawMessage `json:"localPlugins"`
	UseAppID     int64           `json:"useAppId"`
}

// session is a Session with what belongs to it. Simulator.mu guards it.
type session struct {
	Session
	exchanges []exchange
	inFlight  int // turns that run in it
	used      int // Simulator.uses when it was last used or changed
}

// exchange is a record with what it costs as context.
type exchange struct {
	Record
	tokens int
}

// user is an account: its sessions, oldest first.
type user struct {
	sessions []*session
}

const newName = "新对话"

var emptyList = json.RawMessage(`[]`)

// addSession makes a session with the platform's defaults. The caller holds mu.
func (s *Simulator) addSession(uid int64, model string, now time.Time) *session {
	x := &session{Session: Session{
		ID: s.ids.nextSession(), Created: stamp(now), Updated: stamp(now), UserID: uid,
		Settings: Settings{Name: newName, Model: model, ContextCount: s.clamp(s.opts.ContextCount), Prompt: s.preset},
		Plugins:  emptyList, MCP: emptyList, LocalPlugins: json.RawMessage("null"),
	}}
	if s.modern {
		x.WebSearch = new(false)
	}
	u := s.users[uid]
	if u == nil {
		u = &user{}
		s.users[uid] = u
	}
	u.sessions = append(u.sessions, x)
	s.sessions[x.ID] = x
	s.use(x)
	s.touch()
	return x
}

// use notes that a session is used or changed now. The caller holds mu.
func (s *Simulator) use(x *session) {
	s.uses++
	x.used = s.uses
}

// owned finds a user's session; another user's is as unknown as none. The caller
// holds mu.
func (s *Simulator) owned(uid, id int64) (*session, bool) {
	x, ok := s.sessions[id]
	if !ok || x.UserID != uid {
		return nil, false
	}
	return x, true
}

// drop takes a session away with its records. The caller holds mu.
func (s *Simulator) drop(x *session) {
	delete(s.sessions, x.ID)
	u := s.users[x.UserID]
	if i, ok := slices.BinarySearchFunc(u.sessions, x.ID, func(y *session, id int64) int { return int(y.ID - id) }); ok {
		u.sessions = slices.Delete(u.sessions, i, i+1)
	}
	s.touch()
}

// listed is named in the order of the list, what comes first there last. The caller
// holds mu.
func (s *Simulator) listed(uid int64, search string) []*session {
	found := s.named(uid, search)
	if s.opts.ListByUse {
		found = slices.Clone(found)
		slices.SortFunc(found, func(a, b *session) int { return a.used - b.used })
	}
	return found
}

// named returns a user's sessions, oldest first, whose name holds search. The
// caller holds mu.
func (s *Simulator) named(uid int64, search string) []*session {
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

func (s *Simulator) clamp(contextCount int) int {
	return min(max(contextCount, 0), s.opts.MaxContextCount)
}

// wholeObject are the keys without which a PUT is refused: those of a session that
// the server does not fill in by itself.
var wholeObject = []string{
	"id", "name", "model", "maxToken", "contextCount", "temperature", "presencePenalty", "frequencyPenalty",
	"prompt", "topSort", "icon", "plugins", "mcp", "localPlugins", "useAppId",
}

// overwrite returns x changed to what the body of a PUT says. Keys that the
// platform does not know are ignored; id, owner and times are the server's.
func (s *Simulator) overwrite(x Session, body []byte) (Session, error) {
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(body, &keys); err != nil {
		return x, err
	}
	for _, k := range wholeObject {
		if _, ok := keys[k]; !ok {
			return x, errors.New("missing " + k)
		}
	}
	if _, ok := keys["webSearch"]; s.modern && !ok {
		return x, errors.New("missing webSearch")
	}
	y := x
	// Decoding writes into what is there, and x shares it.
	y.WebSearch, y.Plugins, y.MCP, y.LocalPlugins = nil, nil, nil, nil
	if err := json.Unmarshal(body, &y); err != nil {
		return x, err
	}
	if y.ID != x.ID {
		return x, errors.New("another session's id")
	}
	if !s.modern {
		y.WebSearch = nil
	}
	y.UserID, y.Created = x.UserID, x.Created
	y.ContextCount = s.clamp(y.ContextCount)
	return y, nil
}
