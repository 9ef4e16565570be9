package conversation

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"achuan/internal/chat"
)

// outlives is how long a turn goes on after its client has left.
const outlives = 10 * time.Minute

// Options are what an Engine is made of.
type Options struct {
	Platform Platform
	// Render writes a message as the text that the model reads.
	Render func(chat.Message) string
	// Shared says that anonymous callers are different people on a network: an id
	// that achuan did not make then counts as lost instead of being tried.
	Shared bool
	Logger *slog.Logger
}

// Engine is the conversations of one account.
type Engine struct {
	Options
	known    *registry
	sessions queue[int64]
	names    queue[name]

	life context.Context // of all turns
	end  context.CancelCauseFunc
	work inFlight
}

// New returns an engine that knows no session yet.
func New(o Options) *Engine {
	life, end := context.WithCancelCause(context.Background())
	return &Engine{Options: o, known: newRegistry(), life: life, end: end}
}

// Ask places a request: it waits for the session, makes one where that is what
// the transcript asks for, and sets it to what the request names. The question
// itself is sent when the answer's events are first asked for. The answer must
// be used: its Events ranged over, or Discard called.
func (e *Engine) Ask(ctx context.Context, r *chat.Request) (*Answer, error) {
	t := e.newTurn(ctx, r)
	if err := t.place(); err != nil {
		t.end()
		return nil, err
	}
	return &Answer{turn: t}, nil
}

// Drain waits until no turn is running, or until ctx ends.
func (e *Engine) Drain(ctx context.Context) error { return e.work.wait(ctx) }

// Abort ends every turn with the given error, and those to come.
func (e *Engine) Abort(cause *chat.Error) { e.end(cause) }

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
