package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// hashOrNull encodes a hash. The zero hash is NULL.
func hashOrNull(h conversation.Hash) any {
	if h == (conversation.Hash{}) {
		return nil
	}
	return h[:]
}

// shortHead returns the bytes of a head that the table of heads has.
func shortHead(h conversation.Hash) []byte { return h[:8] }

// tokenOrNull encodes a token. The zero token is NULL.
func tokenOrNull(t conversation.Token) any {
	if t == (conversation.Token{}) {
		return nil
	}
	return t[:]
}

// nonNullBytes encodes text as bytes. Empty text is not NULL, as nil bytes would be.
func nonNullBytes(text string) []byte { return append([]byte{}, text...) }

// jsonOrNull encodes JSON. nil is NULL. PostgreSQL accepts only UTF-8, but a platform may
// send other bytes.
func jsonOrNull(object []byte) any {
	if object == nil {
		return nil
	}
	return string(bytes.ToValidUTF8(object, []byte("\uFFFD")))
}

// encodeSettings encodes settings so that equal settings have equal texts.
func encodeSettings(s chat.Settings) (string, error) {
	encoded, err := json.Marshal(s)
	return string(encoded), err
}

// toMicros encodes a time. The zero time is 0.
func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// fromMicros decodes a time that toMicros encoded.
func fromMicros(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// The columns that scanSession reads. The last column says whether a session is taken.
const (
	sessionFields = `id, caller, made, reach, name, state, unseen, head, epoch = (SELECT epoch FROM meta),
	ABS(epoch) <> (SELECT epoch FROM meta), ` + isMaybeTaken + `, exchanges, turns,
	last, preset, settings, known, object, instructions, tools, told, request, turn, sent, sent_size, question, unasked, taken, created, used, {now}`
	sessionColumns = sessionFields + `, token IS NOT NULL`
	// justTakenColumns are the columns of a session as it was before this statement took it.
	justTakenColumns = sessionFields + `, FALSE`
	// isMaybeTaken is the condition that a session was last written before the epoch moved,
	// and that a turn whose beginning the store has lost may still run in it.
	isMaybeTaken = `(ABS(epoch) <> (SELECT epoch FROM meta) AND {now} < (SELECT moved FROM meta) + {max_turn})`
)

// Log keys. They equal those of package telemetry, which this package does not import.
const (
	keySession = "session"
	keyError   = "error"
)

// scanSession reads a row with sessionColumns or justTakenColumns. Of a damaged row it
// returns what keepUsable keeps, and logs a warning.
func (s *Store) scanSession(r rows) (conversation.Session, error) {
	var (
		n                         conversation.Session
		name, head, last, object  []byte
		instructions, tools, told []byte
		request, turn, sent       []byte
		question                  []byte
		preset, settings          string
		takenAt, created, used    int64
		now                       int64
		taken, stale              bool
	)
	err := r.Scan(&n.ID, &n.Caller, &n.CreatedByAchuan, &n.Addressing, &name, &n.State, &n.EndUnknown, &head,
		&n.Verified, &stale, &n.MaybeTaken, &n.Exchanges, &n.Turns, &last, &preset, &settings, &n.SettingsKnown,
		&object, &instructions, &tools, &told, &request, &turn, &sent, &n.Sent.Size, &question, &n.Unasked,
		&takenAt, &created, &used, &now, &taken)
	if err != nil {
		return n, err
	}
	n.Name, n.Object = string(name), object
	n.Taken, n.Created, n.LastUsed = fromMicros(takenAt), fromMicros(created), fromMicros(used)
	n.ReadAt = fromMicros(now)
	err = errors.Join(
		decodeFixed("head", n.Head[:], head), decodeFixed("last", n.LastExchange[:], last),
		decodeFixed("instructions", n.Instructions[:], instructions), decodeFixed("tools", n.Tools[:], tools), decodeFixed("told", n.ToldPreamble[:], told),
		decodeFixed("request", n.Request[:], request), decodeFixed("turn", n.Turn[:], turn), decodeFixed("sent", n.Sent.Digest[:], sent),
		decodeFixed("question", n.Question[:], question),
		decodeSettings("preset", preset, &n.Preset), decodeSettings("settings", settings, &n.Settings), requireJSON("object", object),
	)
	if err != nil {
		s.log.Warn("a session's row is damaged; achuan reads its conversation from the platform or replays it",
			keySession, n.ID, keyError, err)
		n = keepUsable(n)
	}
	n.SettingsKnown = n.SettingsKnown && !stale // what is stored about the platform is valid in its epoch only
	n.Unasked = n.Unasked && !n.MaybeTaken
	if taken {
		n.State = conversation.StateTaken
	}
	return n, nil
}

// keepUsable returns what can be used of a session whose row is damaged. Its content and its
// settings are unknown.
func keepUsable(n conversation.Session) conversation.Session {
	if n.State != conversation.StateLost && n.State != conversation.StateRetired {
		n.State, n.EndUnknown = conversation.StateDirty, true
	}
	return conversation.Session{
		ID: n.ID, Caller: n.Caller, CreatedByAchuan: n.CreatedByAchuan, Addressing: n.Addressing, Name: n.Name,
		State: n.State, EndUnknown: n.EndUnknown, MaybeTaken: n.MaybeTaken, Exchanges: conversation.Uncounted,
		Turns: n.Turns, Taken: n.Taken, Created: n.Created, LastUsed: n.LastUsed,
		ReadAt: n.ReadAt,
	}
}

// decodeFixed copies a column into to. A column has as many bytes as to, or none.
func decodeFixed(column string, to, stored []byte) error {
	if len(stored) != 0 && len(stored) != len(to) {
		return fmt.Errorf("%s has %d bytes, want %d", column, len(stored), len(to))
	}
	copy(to, stored)
	return nil
}

// decodeSettings decodes a column that encodeSettings encoded.
func decodeSettings(column, stored string, to *chat.Settings) error {
	if err := json.Unmarshal([]byte(stored), to); err != nil {
		return fmt.Errorf("%s: %w", column, err)
	}
	return nil
}

// requireJSON returns an error if a column is neither JSON nor NULL.
func requireJSON(column string, stored []byte) error {
	if stored != nil && !json.Valid(stored) {
		return fmt.Errorf("%s is not JSON", column)
	}
	return nil
}

// sessionArgs returns the arguments $2 to $26 of the statements that store a session.
func sessionArgs(s *conversation.Session) ([]any, error) {
	preset, err := encodeSettings(s.Preset)
	if err != nil {
		return nil, err
	}
	force, err := encodeSettings(s.Settings)
	if err != nil {
		return nil, err
	}
	return []any{
		s.ID, s.CreatedByAchuan, string(s.Addressing), nonNullBytes(s.Name), string(s.State), s.EndUnknown,
		hashOrNull(s.Head), encodeEpoch(s), int64(s.Exchanges), int64(s.Turns), hashOrNull(s.LastExchange),
		preset, force, s.SettingsKnown, jsonOrNull(s.Object), toMicros(s.LastUsed),
		hashOrNull(s.Instructions), hashOrNull(s.Tools), hashOrNull(s.ToldPreamble),
		hashOrNull(s.Request), tokenOrNull(s.Turn), hashOrNull(s.Sent.Digest), int64(s.Sent.Size),
		hashOrNull(s.Question), toMicros(s.Taken),
	}, nil
}

// How a statement sets a session's epoch.
const (
	epochUnverified = iota // to the current epoch, negative
	epochVerified          // to the current epoch
	epochUnchanged         // not at all: what may have been lost stays in doubt
)

func encodeEpoch(s *conversation.Session) int64 {
	switch {
	case s.Verified:
		return epochVerified
	case s.MaybeTaken:
		return epochUnchanged
	}
	return epochUnverified
}

// takingArgs returns the arguments of the statements that take a session: its token, and the
// columns request, sent, sent_size and question.
func takingArgs(t conversation.Taking) []any {
	sent := t.Sent
	return []any{t.Token[:], hashOrNull(t.Request), hashOrNull(sent.Digest), int64(sent.Size), hashOrNull(t.Question)}
}

func scanToken(r rows) (conversation.Token, error) {
	var raw []byte
	var t conversation.Token
	err := r.Scan(&raw)
	copy(t[:], raw)
	return t, err
}
