package conversation

import (
	"context"
	"errors"
	"time"

	"achuan/internal/chat"
)

// NameKey is a name that a caller gives to a conversation with one model.
type NameKey struct{ Caller, Model, Name string }

// Name is what a NameKey means.
type Name struct {
	Session int64 // the session that answered last; 0 while its first one is being created
	History bool  // a request with a history has used the name, so a lone message opens a new chat
}

// NameBinding makes a name mean the session of the turn that is saved.
type NameBinding struct {
	Key     NameKey
	History bool
}

// Replacement is a session that the session of a Commit replaces. Names that meant the
// old one mean the new one, and with Alias so does the old id for its owner. The store
// replaces nothing when another taking has the old session by then.
type Replacement struct {
	Old   int64
	State State // the new state of the old session: StateLost or StateRetired
	Alias bool
}

// StoredTurn is a turn that other clients may attach to: one with an idempotency key, or
// one whose client has left.
type StoredTurn struct {
	Token   Token
	Caller  string
	Request Hash  // fingerprint of the request
	Key     Hash  // of the idempotency key; zero for none
	Session int64 // 0 before the turn is placed
	// ClientLeft is true when the client left before it had the whole answer, and no other client
	// has attached since. NoOutput is true when the client had received no text by then.
	ClientLeft, NoOutput bool
	// Whole is true when the answer has ended well. Answer is then what recording.encode
	// returned. Otherwise the turn is running.
	Whole  bool
	Answer []byte
}

// TurnRequest asks whether a request was asked before.
type TurnRequest struct {
	// Turn is the turn that begins when the request was not asked before. The store reads
	// only its Token, Caller, Request and Key.
	Turn    StoredTurn
	Retried bool // an SDK marked the request as a repetition
}

// TurnResult says where the answer to a request is. At most one of Turn, Interrupted and
// Ended is set. All are nil for a request that has to be asked.
type TurnResult struct {
	Turn *StoredTurn // a stored turn that answers the request
	// Interrupted is a session whose taking for the same request never ended, because its
	// process died. It is now taken under the request's token, except that a retired
	// session keeps its state. Its Request, Turn, Sent, Question and Taken are those of the
	// interrupted taking.
	Interrupted *Session
	// Ended is a session whose last turn was whole, was for the same request, and ended
	// within RepeatWindow. It is not taken. Only a request with Retried gets it.
	Ended *Session
	// Running describes a taking for the same request that has a lease; nil for none.
	Running *RunningTurn
}

// RunningTurn is a taking under a lease.
type RunningTurn struct {
	Token Token
	Lease time.Duration // time until the lease runs out, unless its process extends it
}

// HeadQuery asks for a session by its head.
type HeadQuery struct {
	Caller string
	Head   Hash
	Prefer chat.Settings // among several sessions those with these settings come first, then the latest used
	Taking Taking
	// Instructions and Tools are digests of what the request has; zero Tools for none. A
	// session whose last turn had other instructions and other tools belongs to another
	// agent: the store does not take it.
	Instructions, Tools Hash
}

// Commit is the end of a taking: what the session is from now on. The store commits all
// of it together.
type Commit struct {
	Token   Token
	Session Session // State is its new state, never StateTaken
	Bind    *NameBinding
	// Replaces is the session that this one replaces; nil for none.
	Replaces *Replacement
	// Turn is stored for the clients that attach. If it is stored already, it becomes whole
	// and gets its answer; only SaveTurn and AttachOrBegin change ClientLeft and NoOutput.
	Turn *StoredTurn
	// Failed deletes everything that is stored for Token and frees the idempotency key.
	Failed bool
}

// Errors that a Store returns as part of its work. Every other error means that the store
// is not available at the moment.
var (
	// ErrNotHeld means that the token does not hold the session any more. Its lease expired,
	// so the content of the session is not known.
	ErrNotHeld = errors.New("the token does not hold the session any more")
	// ErrTaken means that another token holds the session or the name.
	ErrTaken = errors.New("the session or name is taken")
	// ErrUnknown means that there is no such row.
	ErrUnknown = errors.New("not in the store")
	// ErrKeyReused means that an idempotency key came with another request before.
	ErrKeyReused = errors.New("idempotency key used with another request")
)

// Store keeps what the engine must remember for one account. When a method returns
// without an error, its change is committed: it survives the process, and every replica
// sees it. Package store implements it on SQLite and PostgreSQL; both pass its
// conformance suite.
//
// A taking changes nothing else in its session until Save, so that Release can undo it. A
// taking, a running turn or a name claim lasts until its holder or ExpireLeases ends it.
// Only ExpireLeases considers the time: Save, Extend and the others check only the token.
// With HasLeases, a lease lasts for the duration that the store was opened with, by the
// store's own clock, from the call that begins or extends it.
//
// A call that returned an error other than those above may still have changed the store.
type Store interface {
	SessionStore
	NameStore
	TurnStore
	CleanUpStore

	// HasLeases reports whether other processes use the store too, so that a taking needs a
	// lease. Without leases, ExpireLeases ends no taking.
	HasLeases() bool
	// Extend extends the leases of takings, stored turns and name claims, also of those
	// that ran out and that ExpireLeases has not ended yet. It returns the tokens that hold
	// nothing any more.
	Extend(ctx context.Context, tokens []Token) (gone []Token, err error)
}

// SessionStore is what turns and the sessions API need of sessions.
type SessionStore interface {
	// Match takes a free session with the head, and returns nil when there is none. isKnown
	// reports whether any session of the caller has or had that head.
	Match(ctx context.Context, q HeadQuery) (s *Session, isKnown bool, err error)
	// Take takes a session that is free or dirty. It returns the session as it was (State
	// free or dirty), with its new Addressing and Name. A session that is taken by id loses
	// its head. A session with EndUnknown keeps Request, Turn, Sent, Question and Taken,
	// because its last taking may have been interrupted. Take returns ErrTaken while another
	// token holds the session, and ErrUnknown when it is lost, retired or not in the store.
	Take(ctx context.Context, id int64, t Taking, addressing Addressing) (*Session, error)
	// Create stores a new session that is taken from the start. It is Unasked when its
	// settings are not known, because a PUT comes next. Create returns ErrTaken when the id
	// is in the store already, and changes nothing then.
	Create(ctx context.Context, s Session, t Taking) error
	// MarkSettingsUnknown records, before a PUT, that the settings are about to change. It does
	// what MarkUnasked does, too.
	MarkSettingsUnknown(ctx context.Context, id int64, token Token) error
	// MarkUnasked records that the question is not sent before MarkAsking is called. If the
	// process dies until then, the session is Unasked.
	MarkUnasked(ctx context.Context, id int64, token Token) error
	// MarkAsking records, after MarkSettingsUnknown or MarkUnasked, that the question is about to
	// be sent, and how many exchanges the session has.
	MarkAsking(ctx context.Context, id int64, token Token, exchanges int) error
	// Release undoes a taking: of the session with that id; when id is 0, of the sessions
	// that the token took by head; without a head, of all that the token holds. It does
	// nothing when there is no such taking.
	Release(ctx context.Context, token Token, id int64, head Hash) error
	// Save ends a taking. It returns ErrNotHeld when the taking has ended already.
	Save(ctx context.Context, c Commit) error

	// Session returns the session that an id means for an owner, following aliases. It
	// returns ErrUnknown for an id that is not in the store or that the owner does not see.
	Session(ctx context.Context, owner Owner, id int64) (*Session, error)
	// Sessions lists the sessions that the owner sees, latest used first and without those
	// that are lost or retired, and returns how many there are.
	Sessions(ctx context.Context, owner Owner, offset, limit int) (list []Session, total int, err error)
	// Counts returns how many sessions there are in each state.
	Counts(ctx context.Context) (map[State]int, error)
}

// NameStore is what placement by name needs.
type NameStore interface {
	// Name returns what a name means; the zero Name for nothing.
	Name(ctx context.Context, k NameKey) (Name, error)
	// ClaimName claims a name that means nothing yet, under a lease, for a turn that is
	// about to create its session; isClaimed is true then. Otherwise it returns what the
	// name means, or ErrTaken while another token has claimed it.
	ClaimName(ctx context.Context, k NameKey, token Token) (n Name, isClaimed bool, err error)
	// BindName makes a claimed name mean a session.
	BindName(ctx context.Context, b NameBinding, session int64) error
	// ReleaseName ends the claim of a name that still means nothing.
	ReleaseName(ctx context.Context, k NameKey, token Token) error
	// MarkNameHistory records that a request with a history has used a name.
	MarkNameHistory(ctx context.Context, k NameKey) error
}

// TurnStore is what repeated requests need.
type TurnStore interface {
	// AttachOrBegin says where the answer to a request is. A stored turn with the same
	// caller and key answers it, whatever the client of that turn does; the error is
	// ErrKeyReused when that turn had another request. A request without a key is answered
	// by a turn of the same request with ClientLeft and either r.Retried or NoOutput. The same
	// step clears ClientLeft, so that exactly one caller attaches. When a request with a key finds
	// no such turn, the same step stores r.Turn as running, under a lease. Answers older
	// than AnswerRetention do not count. When no turn has the answer, a session may have it:
	// see TurnResult. One step takes an interrupted session, so that exactly one caller
	// resumes it.
	AttachOrBegin(ctx context.Context, r TurnRequest) (TurnResult, error)
	// SaveTurn stores the turn for the next client, whole or running (then under a lease).
	// A turn that is stored already gets t's ClientLeft and NoOutput, and its answer if t is whole:
	// a whole turn never becomes a running one again.
	SaveTurn(ctx context.Context, t StoredTurn) error
	// ReleaseTurn records that the client that had attached to a stored turn has left: the
	// turn has ClientLeft again, with that NoOutput. It does nothing when the turn is not stored.
	ReleaseTurn(ctx context.Context, token Token, hasNoOutput bool) error
	// Turn returns a stored turn. It returns ErrUnknown for one that failed, expired or
	// never existed.
	Turn(ctx context.Context, token Token) (*StoredTurn, error)
	// Forget deletes a stored turn that failed before it had a session.
	Forget(ctx context.Context, token Token) error
}

// CleanUpStore is what the clean-up needs.
type CleanUpStore interface {
	// ExpireLeases ends what has expired. A session whose lease ran out becomes dirty with
	// EndUnknown. A running turn or a name claim whose lease ran out is deleted. So are
	// answers older than AnswerRetention, and the oldest ones beyond MaxAnswerBytes. It
	// returns how many sessions became dirty.
	ExpireLeases(ctx context.Context) (dirty int, err error)
	// TakeExpired takes up to limit sessions that achuan created and that may be deleted.
	// It takes throwaway sessions at once. It takes a session that was last used before
	// lineage when it is reached by lineage, when it is lost or retired, and when it is
	// reached by a name that has a history or means another session. It takes every other
	// session by id or name when it was last used before named; the zero time means never.
	TakeExpired(ctx context.Context, lineage, named time.Time, token Token, limit int) ([]Session, error)
	// Delete deletes a session that token holds, with its heads, names and aliases.
	Delete(ctx context.Context, id int64, token Token) error
	// Postpone releases a session that TakeExpired took. TakeExpired does not take it again
	// before retry.
	Postpone(ctx context.Context, id int64, token Token, retry time.Time) error
}

// MaxTurn is how long a turn may run on the platform after the process that asked has
// died.
const MaxTurn = maxDetached

// Limits of what is stored for repeated requests.
const (
	AnswerRetention = 5 * time.Minute // from the answer's end
	MaxAnswerBytes  = 64 << 20        // of all stored answers together

	// RepeatWindow is how long a whole turn answers a marked repetition of its request.
	RepeatWindow = time.Minute
	// ResumeWindow is how long an interrupted taking answers a repetition of its request.
	ResumeWindow = 24 * time.Hour
)
