package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
)

// Hash is a SHA-256: a lineage hash, a request's fingerprint, a digest.
type Hash [32]byte

// Token tells one taking of a session from every other: 16 random bytes.
type Token [16]byte

// State is what may be done with a session.
type State string

// The states. DESIGN.md draws how one follows another.
const (
	StateFree    State = "free"    // nobody has it
	StateTaken   State = "taken"   // a turn or the clean-up has it, under a lease
	StateDirty   State = "dirty"   // its content is not what a transcript says: no head
	StateLost    State = "lost"    // the platform no longer knows it
	StateRetired State = "retired" // another session took its place
)

// Addressing is how a session may be come back to.
type Addressing string

// The reaches.
const (
	ByLineage Addressing = "lineage"   // by its transcript alone
	ByName    Addressing = "name"      // by a name, or within its scope
	ByID      Addressing = "id"        // by its id: it has left lineage for good
	Throwaway Addressing = "throwaway" // not at all: deleted soon after its turn
)

// Session is what is known of a platform session. A zero Head is none.
type Session struct {
	ID         int64
	Caller     string // chat.Caller.ID of its owner
	Made       bool   // achuan made it
	Addressing Addressing
	Name       string // the name it was last reached by; "" for none
	State      State
	EndUnknown bool // the end of its last turn was not seen

	Head Hash // lineage after its last answer
	// Verified says that the head was written, or compared with the platform, since
	// the store was last known to have lost nothing.
	Verified bool
	// MaybeTaken says that the store may have lost the commit that took the session, so
	// that a turn that nobody knows of may still run in it: the longest turn since the
	// loss has not passed yet. Such a session is not continued.
	MaybeTaken   bool
	Exchanges    int  // questions with answers that the platform keeps; Uncounted when not known
	Turns        int  // whole answers to clients
	LastExchange Hash // digest of the newest exchange: what was sent, what was answered

	Preset        chat.Settings // what a request that names nothing means
	Settings      chat.Settings // last known to be in force
	SettingsKnown bool          // Settings are in force now; false while a PUT is under way
	Object        []byte        // the session as the platform sent it (JSON)

	// Request, Turn, Sent, Question and Taken describe the taking that had the session
	// last, so that a repetition of its request finds its answer after a crash.
	Request  Hash      // fingerprint of its request; zero for none
	Turn     Token     // its token; it stays when the taking has ended
	Sent     SentText  // the text that it sends
	Question Hash      // lineage after that text; zero when it is not known
	Taken    time.Time // when the session was taken, by the store's clock
	Unasked  bool      // its question was certainly not sent yet

	// Instructions and Tools are digests of what the client gave with the last turn. Zero
	// Instructions are not known. Tools are zero when the session was never told of any,
	// and NoToolsNow when its last turn had none. Told is a digest of what the session was told in front of a
	// text because its prompt could not hold it.
	Instructions, Tools, ToldPreamble Hash

	Created, LastUsed time.Time
}

// SentText describes a text that is sent to the platform, without the instructions that
// may stand in front of it.
type SentText struct {
	Size   int // bytes, after normal
	Digest Hash
}

// Taking is what a session is taken for.
type Taking struct {
	Token    Token
	Request  Hash // fingerprint of the request; zero for the clean-up and the sessions API
	Sent     SentText
	Question Hash // lineage after the text that is sent; zero when it is not known
}

// describe writes into a session that was just created what it is taken for.
func (t Taking) describe(s *Session, now time.Time) {
	s.Request, s.Turn, s.Sent, s.Question, s.Taken = t.Request, t.Token, t.Sent, t.Question, now
}

// Uncounted is Session.Exchanges when the number is not known.
const Uncounted = -1

// NameKey is a name of a caller's own. It means one model's session.
type NameKey struct{ Caller, Model, Name string }

// Name is what a NameKey stands for.
type Name struct {
	Session int64 // the session last answered; 0 while its first one is being made
	History bool  // it came with a history once: a lone message opens a new chat
}

// NameBinding makes a name mean the session of the turn that is saved.
type NameBinding struct {
	Key     NameKey
	History bool
}

// Replacement is a session whose place the session of a Save takes: names that meant
// it mean that one, and with Alias so does its id for its owner. Nothing is replaced
// when another taking than that of the Save has the session by then.
type Replacement struct {
	Old   int64
	State State // what the replaced session becomes: StateLost or StateRetired
	Alias bool
}

// StoredTurn is a turn that others may attach to: one with an idempotency key, or one
// whose client has left.
type StoredTurn struct {
	Token   Token
	Caller  string
	Request Hash  // fingerprint of the request
	Key     Hash  // of the idempotency key; zero for none
	Session int64 // 0 before it is placed
	// Left says that its client left before it had the whole answer, and nobody has
	// attached in its stead; Silent that the client had received no text by then.
	Left, Silent bool
	// Whole says that the answer has ended well; Answer is then what tape.encode
	// made of it. Otherwise the turn is running.
	Whole  bool
	Answer []byte
}

// TurnRequest asks whether a request was asked before.
type TurnRequest struct {
	Turn    StoredTurn // the turn that begins if there is none; only its Token, Caller, Request and Key are read
	Retried bool       // an SDK marked the request as a repetition
}

// TurnResult says where the answer to a request is. At most one of Turn, Interrupted and
// Ended is set. All are nil for a request that is to be asked.
type TurnResult struct {
	Turn *StoredTurn // a stored turn that answers the request
	// Interrupted is a session whose taking for the same request never ended, because
	// its process died. It is now taken under the entry's token. A retired one stays so. Its Request, Turn,
	// Sent, Question and Taken are those of the interrupted taking.
	Interrupted *Session
	// Ended is a session whose last turn was whole, was for the same request, and ended
	// no longer than RepeatLife ago. It is not taken. Only a marked request gets it.
	Ended *Session
	// Running describes a taking for the same request that has a lease; nil for none.
	Running *RunningTurn
}

// RunningTurn is a taking under a lease.
type RunningTurn struct {
	Token Token
	Lease time.Duration // until it runs out, if its process does not extend it
}

// HeadQuery is a session taken by its head.
type HeadQuery struct {
	Caller string
	Head   Hash
	Prefer chat.Settings // among several sessions those set so come first, then the latest used
	Taking Taking
	// Instructions and Tools are digests of what the request has; zero Tools for none. A
	// session that had others of both belongs to another agent and is not taken.
	Instructions, Tools Hash
}

// Commit is the end of a taking: what the session is from now on. Everything in it
// is committed together.
type Commit struct {
	Token   Token
	Session Session // State is what it becomes, never StateTaken
	Bind    *NameBinding
	// Replaces is the session whose place this one takes; nil for none.
	Replaces *Replacement
	// Turn is kept for those who attach. If it is stored already it becomes whole,
	// with its answer; whether its client has left is Leave's and Enter's to say.
	Turn *StoredTurn
	// Failed frees the turn's idempotency key and everything stored for Token.
	Failed bool
}

// Errors of a Store that are part of its work. Every other error means that the
// store is not to be had at the moment.
var (
	// ErrNotHeld says that the session is no longer taken under that token: its
	// lease expired, so that its content is not known.
	ErrNotHeld = errors.New("the session is not held any more")
	// ErrTaken says that somebody else has the session or name now.
	ErrTaken = errors.New("taken")
	// ErrUnknown says that there is no such row.
	ErrUnknown = errors.New("not in the store")
	// ErrKeyReused says that an idempotency key came with another request.
	ErrKeyReused = errors.New("idempotency key used with another request")
)

// Store keeps what the engine must remember, for one account. What a method has
// returned without an error is committed: it survives the process, and every
// replica sees it. Package store has the real ones, SQLite and PostgreSQL; both
// pass its conformance suite.
//
// A taking changes nothing in its session until Save: Release undoes it. A taking,
// a running turn or a name claim lasts until its holder ends it, or until Expire
// does. Time matters in Expire alone: Save, Extend and the others go by the token.
// Where HasLeases, a lease lasts as long as the store was told, from the call that
// gives or extends it, by the store's own clock.
//
// A call that failed with another error than those above may have been done.
type Store interface {
	// HasLeases tells whether other processes use the store too, so that a taking
	// needs a lease. Without leases, Expire ends no taking.
	HasLeases() bool

	// AttachOrBegin says where the answer to a request is. A stored turn with
	// the same caller and key has it whatever its client does (ErrKeyReused when its
	// request is another one). Without a key, a turn of the same request has it when
	// it is Left and either e.Retried or Silent; its Left is cleared in the same
	// step, so that one caller attaches and no other. With a key and no such turn,
	// e.Turn is stored as running, under a lease, in the same step. Answers older than
	// AnswerLife are none. When no turn has the
	// answer, a session may have it: see Entered. An interrupted session is taken in one
	// step, so that one caller resumes it and no other.
	AttachOrBegin(ctx context.Context, e TurnRequest) (TurnResult, error)
	// SaveTurn stores the turn for its next client, whole or running (then under a
	// lease). One that is stored already gets its Left and Silent, and its answer if
	// t is whole: a whole turn never becomes a running one again.
	SaveTurn(ctx context.Context, t StoredTurn) error
	// ReleaseTurn gives back a stored turn that a client had attached to and has left: it
	// is Left again, with that Silent. It does nothing when the turn is gone.
	ReleaseTurn(ctx context.Context, token Token, silent bool) error
	// Turn returns a stored turn; ErrUnknown when it failed, expired or never was.
	Turn(ctx context.Context, token Token) (*StoredTurn, error)
	// Forget drops a stored turn: it failed before it had a session.
	Forget(ctx context.Context, token Token) error

	// Match takes a free session with the head, nil when there is none. once tells
	// whether the head is or was that of any session of the caller.
	Match(ctx context.Context, c HeadQuery) (s *Session, once bool, err error)
	// Take takes a session that is free or dirty, and returns it as it was (State
	// free or dirty), with Reach and Name as they are to be from now on: by id it
	// leaves lineage, so its head goes. One that is unseen keeps what it was taken for
	// before (Request, Turn, Sent, Question, Taken): that taking may have been
	// interrupted. ErrTaken while another has it, ErrUnknown when there is none, or it
	// is lost or retired.
	Take(ctx context.Context, id int64, t Taking, reach Addressing) (*Session, error)
	// Create stores a session that is taken from the start: as Unasked if a PUT comes
	// next, because its settings are not Known. One that is there already is left alone:
	// ErrTaken.
	Create(ctx context.Context, s Session, t Taking) error
	// MarkSettingsUnknown says, before a PUT, that the settings are about to change.
	MarkSettingsUnknown(ctx context.Context, id int64, token Token) error
	// MarkAsking says, after a PUT, that the question is about to be sent. Until then the
	// session of a process that died is Unasked.
	MarkAsking(ctx context.Context, id int64, token Token) error
	// Release ends a taking as if it had never been: of session id, or with id 0 of the
	// sessions that the token took by head, or without a head all that it took. It
	// does nothing when there is no such taking.
	Release(ctx context.Context, token Token, id int64, head Hash) error
	// Save ends a taking; ErrNotHeld when it has ended already.
	Save(ctx context.Context, s Commit) error
	// Extend prolongs the leases of the given takings and stored turns, also those that
	// ran out and were not expired yet. It returns the tokens of which there is
	// nothing any more.
	Extend(ctx context.Context, tokens []Token) (gone []Token, err error)

	// Session returns the session that an id means for a caller, following aliases;
	// caller "" sees all. ErrUnknown for none or another's.
	Session(ctx context.Context, caller string, id int64) (*Session, error)
	// Sessions lists a caller's sessions (all with ""), latest used first, lost and
	// retired ones left out, and how many there are.
	Sessions(ctx context.Context, caller string, offset, limit int) (list []Session, total int, err error)
	// Counts tells how many sessions there are in each state.
	Counts(ctx context.Context) (map[State]int, error)

	// Name returns what a name means; the zero Name for nothing.
	Name(ctx context.Context, k NameKey) (Name, error)
	// ClaimName takes a name that means nothing yet, under a lease, for who is about to
	// make its session; then claimed is true. Otherwise it returns what the name
	// means, or ErrTaken while another is making its session.
	ClaimName(ctx context.Context, k NameKey, token Token) (n Name, claimed bool, err error)
	// BindName makes a claimed name mean a session.
	BindName(ctx context.Context, b NameBinding, session int64) error
	// ReleaseName gives a claimed name back that still means nothing.
	ReleaseName(ctx context.Context, k NameKey, token Token) error
	// MarkNameHistory notes that a name came with a history.
	MarkNameHistory(ctx context.Context, k NameKey) error

	// ExpireLeases does what time has made due: takings whose lease ran out become dirty and
	// unseen, running turns and name claims whose lease ran out go, and answers older
	// than AnswerLife or beyond AnswerRoom, oldest first. It returns how many
	// sessions became dirty.
	ExpireLeases(ctx context.Context) (dirty int, err error)
	// TakeExpired takes up to limit sessions that achuan made and that may be deleted:
	// throwaway ones at once; those of lineage, those that are lost or retired, and
	// those of a name that does not mean them as its only session, when they were last
	// used before lineage; those by id or name when they were last used before named
	// (the zero time: never).
	TakeExpired(ctx context.Context, lineage, named time.Time, token Token, limit int) ([]Session, error)
	// Delete forgets a session that token holds: its heads, names and aliases too.
	Delete(ctx context.Context, id int64, token Token) error
	// Postpone gives back a session that Due took, as it was, not due again before retry.
	Postpone(ctx context.Context, id int64, token Token, retry time.Time) error
}

// MaxTurn is how long a turn may run on the platform after the process that asked is gone.
const MaxTurn = maxDetached

// Limits of what is stored for repeated requests.
const (
	AnswerRetention = 5 * time.Minute // from the answer's end
	MaxAnswerBytes  = 64 << 20        // bytes of answers in all

	// RepeatWindow is how long a whole turn answers a marked repetition of its request.
	RepeatWindow = time.Minute
	// ResumeWindow is how long an interrupted taking answers a repetition of its request.
	ResumeWindow = 24 * time.Hour
)
