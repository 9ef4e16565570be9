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

// optionalToken is how a token is stored: none as NULL.
func optionalToken(t conversation.Token) any {
	if t == (conversation.Token{}) {
		return nil
	}
	return t[:]
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
	last, preset, settings, known, object, instructions, tools, told, request, turn, sent, sent_size, question, taken, created, used`
	sessionColumns = sessionFields + `, token IS NOT NULL AND lease > {now}, token IS NOT NULL AND lease <= {now}`
	// takenColumns are those of a session that was just taken, as it was.
	takenColumns = sessionFields + `, FALSE, FALSE`
)

func scanSession(r rows) (conversation.Session, error) {
	var (
		s                             conversation.Session
		name, head, last, object      []byte
		instructions, tools, told     []byte
		request, turn, sent, question []byte
		preset, settings              string
		takenAt, created, used        int64
		taken, ranOut                 bool
	)
	err := r.Scan(&s.ID, &s.Caller, &s.Made, &s.Reach, &name, &s.State, &s.Unseen, &head, &s.Verified, &s.Exchanges, &s.Turns,
		&last, &preset, &settings, &s.Known, &object, &instructions, &tools, &told,
		&request, &turn, &sent, &s.Sent.Size, &question, &takenAt, &created, &used, &taken, &ranOut)
	if err != nil {
		return s, err
	}
	s.Name, s.Object = string(name), object
	copy(s.Head[:], head)
	copy(s.Last[:], last)
	copy(s.Instructions[:], instructions)
	copy(s.Tools[:], tools)
	copy(s.Told[:], told)
	copy(s.Request[:], request)
	copy(s.Turn[:], turn)
	copy(s.Sent.Digest[:], sent)
	copy(s.Question[:], question)
	s.Taken, s.Created, s.Used = moment(takenAt), moment(created), moment(used)
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

// sessionValues are the arguments $2 to $26 of the statements that store a session.
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
		optional(s.Instructions), optional(s.Tools), optional(s.Told),
		optional(s.Request), optionalToken(s.Turn), optional(s.Sent.Digest), int64(s.Sent.Size), optional(s.Question), micros(s.Taken),
	}, nil
}

// takingValues are the arguments of the statements that take a session: its token,
// and the columns request, sent, sent_size and question.
func takingValues(t conversation.Taking) []any {
	return []any{t.Token[:], optional(t.Request), optional(t.Sent.Digest), int64(t.Sent.Size), optional(t.Question)}
}

func scanToken(r rows) (conversation.Token, error) {
	var raw []byte
	var t conversation.Token
	err := r.Scan(&raw)
	copy(t[:], raw)
	return t, err
}
