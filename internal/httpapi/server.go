package httpapi

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"achuan/internal/access"
	"achuan/internal/inflight"
	"achuan/internal/telemetry"
)

// Options are the parts and settings of a Server. Chat, Sessions, Files and Logger are required.
type Options struct {
	Chat     Chat
	Sessions Sessions
	Files    Files
	// Responses stores the answers of the Responses API; nil stores none.
	Responses Responses
	Keys      *access.Keys     // nil or empty: every request is chat.Anonymous
	Admin     *access.AdminKey // nil: there is no administrator
	Logger    *slog.Logger
	Metrics   *telemetry.Metrics // nil: nothing is counted, and /metrics is empty
	Tracer    *telemetry.Tracer  // nil: nothing is traced
	Version   string             // of the program

	// Listen is the address of the server, host:port. Without keys, requests may use its
	// host.
	Listen string
	// AllowAnonymous says that a server without keys is open to a network.
	AllowAnonymous bool
	// CORSOrigins are the browser origins (scheme://host[:port]) that may read answers; "*"
	// is every origin. A server without keys refuses "*" all the same.
	CORSOrigins []string
	// MaxBody is the size of a request body in bytes; 0 is 32 MiB.
	MaxBody int64
	// BodyMemory is the memory in bytes that the bodies of all requests in flight may take,
	// with what is made of them and with their answers; 0 is no limit.
	BodyMemory int64
	// UserSessions makes `user` the name of a session. Otherwise it is only a label.
	UserSessions bool
	// Audit adds the SHA-256 of each body to the log line of its request.
	Audit bool
	// Checks returns named findings for the body of /readyz, such as the state of the
	// platform. They never decide on its status. May be nil.
	Checks func(ctx context.Context) map[string]string

	HeaderWait   time.Duration // how long the headers of a stream wait for the first event; 0 is 10 s
	KeepAlive    time.Duration // silence after which a comment is sent; 0 is 15 s
	WriteTimeout time.Duration // of one write; 0 is 30 s
	BodyTimeout  time.Duration // of the silence within a body; 0 is 30 s
}

// withDefaults returns o with the defaults in place of zeros.
func (o Options) withDefaults() Options {
	o.MaxBody = cmp.Or(o.MaxBody, 32<<20)
	o.HeaderWait = cmp.Or(o.HeaderWait, 10*time.Second)
	o.KeepAlive = cmp.Or(o.KeepAlive, 15*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 30*time.Second)
	o.BodyTimeout = cmp.Or(o.BodyTimeout, 30*time.Second)
	return o
}

// Server serves the API. Its methods and its Handler are safe for concurrent use.
type Server struct {
	opts     Options
	origins  originSet
	handler  http.Handler
	ready    atomic.Bool
	draining atomic.Bool
	inFlight inflight.Counter // requests to the API
	budget   *budget          // of bodies
	// conversations are those that a request continues or changes.
	conversations locks
}

// New returns a server that serves, but is not ready: /readyz answers 503 until SetReady.
func New(o Options) *Server {
	s := &Server{opts: o.withDefaults(), origins: newOriginSet(o.CORSOrigins), budget: newBudget(o.BodyMemory)}
	o.Metrics.SetReady(func() bool { return s.ready.Load() && !s.draining.Load() })
	s.handler = s.routes()
	return s
}

// Handler returns the handler of every route, with all middleware.
func (s *Server) Handler() http.Handler { return s.handler }

// SetReady makes /readyz answer 200.
func (s *Server) SetReady() { s.ready.Store(true) }

// StartDraining makes /readyz answer 503, and every new request to the API 503
// shutting_down. Requests in flight continue.
func (s *Server) StartDraining() { s.draining.Store(true) }

// WaitIdle waits until no request to the API is in flight, or returns the error of ctx
// when it ends first. Call it after StartDraining: before, new requests may come at any
// time.
func (s *Server) WaitIdle(ctx context.Context) error { return s.inFlight.Wait(ctx) }
