package conversation

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// DefaultLease is how long a taking lasts when nothing is heard of its process.
const DefaultLease = 15 * time.Second

// Options are what an Engine is made of. Platform, Store, Render and Logger are
// required.
type Options struct {
	Platform Platform
	Store    Store
	// Render writes a message as the text that the model reads.
	Render func(chat.Message) string
	// Host is the platform's, a part of every lineage.
	Host string
	// Shared says that anonymous callers are different people on a network: an id
	// that achuan did not make then counts as lost instead of being tried.
	Shared  bool
	Logger  *slog.Logger
	Metrics *telemetry.Metrics // nil: nothing is counted

	Lease          time.Duration // what Store was told; 0 is DefaultLease
	VerifyIdle     time.Duration // a head idle for longer is compared with the platform; 0 is 10 min
	Retention      time.Duration // sessions of lineage unused for so long are deleted; 0 is 720 h
	NamedRetention time.Duration // the same of sessions by id or name; 0 is never
	KeepSideTasks  bool          // titles, tags and the like get ordinary sessions
}

// The defaults of Options.
const (
	defaultVerifyIdle = 10 * time.Minute
	defaultRetention  = 720 * time.Hour
)

// Engine is the conversations of one account.
type Engine struct {
	Options
	sessions  queue[int64]
	names     queue[NameKey]
	leases    leases
	pending   pendingWrites
	outage    outage
	liveTurns sync.Map // Token -> *turn, of this process

	recordings      endedAnswers
	unasked         unasked
	takenHere       sync.Map // session id -> Token of the turn of this process that has it
	cleanUpRequests chan struct{}
	lastFailure     atomic.Pointer[storeFailure]
	preset          atomic.Pointer[chat.Settings] // of the session that was set up last

	lifeCtx    context.Context // of all turns
	cancelLife context.CancelCauseFunc
	inFlight   inFlight
}

// New returns an engine; Run keeps its leases and cleans up.
func New(o Options) *Engine {
	for _, d := range []struct {
		of *time.Duration
		is time.Duration
	}{{&o.Lease, DefaultLease}, {&o.VerifyIdle, defaultVerifyIdle}, {&o.Retention, defaultRetention}} {
		if *d.of == 0 {
			*d.of = d.is
		}
	}
	life, end := context.WithCancelCause(context.Background())
	return &Engine{
		Options: o, leases: leases{life: o.Lease, needed: o.Store.HasLeases()}, cleanUpRequests: make(chan struct{}, 1), lifeCtx: life, cancelLife: end,
		sessions: queue[int64]{metrics: o.Metrics}, names: queue[NameKey]{metrics: o.Metrics},
	}
}

// Ask places a request: it attaches it to an answer that was asked for before, or
// waits for the session, makes one where that is what the transcript asks for,
// and sets it to what the request names. The question itself is sent when the
// answer's events are first asked for. The answer must be used: its Events ranged
// over, or Discard called.
func (e *Engine) Ask(ctx context.Context, q Question) (*Answer, error) {
	if e.lifeCtx.Err() != nil {
		return nil, context.Cause(e.lifeCtx)
	}
	_ = e.retryPending(ctx) // where it fails, Enter does too and is told of
	entry := TurnRequest{Retried: q.Request.Retried, Turn: StoredTurn{
		Token: newToken(), Caller: q.Request.Caller.ID, Request: fingerprint(q.Request, q.Choice),
		Key: keyHash(q.Request.IdempotencyKey, q.Choice),
	}}
	token, print := entry.Turn.Token, entry.Turn.Request
	keyed := q.Request.IdempotencyKey != ""
	found, asked, err := e.enter(ctx, entry)
	switch {
	case errors.Is(err, ErrKeyReused):
		return nil, keyMismatchError()
	case err != nil && ctx.Err() != nil:
		e.undoEntry(entry)
		return nil, context.Cause(ctx)
	case err != nil:
		e.storeFailed(ctx, telemetry.StoreRead, err)
		e.undoEntry(entry)
		if keyed { // whether it was asked before cannot be known
			return nil, storeUnavailableError(err)
		}
		token = newToken() // what the entry may have taken is released under its own
	case found.Turn != nil:
		return e.attach(ctx, q, found.Turn), nil
	}
	if !keyed && found.Interrupted == nil {
		if a := e.repeatEnded(ctx, q, print, found.Ended); a != nil {
			return a, nil
		}
	}
	t := e.newTurn(ctx, q, token, print)
	if keyed {
		e.leases.begin(token, asked)
	}
	if s := found.Interrupted; s != nil {
		t.resume(s, asked)
	} else if err := t.placeSafely(); err != nil {
		t.fail(err)
		return nil, err
	}
	w := t.placed.Load()
	e.Logger.DebugContext(ctx, "placed", telemetry.KeySession, w.session, telemetry.KeyPlacement, w.placement,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Microsecond))
	if keyed {
		t.publish()
	}
	return &Answer{ctx: ctx, turn: t}, nil
}

// Drain waits until no turn is running, or until ctx ends.
func (e *Engine) Drain(ctx context.Context) error { return e.inFlight.wait(ctx) }

// Abort ends every turn with the given error, and those to come.
func (e *Engine) Abort(cause *chat.Error) { e.cancelLife(cause) }

// Run keeps leases alive, does what time has made due, and cleans up, until ctx
// ends.
func (e *Engine) Run(ctx context.Context) {
	beat := time.NewTicker(e.Lease / 4)
	defer beat.Stop()
	expire := time.NewTicker(e.Lease / 2)
	defer expire.Stop()
	e.outage.check(e.Lease / 4)
	var sweeper sync.WaitGroup
	sweeper.Go(func() { e.cleanUp(ctx) })
	for {
		var err error
		select {
		case <-ctx.Done():
			sweeper.Wait()
			e.flushOnExit(ctx)
			return
		case <-beat.C:
			e.outage.check(e.Lease / 4)
			err = e.protect(ctx, func() error { return errors.Join(e.leases.extend(ctx, e.Store), e.retryPending(ctx)) })
		case <-expire.C:
			err = e.protect(ctx, func() error { return e.expire(ctx) })
		}
		if err != nil && ctx.Err() == nil {
			e.storeFailed(ctx, telemetry.StoreLease, err)
		}
	}
}

// expire does what time has made due. While the store or this process was away, the
// leases of others could not be extended: they get one more.
func (e *Engine) expire(ctx context.Context) error {
	e.recordings.expire()
	if e.Store.HasLeases() && !e.outage.isOver(e.Lease) {
		return nil
	}
	dirty, err := e.Store.ExpireLeases(ctx)
	if dirty > 0 {
		e.Logger.WarnContext(ctx, "leases ran out: their turns were given up by a process that died or was held up", telemetry.KeyCount, dirty)
	}
	return err
}

// ended does what the end of a turn makes due.
func (e *Engine) ended(s *Session) {
	if s.Addressing == Throwaway {
		e.requestCleanUp()
	}
}

// storeFailure is the last failure of the store.
type storeFailure struct {
	at  time.Time
	err error
}

// failureLogInterval is how often the log is told that the store does not work.
const failureLogInterval = 10 * time.Second

// storeFailed notes a failure of the store: answers go on where that is safe.
func (e *Engine) storeFailed(ctx context.Context, op telemetry.StoreOperation, err error) {
	e.Metrics.StoreFailed(op)
	e.outage.notice()
	last := e.lastFailure.Load()
	now := time.Now()
	if last != nil && now.Sub(last.at) < failureLogInterval {
		return
	}
	if e.lastFailure.CompareAndSwap(last, &storeFailure{now, err}) {
		e.Logger.ErrorContext(ctx, "the store does not work; transcripts are replayed into sessions that are not kept", telemetry.KeyError, err)
	}
}

func newToken() (t Token) {
	rand.Read(t[:]) // never fails
	return t
}

func keyMismatchError() *chat.Error {
	return &chat.Error{
		Kind: chat.KindUnprocessable, Code: chat.CodeIdempotencyMismatch, Param: "Idempotency-Key",
		Message: "The Idempotency-Key came with another request before. Use a new key for a new request.",
	}
}

func storeUnavailableError(cause error) *chat.Error {
	return &chat.Error{
		Kind: chat.KindUnavailable, Code: chat.CodeStoreUnavailable, Cause: cause, RetryAfter: 5 * time.Second,
		Message: "The server's database is not available, so it cannot tell which session this is. Try again later, or leave session id, name and Idempotency-Key out.",
	}
}

// inFlight counts turns and tells when there are none.
type inFlight struct {
	mu   sync.Mutex
	n    int
	idle chan struct{} // closed when n falls to 0; nil when nobody waits
}

func (f *inFlight) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n += n
	if f.n == 0 && f.idle != nil {
		close(f.idle)
		f.idle = nil
	}
}

func (f *inFlight) wait(ctx context.Context) error {
	f.mu.Lock()
	if f.n == 0 {
		f.mu.Unlock()
		return nil
	}
	if f.idle == nil {
		f.idle = make(chan struct{})
	}
	idle := f.idle
	f.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
