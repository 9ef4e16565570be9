package platform

import (
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// newTransport returns a transport that never sends a question twice. Go's transport repeats a
// request only if it can rewind the body, which it cannot if GetBody is nil, or if it has written
// nothing of the request. This one closes idle connections before the other side does, so that a
// question seldom meets a connection that is being closed.
func newTransport(connect time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    connect,
		ForceAttemptHTTP2:      true, // because a custom DialContext turns it off
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		// Each open stream has both buffers. Most questions and frames fit, and longer ones bypass them.
		ReadBufferSize:  2 << 10,
		WriteBufferSize: 2 << 10,
		// A dead connection that nobody closed would fail every question on it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// connTrace records how far a request got.
type connTrace struct {
	isWritten atomic.Bool // the headers may have reached the other side
	isReused  atomic.Bool // the connection had been idle before
}

// attach returns a context that keeps t up to date for a request.
func (t *connTrace) attach(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { t.isReused.Store(info.Reused) },
		// Called when the headers are ready and not flushed yet. Before that, no whole request can
		// have arrived.
		WroteHeaders: func() { t.isWritten.Store(true) },
	})
}
