package conversation

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"achuan/internal/chat"
)

// CallKey is the key of the checks in ids of calls. It belongs to the store, so that all replicas have the same.
//
// Agents and people change the arguments of calls before they run them. From the id of a call and this key, the engine
// knows whether a call in a transcript is what the model wrote, without storing it.
type CallKey []byte

// check returns the check of a call, over the id without its check, the name and the canonical arguments.
func (k CallKey) check(id, name, arguments string) uint64 {
	mac := hmac.New(sha256.New, k)
	var size [8]byte
	for _, field := range []string{id, name, string(canonical(arguments))} {
		binary.BigEndian.PutUint64(size[:], uint64(len(field)))
		mac.Write(size[:]) // never fails
		mac.Write([]byte(field))
	}
	return binary.BigEndian.Uint64(mac.Sum(nil))
}

// appendCheck returns an id with its check. Without a key it returns the id.
func (k CallKey) appendCheck(id, name, arguments string) string {
	if len(k) == 0 {
		return id
	}
	return chat.AppendCheck(id, k.check(id, name, arguments))
}

// callState says how a call in a transcript relates to what the model wrote.
type callState uint8

const (
	callUnknown callState = iota // its id has no check of this store
	callWritten                  // it is as the model wrote it
	callEdited                   // its arguments were changed
)

// stateOf returns the state of a call. A call with a made-up check counts as edited: it has the hash of no call that a
// model wrote, unless it is in the answer that is continued, whose ids are in the session's head.
func (k CallKey) stateOf(c *chat.ToolCall) callState {
	parts, isOurs := chat.SplitCallID(c.ID)
	if !isOurs || parts.Check == "" || len(k) == 0 {
		return callUnknown
	}
	id := c.ID[:len(c.ID)-1-chat.CheckDigits]
	if chat.AppendCheck(id, k.check(id, c.Name, c.Arguments)) == c.ID {
		return callWritten
	}
	return callEdited
}
