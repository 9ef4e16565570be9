package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"achuan/internal/access"
	"achuan/internal/telemetry"
)

// Options are what a Server is made of. Chat, Sessions and Logger are required.
type Options struct {
	Chat     Chat
	Sessions Sessions
	Keys     *access.Keys     // nil or empty: keyless, every request is chat.Anonymous
	Admin    *access.AdminKey // nil: nobody is the administrator
	Logger   *slog.Logger
	Metrics  *telemetry.Metrics // nil: nothing is counted, and /metrics is empty
	Tracer   *telemetry.Tracer  // nil: nothing is traced
	Version  string             // of the program

	// Listen is the address listened on, host:port. Keyless, its host is one that
	// requests may be addressed to.
	Listen string
	// AllowAnonymous says that keyless serving is open to a network.
	AllowAnonymous bool
	// CORSOrigins are the browser origins (scheme://host[:port]) that may read
	// answers; "*" is every origin, which keyless serving refuses all the same.
	CORSOrigins []string
	// MaxBody is the most bytes a request's body may have; 0 is 32 MiB.
	MaxBody int64
	// BodyMemory is the most memory in bytes that the bodies of all requests in flight
	// may take, with what is made of them; 0 is no bound.
	BodyMemory int64
	// UserSessions makes `user` the name of a session; off, it is a mere label.
	UserSessions bool
	// Audit puts the SHA-256 of each body into its request's log line.
	Audit bool
	// Checks are the named findings in the body of /readyz, such as the
	// platform's state. They never decide its status. May be nil.
	Checks func(ctx context.Context) map[string]string

	HeaderWait   time.Duration // longest wait of a stream's headers for the first event; 0 is 10 s
	KeepAlive    time.Duration // silence after which a comment is sent; 0 is 15 s
	WriteTimeout time.Duration // longest that one write may take; 0 is 30 s
	BodyTimeout  time.Duration // longest silence of a sender within a body; 0 is 30 s
}

// withDefaults returns o with its zeros filled in.
func (o Options) withDefaults() Options {
	o.MaxBody = cmp.Or(o.MaxBody, 32<<20)
	o.HeaderWait = cmp.Or(o.HeaderWait, 10*time.Second)
	o.KeepAlive = cmp.Or(o.KeepAlive, 15*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 30*time.Second)
	return o
}

// Server serves the API. Its Handler is safe for concurrent use, as are all its
// methods.
type Server struct {
	opts     Options
	origins  originSet
	handler  http.Handler
	ready    atomic.Bool
	draining atomic.Bool
	inFlight requestCounter
	budget   *budget // of bodies
}

// New returns a server that is not ready yet: it serves, but /readyz says no
// until SetReady.
func New(o Options) *Server {
	s := &Server{opts: o.withDefaults(), origins: newOriginSet(o.CORSOrigins), budget: newBudget(o.BodyMemory)}
	s.inFlight.idle = make(chan struct{}, 1)
	o.Metrics.SetReady(func() bool { return s.ready.Load() && !s.draining.Load() })
	s.handler = s.routes()
	return s
}

// Handler serves every route, with all middleware around it.
func (s *Server) Handler() http.Handler { return s.handler }

// SetReady makes /readyz answer 200.
func (s *Server) SetReady() { s.ready.Store(true) }

// StartDraining makes /readyz answer 503 and every new request to the API 503
// shutting_down. Requests in flight go on.
func (s *Server) StartDraining() { s.draining.Store(true) }

// WaitIdle waits until no request to the API is in flight, or until ctx ends,
// whose error it then returns. It is meant for after StartDraining: before, new
// requests may come at any time.
func (s *Server) WaitIdle(ctx context.Context) error { return s.inFlight.wait(ctx) }
