package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// optional is how a hash is stored: none as NULL.
func optional(h conversation.Hash) any {
	if h == (conversation.Hash{}) {
		return nil
	}
	return h[:]
}

// blob is never NULL, as nil bytes would be.
func blob(text string) []byte { return append([]byte{}, text...) }

// text is how JSON is stored: none as NULL. PostgreSQL takes UTF-8 only, which
// JSON is, but not everything that comes from a platform.
func text(object []byte) any {
	if object == nil {
		return nil
	}
	return string(bytes.ToValidUTF8(object, []byte("\uFFFD")))
}

// settings are stored so that equal ones are equal texts.
func settings(s chat.Settings) (string, error) {
	encoded, err := json.Marshal(s)
	return string(encoded), err
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// What scanSession reads. The last two tell whether a session is taken, and whether
// its lease ran out.
const (
	sessionFields = `id, caller, made, reach, name, state, unseen, head, epoch = (SELECT epoch FROM meta), exchanges, turns,
	last, preset, settings, known, object, created, used`
	sessionColumns = sessionFields + `, token IS NOT NULL AND lease > {now}, token IS NOT NULL AND lease <= {now}`
	// takenColumns are those of a session that was just taken, as it was.
	takenColumns = sessionFields + `, FALSE, FALSE`
)

func scanSession(r rows) (conversation.Session, error) {
	var (
		s                        conversation.Session
		name, head, last, object []byte
		preset, settings         string
		created, used            int64
		taken, ranOut            bool
	)
	err := r.Scan(&s.ID, &s.Caller, &s.Made, &s.Reach, &name, &s.State, &s.Unseen, &head, &s.Verified, &s.Exchanges, &s.Turns,
		&last, &preset, &settings, &s.Known, &object, &created, &used, &taken, &ranOut)
	if err != nil {
		return s, err
	}
	s.Name, s.Object = string(name), object
	copy(s.Head[:], head)
	copy(s.Last[:], last)
	s.Created, s.Used = moment(created), moment(used)
	if err := json.Unmarshal([]byte(preset), &s.Preset); err != nil {
		return s, fmt.Errorf("session %d: preset: %w", s.ID, err)
	}
	if err := json.Unmarshal([]byte(settings), &s.Settings); err != nil {
		return s, fmt.Errorf("session %d: settings: %w", s.ID, err)
	}
	gone := s.State == conversation.StateLost || s.State == conversation.StateRetired
	switch {
	case taken:
		s.State = conversation.StateTaken
	case ranOut && !gone:
		s.State, s.Unseen, s.Head = conversation.StateDirty, true, conversation.Hash{}
	}
	return s, nil
}

// sessionValues are the arguments $2 to $17 of the statements that store a session.
func sessionValues(s *conversation.Session) ([]any, error) {
	preset, err := settings(s.Preset)
	if err != nil {
		return nil, err
	}
	force, err := settings(s.Settings)
	if err != nil {
		return nil, err
	}
	return []any{
		s.ID, s.Made, string(s.Reach), blob(s.Name), string(s.State), s.Unseen, optional(s.Head), s.Verified,
		int64(s.Exchanges), int64(s.Turns), optional(s.Last), preset, force, s.Known, text(s.Object), micros(s.Used),
	}, nil
}

func scanToken(r rows) (conversation.Token, error) {
	var raw []byte
	var t conversation.Token
	err := r.Scan(&raw)
	copy(t[:], raw)
	return t, err
}
