package httpapi

import (
	"context"
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// requestState is what becomes known of one request while it is served. It is filled
// in by whoever knows, and read by the access log at the end. Only the goroutine
// that serves the request touches it.
type requestState struct {
	start        time.Time
	bodyRead     time.Time // when the body was there; zero before
	span         *telemetry.Span
	route        string // path pattern; "" before the mux has found one
	isProbe      bool
	caller       chat.Caller // zero before a key was looked at
	memory       *lease      // of the body and what is made of it
	cost         bodyCost
	bodyHash     string // SHA-256 of the body, in hex; "" unless it is wanted
	model        string
	isStream     bool
	session      int64 // 0: none
	placement    chat.Placement
	firstEvent   time.Duration // from start; 0: there was none
	usage        chat.Usage
	err          *chat.Error // how it failed, also when the status had already left
	isClientGone bool        // the client did not wait for the end
}

type stateKey struct{}

// withState returns r with x in its context.
func withState(r *http.Request, x *requestState) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), stateKey{}, x))
}

// stateOf returns the request's exchange. A request that did not come through
// accessLog has an empty one of its own.
func stateOf(r *http.Request) *requestState {
	if x, ok := r.Context().Value(stateKey{}).(*requestState); ok {
		return x
	}
	return &requestState{start: time.Now()}
}

// setPlacement notes where an answer comes from.
func (x *requestState) setPlacement(a Answer) {
	x.session, x.placement = a.Session(), a.Placement()
	x.span.SetPlacement(x.session, string(x.placement))
}

// addEvent notes what an event tells about the whole: the time of the first, and
// the usage of each choice.
func (x *requestState) addEvent(ev chat.Event) {
	if x.firstEvent == 0 {
		x.memory.shrink(x.cost.answering)
		x.firstEvent = max(time.Since(x.start), 1)
	}
	if ev.Kind == chat.EventDone {
		x.usage = x.usage.Plus(ev.Usage)
	}
}

// releaseMemory gives back the memory of a request whose handler ends. A turn that goes on
// without its client holds what it needs.
func (x *requestState) releaseMemory() {
	x.memory.shrink(x.cost.answering)
	x.memory.release()
}

// requestIDOf returns the id that the requestID middleware gave.
func requestIDOf(r *http.Request) string { return telemetry.RequestID(r.Context()) }
