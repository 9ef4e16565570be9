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
	"achuan/internal/inflight"
	"achuan/internal/telemetry"
)

// DefaultLease is how long a taking lasts when its process does not extend it.
const DefaultLease = 15 * time.Second

// Options configure an Engine. Platform, Store, Renderer and Logger are required.
type Options struct {
	Platform Platform
	Store    Store
	Renderer Renderer
	// Host is the host of the platform. It is part of every lineage.
	Host string
	// CallKey is the key of the checks in ids of calls. Without one, ids have no check.
	CallKey CallKey
	// Shared says that anonymous callers are different people on a network. The engine then
	// treats an id that achuan did not create as lost, and does not try it.
	Shared  bool
	Logger  *slog.Logger
	Metrics *telemetry.Metrics // nil counts nothing

	Lease time.Duration // the lease that Store was opened with; 0 means DefaultLease
	// MaxText is the longest text that the platform takes, in characters. 0 means that it is learned
	// from what the platform refuses.
	MaxText int

	VerifyIdle     time.Duration // a session idle for longer is compared with the platform; 0 means 10 min
	Retention      time.Duration // after which an unused session of lineage is deleted; 0 means 720 h
	NamedRetention time.Duration // the same for sessions by id or name; 0 means never
	NoTitles       bool          // new sessions keep the platform's title
	TitlePrefix    string        // of the titles of new sessions
	KeepSideTasks  bool          // side tasks get ordinary sessions
}

// The defaults of Options.
const (
	defaultVerifyIdle = 10 * time.Minute
	defaultRetention  = 720 * time.Hour
)

// Engine runs the conversations of one account.
type Engine struct {
	opts      Options // with their defaults
	sessions  queue[int64]
	names     queue[NameKey]
	leases    leases
	pending   pendingWrites
	outage    outage
	texts     textLimit
	liveTurns sync.Map // Token -> *turn that runs in this process

	endedAnswers    endedAnswers
	unasked         unaskedTurns
	takenHere       sync.Map // session id -> Token of the turn in this process that has it
	cleanUpRequests chan struct{}
	lastFailure     atomic.Pointer[storeFailure]
	preset          atomic.Pointer[chat.Settings] // of the session whose settings were set last

	lifeCtx    context.Context // the parent of all turns
	cancelLife context.CancelCauseFunc
	inFlight   inflight.Counter // turns and background work
}

// New returns an engine. Run must be called: it extends the leases and runs the clean-up.
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
		opts: o, leases: leases{duration: o.Lease, isNeeded: o.Store.HasLeases()},
		cleanUpRequests: make(chan struct{}, 1), lifeCtx: life, cancelLife: end,
		texts:    textLimit{set: o.MaxText},
		sessions: queue[int64]{metrics: o.Metrics}, names: queue[NameKey]{metrics: o.Metrics},
	}
}

// Ask places a request. A request that was asked before is attached to its answer. Any other
// waits for its session, or gets a new one, and the session is set to what the request names. Ask
// does not send the question: that happens when the caller first asks for an event of the answer.
// The caller must range over Events or call Discard.
func (e *Engine) Ask(ctx context.Context, q Question) (*Answer, error) {
	if e.lifeCtx.Err() != nil {
		return nil, context.Cause(e.lifeCtx)
	}
	_ = e.retryPending(ctx) // when it fails, attachOrBegin fails too and reports that
	usual := readUsual(q.Request, e.opts.Host, e.opts.CallKey)
	turnRequest := TurnRequest{Retried: q.Request.Retried, Turn: StoredTurn{
		Token: newToken(), Caller: q.Request.Caller.ID, Request: fingerprint(q.Request, q.Choice, usual.split.whole),
		Key: keyHash(q.Request.IdempotencyKey, q.Choice),
	}}
	token, request := turnRequest.Turn.Token, turnRequest.Turn.Request
	keyed := q.Request.IdempotencyKey != ""
	found, asked, err := e.attachOrBegin(ctx, turnRequest)
	switch {
	case errors.Is(err, ErrKeyReused):
		return nil, keyMismatchError()
	case err != nil && ctx.Err() != nil:
		e.undoAttachOrBegin(turnRequest)
		return nil, context.Cause(ctx)
	case err != nil:
		e.storeFailed(ctx, telemetry.StoreRead, err)
		e.undoAttachOrBegin(turnRequest)
		if keyed { // the store does not say whether it was asked before
			return nil, storeUnavailableError(err)
		}
		token = newToken() // the old token may hold something, which undoAttachOrBegin releases
	case found.Turn != nil:
		return e.attach(ctx, q, found.Turn), nil
	}
	if !keyed && found.Interrupted == nil {
		if a := e.repeatEnded(ctx, q, request, found.Ended); a != nil {
			return a, nil
		}
	}
	t := e.newTurn(ctx, q, usual, token, request)
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
	e.opts.Logger.DebugContext(ctx, "placed", telemetry.KeySession, w.session, telemetry.KeyPlacement, w.placement,
		telemetry.KeyDuration, time.Since(t.started).Round(time.Microsecond))
	if keyed {
		t.publish()
	}
	return &Answer{ctx: ctx, turn: t}, nil
}

// Drain waits until no turn is running. It returns ctx's error when ctx ends first.
func (e *Engine) Drain(ctx context.Context) error { return e.inFlight.Wait(ctx) }

// Abort ends every turn, and every later one, with the given error.
func (e *Engine) Abort(cause *chat.Error) {
	e.cancelLife(cause)
	e.liveTurns.Range(func(_, t any) bool {
		t.(*turn).abort(cause)
		return true
	})
}

// Run extends leases, retries pending writes, expires what is old and runs the clean-up, until
// ctx ends.
func (e *Engine) Run(ctx context.Context) {
	beat := time.NewTicker(e.opts.Lease / 4)
	defer beat.Stop()
	expire := time.NewTicker(e.opts.Lease / 2)
	defer expire.Stop()
	e.outage.beat(e.opts.Lease / 4)
	var cleaner sync.WaitGroup
	cleaner.Go(func() { e.cleanUp(ctx) })
	for {
		var err error
		select {
		case <-ctx.Done():
			cleaner.Wait()
			e.flushOnExit(ctx)
			return
		case <-beat.C:
			e.outage.beat(e.opts.Lease / 4)
			err = e.recoverPanic(ctx, func() error {
				return errors.Join(e.leases.extend(ctx, e.opts.Store), e.retryPending(ctx))
			})
		case <-expire.C:
			err = e.recoverPanic(ctx, func() error { return e.expire(ctx) })
		}
		if err != nil && ctx.Err() == nil {
			e.storeFailed(ctx, telemetry.StoreLease, err)
		}
	}
}

// expire ends what has expired. It does not end leases soon after the store or this process was
// away, because the other processes could not extend theirs.
func (e *Engine) expire(ctx context.Context) error {
	e.endedAnswers.expire()
	if e.opts.Store.HasLeases() && !e.outage.isOver(e.opts.Lease) {
		return nil
	}
	dirty, err := e.opts.Store.ExpireLeases(ctx)
	if dirty > 0 {
		e.opts.Logger.WarnContext(ctx, "leases expired: a process died or was paused during these turns", telemetry.KeyCount, dirty)
	}
	return err
}

// turnEnded starts a clean-up when the turn leaves a throwaway session.
func (e *Engine) turnEnded(s *Session) {
	if s.Addressing == Throwaway {
		e.requestCleanUp()
	}
}

// storeFailure is the last failure of the store that was logged.
type storeFailure struct {
	at  time.Time
	err error
}

// failureLogInterval is the minimum time between two log messages about the store.
const failureLogInterval = 10 * time.Second

// storeFailed counts and logs a failure of the store.
func (e *Engine) storeFailed(ctx context.Context, op telemetry.StoreOperation, err error) {
	e.opts.Metrics.StoreFailed(op)
	e.outage.record()
	last := e.lastFailure.Load()
	now := time.Now()
	if last != nil && now.Sub(last.at) < failureLogInterval {
		return
	}
	if e.lastFailure.CompareAndSwap(last, &storeFailure{now, err}) {
		e.opts.Logger.ErrorContext(ctx, "the store is not available; transcripts are replayed into sessions that are not stored", telemetry.KeyError, err)
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
