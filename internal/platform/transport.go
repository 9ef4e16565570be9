package platform

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// newTransport returns a transport that never sends a question twice. Go's own
// repeats a request on its own account only when it may rewind the body, which it
// can't where GetBody is nil, or when nothing of the request has been written. It
// drops idle connections before the other side does, so that a question seldom
// meets one that is being closed.
func newTransport(connect time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    connect,
		ForceAttemptHTTP2:      true, // a DialContext of one's own turns it off
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		// A connection that went dead without a word would take every question
		// that is sent over it with it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// keepRedirect has a redirect returned as the reply: a question must not go to
// where nobody configured it to go, nor the token.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// connTrace says how far a request got.
type connTrace struct {
	isWritten atomic.Bool // its headers may have reached the other side
	isReused  atomic.Bool // it went over a connection that had been idle
}

// attach returns ctx with d kept up to date for the request made with it.
func (t *connTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { t.isReused.Store(info.Reused) },
		// Called when the headers have been formed, before they are flushed: until
		// then no whole request can have arrived.
		WroteHeaders: func() { t.isWritten.Store(true) },
	})
}
