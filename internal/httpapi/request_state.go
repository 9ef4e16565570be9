package httpapi

import (
	"context"
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/dialect"
	"achuan/internal/telemetry"
)

// requestState is what is known of one request while the server serves it. Handlers and
// middleware fill it in, and the access log reads it at the end. Only the goroutine that
// serves the request uses it.
type requestState struct {
	start    time.Time
	bodyRead time.Time // when the whole body was read; zero before
	span     *telemetry.Span
	dialect  dialect.Dialect
	route    string // path pattern; "" before the mux has found the route
	isProbe  bool
	caller   chat.Caller // zero before authentication
	memory   *lease      // of the body and of what is made of it
	cost     bodyCost
	// releaseFiles forgets the files of the body; nil if it was not looked for any.
	releaseFiles func()
	// unlock releases the conversation that the request continues; nil for none.
	unlock     func()
	bodyHash   string // SHA-256 of the body, in hex; "" unless the log shows it
	model      string
	isStream   bool
	session    int64 // 0: none
	placement  chat.Placement
	firstEvent time.Duration // from start; 0: there was none
	usage      chat.Usage
	err        *chat.Error // also an error after the status was sent
	// isClientGone says that the client left before the end.
	isClientGone bool
}

type stateKey struct{}

// withState returns r with x in its context.
func withState(r *http.Request, x *requestState) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), stateKey{}, x))
}

// stateOf returns the state of a request. A request that did not pass accessLog gets an
// empty one.
func stateOf(r *http.Request) *requestState {
	if x, ok := r.Context().Value(stateKey{}).(*requestState); ok {
		return x
	}
	return &requestState{start: time.Now(), dialect: defaultDialect}
}

// unlockConversation lets the next request continue the conversation.
func (x *requestState) unlockConversation() {
	if x.unlock != nil {
		x.unlock()
		x.unlock = nil
	}
}

// setPlacement records where an answer comes from.
func (x *requestState) setPlacement(a Answer) {
	x.session, x.placement = a.Session(), a.Placement()
	x.span.SetPlacement(x.session, string(x.placement))
}

// addEvent records the time of the first event and the usage of each choice.
func (x *requestState) addEvent(ev chat.Event) {
	if x.firstEvent == 0 {
		x.memory.shrink(x.cost.answering)
		x.firstEvent = max(time.Since(x.start), 1)
	}
	if ev.Kind == chat.EventDone {
		x.usage = x.usage.Plus(ev.Usage)
	}
}

// releaseMemory releases the memory of a request whose handler ends. A turn that continues
// without its client holds what it needs.
func (x *requestState) releaseMemory() {
	x.memory.shrink(x.cost.answering)
	x.memory.release()
	if x.releaseFiles != nil {
		x.releaseFiles()
	}
}

// requestIDOf returns the id that the requestID middleware set.
func requestIDOf(r *http.Request) string { return telemetry.RequestID(r.Context()) }
