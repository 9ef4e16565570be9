package conversation

import (
	"time"

	"achuan/internal/chat"
)

// Hash is a SHA-256: of a lineage, a request or a text.
type Hash [32]byte

// Token names one taking of a session: 16 random bytes.
type Token [16]byte

// State says what may be done with a session.
type State string

// The states. DESIGN.md shows how one follows another.
const (
	StateFree    State = "free"    // no turn has the session
	StateTaken   State = "taken"   // a turn or the clean-up has it, under a lease
	StateDirty   State = "dirty"   // its content differs from every transcript, so it has no head
	StateLost    State = "lost"    // the platform does not know it any more
	StateRetired State = "retired" // another session has replaced it
)

// Addressing says how later requests reach a session.
type Addressing string

// The ways to reach a session.
const (
	ByLineage Addressing = "lineage"   // by its transcript alone
	ByName    Addressing = "name"      // by a name, or by a transcript within the scope of that name
	ByID      Addressing = "id"        // by its id; such a session never matches a transcript again
	Throwaway Addressing = "throwaway" // not at all: the clean-up deletes it after its turn
)

// Session is what achuan knows about a platform session.
type Session struct {
	ID              int64
	Caller          string // chat.Caller.ID of its owner
	CreatedByAchuan bool   // false for a session that was on the platform before achuan used it
	Addressing      Addressing
	Name            string // the name that last reached it; "" for none
	State           State
	EndUnknown      bool // achuan has not seen the end of its last turn

	Head Hash // lineage after its last answer; zero for none
	// Verified is true when achuan has written the head, or compared it with the platform,
	// since the store last may have lost commits.
	Verified bool
	// MaybeTaken is true when the store may have lost the commit that took the session. A
	// turn that the store does not know may still run in it, so it is not continued until
	// the longest turn has passed since the loss.
	MaybeTaken   bool
	Exchanges    int  // questions with answers that the platform keeps; Uncounted when not known
	Turns        int  // whole answers to clients
	LastExchange Hash // digest of the newest exchange: what was sent and what was answered

	Preset        chat.Settings // the values for what a request does not name
	Settings      chat.Settings // the settings that were last known to be in force
	SettingsKnown bool          // Settings are in force now; false while a PUT is under way
	Object        []byte        // the session as the platform sent it (JSON)

	// Request, Turn, Sent, Question and Taken describe the last taking of the session. A
	// repetition of its request finds its answer through them after a crash.
	Request  Hash      // fingerprint of its request; zero for none
	Turn     Token     // its token, which stays when the taking has ended
	Sent     SentText  // the text that it sends
	Question Hash      // lineage after that text; zero when it is not known
	Taken    time.Time // when it took the session, by the store's clock
	Unasked  bool      // its question was certainly not sent yet

	// Instructions and Tools are digests of what the last turn's client sent. Instructions
	// are zero when they are not known. Tools are zero when no turn of the session had
	// tools, and NoToolsNow when an earlier turn had some and the last one had none.
	// ToldPreamble is the digest of the Question.Preamble that the session has received.
	Instructions, Tools, ToldPreamble Hash

	// Created is by the clock of the process that stored the session, LastUsed by the store's
	// clock. Create and Save set a zero LastUsed to the store's time, and Save keeps the stored
	// Taken when Taken is zero.
	Created, LastUsed time.Time
	// ReadAt is the store's time when it returned the session. Only the store's clock dates
	// Taken and LastUsed, so how long ago they were follows from ReadAt.
	ReadAt time.Time
}

// idle returns how long the session had not been used when the store returned it.
func (s *Session) idle() time.Duration { return s.ReadAt.Sub(s.LastUsed) }

// Uncounted is Session.Exchanges when the number is not known.
const Uncounted = -1

// SentText describes a text that is sent to the platform, without the instructions that
// may stand in front of it.
type SentText struct {
	Size   int // bytes of the text as normalStoredText returns it
	Digest Hash
}

// Taking says what a session is taken for.
type Taking struct {
	Token    Token
	Request  Hash // fingerprint of the request; zero for the clean-up and the sessions API
	Sent     SentText
	Question Hash // lineage after the text that is sent; zero when it is not known
}

// describe records in a new session what it is taken for.
func (t Taking) describe(s *Session) {
	s.Request, s.Turn, s.Sent, s.Question = t.Request, t.Token, t.Sent, t.Question
}
