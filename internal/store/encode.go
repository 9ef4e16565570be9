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

// hashOrNull is how a hash is stored: none as NULL.
func hashOrNull(h conversation.Hash) any {
	if h == (conversation.Hash{}) {
		return nil
	}
	return h[:]
}

// tokenOrNull is how a token is stored: none as NULL.
func tokenOrNull(t conversation.Token) any {
	if t == (conversation.Token{}) {
		return nil
	}
	return t[:]
}

// nonNullBytes is never NULL, as nil bytes would be.
func nonNullBytes(text string) []byte { return append([]byte{}, text...) }

// jsonOrNull is how JSON is stored: none as NULL. PostgreSQL takes UTF-8 only, which
// JSON is, but not everything that comes from a platform.
func jsonOrNull(object []byte) any {
	if object == nil {
		return nil
	}
	return string(bytes.ToValidUTF8(object, []byte("\uFFFD")))
}

// encodeSettings are stored so that equal ones are equal texts.
func encodeSettings(s chat.Settings) (string, error) {
	encoded, err := json.Marshal(s)
	return string(encoded), err
}

func toMicros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// What scanSession reads. The last one tells whether a session is taken.
const (
	sessionFields = `id, caller, made, reach, name, state, unseen, head, epoch = (SELECT epoch FROM meta),
	ABS(epoch) <> (SELECT epoch FROM meta), ` + isMaybeTaken + `, exchanges, turns,
	last, preset, settings, known, object, instructions, tools, told, request, turn, sent, sent_size, question, unasked, taken, created, used`
	sessionColumns = sessionFields + `, token IS NOT NULL`
	// justTakenColumns are those of a session that was just taken, as it was.
	justTakenColumns = sessionFields + `, FALSE`
	// isMaybeTaken is the condition of a session that was written before the epoch moved,
	// for as long as a turn may run of which the store has lost the beginning.
	isMaybeTaken = `(ABS(epoch) <> (SELECT epoch FROM meta) AND {now} < (SELECT moved FROM meta) + {max_turn})`
)

// Keys of log lines, as package telemetry has them; this package does not import it.
const (
	keySession = "session"
	keyError   = "error"
)

func (s *Store) scanSession(r rows) (conversation.Session, error) {
	var (
		n                         conversation.Session
		name, head, last, object  []byte
		instructions, tools, told []byte
		request, turn, sent       []byte
		question                  []byte
		preset, settings          string
		takenAt, created, used    int64
		taken, stale              bool
	)
	err := r.Scan(&n.ID, &n.Caller, &n.Made, &n.Addressing, &name, &n.State, &n.EndUnknown, &head, &n.Verified, &stale, &n.MaybeTaken,
		&n.Exchanges, &n.Turns, &last, &preset, &settings, &n.SettingsKnown, &object, &instructions, &tools, &told,
		&request, &turn, &sent, &n.Sent.Size, &question, &n.Unasked, &takenAt, &created, &used, &taken)
	if err != nil {
		return n, err
	}
	n.Name, n.Object = string(name), object
	n.Taken, n.Created, n.LastUsed = fromMicros(takenAt), fromMicros(created), fromMicros(used)
	err = errors.Join(
		decodeFixed("head", n.Head[:], head), decodeFixed("last", n.LastExchange[:], last),
		decodeFixed("instructions", n.Instructions[:], instructions), decodeFixed("tools", n.Tools[:], tools), decodeFixed("told", n.ToldPreamble[:], told),
		decodeFixed("request", n.Request[:], request), decodeFixed("turn", n.Turn[:], turn), decodeFixed("sent", n.Sent.Digest[:], sent),
		decodeFixed("question", n.Question[:], question),
		decodeSettings("preset", preset, &n.Preset), decodeSettings("settings", settings, &n.Settings), requireJSON("object", object),
	)
	if err != nil {
		s.log.Warn("a session's row is damaged; its conversation is read from the platform or replayed",
			keySession, n.ID, keyError, err)
		n = keepUsable(n)
	}
	n.SettingsKnown = n.SettingsKnown && !stale // what was stored about the platform belongs to its epoch
	n.Unasked = n.Unasked && !n.MaybeTaken
	if taken {
		n.State = conversation.StateTaken
	}
	return n, nil
}

// keepUsable is what can be used of a session whose row cannot be read: its content and
// its settings are not known.
func keepUsable(n conversation.Session) conversation.Session {
	if n.State != conversation.StateLost && n.State != conversation.StateRetired {
		n.State, n.EndUnknown = conversation.StateDirty, true
	}
	return conversation.Session{
		ID: n.ID, Caller: n.Caller, Made: n.Made, Addressing: n.Addressing, Name: n.Name, State: n.State, EndUnknown: n.EndUnknown,
		MaybeTaken: n.MaybeTaken, Exchanges: conversation.Uncounted, Turns: n.Turns, Taken: n.Taken, Created: n.Created, LastUsed: n.LastUsed,
	}
}

// decodeFixed copies a column that holds as many bytes as to, or none.
func decodeFixed(column string, to, stored []byte) error {
	if len(stored) != 0 && len(stored) != len(to) {
		return fmt.Errorf("%s has %d bytes, want %d", column, len(stored), len(to))
	}
	copy(to, stored)
	return nil
}

// decodeSettings decodes a column that holds settings.
func decodeSettings(column, stored string, to *chat.Settings) error {
	if err := json.Unmarshal([]byte(stored), to); err != nil {
		return fmt.Errorf("%s: %w", column, err)
	}
	return nil
}

// requireJSON checks a column that holds JSON, or nothing.
func requireJSON(column string, stored []byte) error {
	if stored != nil && !json.Valid(stored) {
		return fmt.Errorf("%s is no JSON", column)
	}
	return nil
}

// sessionArgs are the arguments $2 to $26 of the statements that store a session.
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
		s.ID, s.Made, string(s.Addressing), nonNullBytes(s.Name), string(s.State), s.EndUnknown, hashOrNull(s.Head), encodeEpoch(s),
		int64(s.Exchanges), int64(s.Turns), hashOrNull(s.LastExchange), preset, force, s.SettingsKnown, jsonOrNull(s.Object), toMicros(s.LastUsed),
		hashOrNull(s.Instructions), hashOrNull(s.Tools), hashOrNull(s.ToldPreamble),
		hashOrNull(s.Request), tokenOrNull(s.Turn), hashOrNull(s.Sent.Digest), int64(s.Sent.Size), hashOrNull(s.Question), toMicros(s.Taken),
	}, nil
}

// What becomes of a session's epoch when it is stored.
const (
	epochUnverified = iota // the current one, negative
	epochVerified          // the current one
	epochUnchanged         // as it is: what may have been lost stays in doubt
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

// takingArgs are the arguments of the statements that take a session: its token,
// and the columns request, sent, sent_size and question.
func takingArgs(t conversation.Taking) []any {
	return []any{t.Token[:], hashOrNull(t.Request), hashOrNull(t.Sent.Digest), int64(t.Sent.Size), hashOrNull(t.Question)}
}

func scanToken(r rows) (conversation.Token, error) {
	var raw []byte
	var t conversation.Token
	err := r.Scan(&raw)
	copy(t[:], raw)
	return t, err
}
