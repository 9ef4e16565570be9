// Package app builds the program from its settings, starts it and stops it. It is
// the only package that knows all the others; it holds no behaviour of its own
// beyond the order of things.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"achuan/internal/access"
	"achuan/internal/chat"
	"achuan/internal/config"
	"achuan/internal/conversation"
	"achuan/internal/gateway"
	"achuan/internal/httpapi"
	"achuan/internal/platform"
	"achuan/internal/store"
	"achuan/internal/telemetry"
)

// lastWords is how long answers that the drain deadline ended have to say so.
const lastWords = 3 * time.Second

// Options are what an app is given beside its settings.
type Options struct {
	Demo    bool
	Version string
	Commit  string
	Stdout  io.Writer // for the demo's hint
	Logger  *slog.Logger
	Ready   func(address string) // called once it serves; may be nil
}

// App is the program: everything built, nothing started.
type App struct {
	settings *config.Settings
	opts     Options
	metrics  *telemetry.Metrics
	tracer   *telemetry.Tracer
	platform *platform.Client
	store    *store.Store
	engine   *conversation.Engine
	gateway  *gateway.Gateway
	listener net.Listener
	api      *httpapi.Server
	http     *http.Server
}

// Serve serves the API until ctx ends, then drains.
func Serve(ctx context.Context, s *config.Settings, o Options) error {
	limitMemory(o.Logger)
	if o.Demo {
		return serveDemo(ctx, s, o)
	}
	a, err := New(ctx, s, o)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// New builds the app and listens on the address, but serves nothing yet.
func New(ctx context.Context, s *config.Settings, o Options) (*App, error) {
	keys, err := access.ParseKeys(s.APIKeys)
	if err != nil {
		return nil, &config.Error{Setting: "ACHUAN_API_KEYS", Problem: err.Error()}
	}
	metrics := telemetry.NewMetrics(telemetry.Build{Version: o.Version, Commit: o.Commit, Go: runtime.Version()})
	client, err := platform.New(platform.Options{
		CompletionsURL: s.APIURL, JWT: s.JWT, Cookie: s.PlatformCookie,
		ConnectTimeout: s.ConnectTimeout, FirstEventTimeout: s.FirstEventTimeout, IdleTimeout: s.IdleTimeout,
		Logger: o.Logger, Metrics: metrics,
	})
	if err != nil {
		return nil, &config.Error{Setting: "ACHUAN_API_URL", Problem: err.Error()}
	}
	tracer, err := telemetry.NewTracer(ctx, telemetry.TraceOptions{URL: s.TracesURL, Version: o.Version, Logger: o.Logger})
	if err != nil {
		return nil, &config.Error{Setting: "OTEL_EXPORTER_OTLP_ENDPOINT", Problem: err.Error()}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		_ = tracer.Close(ctx) // it has nothing to send
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	host, account := accountOf(s)
	if store.WasEmptied(s.DatabaseURL) {
		o.Logger.WarnContext(ctx, "an empty file stands where the database was: a new one is made, which knows no session; "+
			"to keep the old one, stop this server and restore a backup")
	}
	keep, err := store.Open(ctx, store.Options{URL: s.DatabaseURL, Account: account, Logger: o.Logger})
	if err != nil {
		_ = listener.Close() // nothing was served on it
		return nil, err
	}
	a := &App{settings: s, opts: o, metrics: metrics, tracer: tracer, platform: client, store: keep, listener: listener}
	a.engine = conversation.New(conversation.Options{
		Platform: client, Store: keep, Render: gateway.Render, Host: host, Logger: o.Logger, Metrics: metrics,
		Shared:     keys.Len() == 0 && !config.IsLoopback(s.Listen),
		VerifyIdle: s.VerifyIdle, Retention: s.SessionRetention, NamedRetention: s.NamedRetention, KeepSideTasks: !s.SideTasks,
	})
	metrics.SetSessions(a.countSessions)
	a.gateway = gateway.New(gateway.Options{
		Conversations: a.engine, Models: client, Logger: o.Logger,
		EagerCalls: s.ToolStreaming == config.ToolStreamingEager,
	})
	a.api = httpapi.New(httpapi.Options{
		Chat: httpapi.FromGateway(a.gateway), Sessions: a.gateway, Keys: keys, Admin: access.NewAdminKey(s.AdminKey),
		Logger: o.Logger, Metrics: metrics, Tracer: tracer, Version: o.Version, Checks: a.checks,
		Listen: listener.Addr().String(), AllowAnonymous: s.AllowAnonymous, CORSOrigins: s.CORSOrigins,
		MaxBody: int64(s.MaxBody), BodyMemory: bodyMemory(), UserSessions: s.UserSessions == config.UserSessionsContinue,
		Audit: s.Audit == config.AuditHash,
	})
	a.http = httpapi.HTTPServer(a.api.Handler(), o.Logger)
	return a, nil
}

// Run serves until ctx ends, lets what is under way finish, and stops.
func (a *App) Run(ctx context.Context) error {
	defer a.close()
	defer a.closeTracer()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { a.gateway.Run(background) })
	running.Go(func() { a.engine.Run(background) })
	a.checkToken()

	failed := make(chan error, 1)
	running.Go(func() {
		if err := a.http.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	a.api.SetReady()
	address := a.listener.Addr().String()
	a.opts.Logger.Info("serving", telemetry.KeyAddress, address, telemetry.KeyVersion, a.opts.Version)
	if a.opts.Ready != nil {
		a.opts.Ready(address)
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return a.drain()
	}
}

// close gives back what New took. That the store was closed well is recorded in it.
func (a *App) close() {
	if err := a.store.Close(); err != nil {
		a.opts.Logger.Error("the store was not closed well", telemetry.KeyError, err)
	}
	a.platform.Close()
}

// drain refuses new requests, waits for those under way to the deadline, ends
// what is left with an error that its clients see, and closes.
func (a *App) drain() error {
	a.api.StartDraining()
	a.opts.Logger.Info("draining", telemetry.KeyDuration, a.settings.DrainTimeout)
	deadline, cancel := context.WithTimeout(context.Background(), a.settings.DrainTimeout)
	defer cancel()
	if a.idle(deadline) != nil {
		a.opts.Logger.Warn("the drain deadline ended answers that were under way")
		a.engine.Abort(&chat.Error{
			Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown, RetryAfter: time.Second,
			Message: "The server is shutting down; the answer ends here, unfinished.",
		})
		last, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		_ = a.idle(last) // what does not end now is closed
	}
	closing, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if a.http.Shutdown(closing) != nil {
		_ = a.http.Close() // connections that would not end
	}
	a.opts.Logger.Info("stopped")
	return nil
}

// idle waits until no request and no turn is left.
func (a *App) idle(ctx context.Context) error {
	if err := a.api.WaitIdle(ctx); err != nil {
		return err
	}
	return a.engine.Drain(ctx)
}

// closeTracer sends the last spans, unless the collector is away.
func (a *App) closeTracer() {
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	if err := a.tracer.Close(ctx); err != nil {
		a.opts.Logger.Warn("the last traces could not be sent", telemetry.KeyError, err)
	}
}

// checks are what /readyz tells beside its status.
func (a *App) checks(ctx context.Context) map[string]string {
	state := a.platform.State()
	found := map[string]string{"platform": state.Platform, "account": string(state.Account), "store": "ok"}
	if err := a.store.Ping(ctx); err != nil {
		a.opts.Logger.WarnContext(ctx, "the store does not answer", telemetry.KeyError, err)
		found["store"] = "unavailable"
	}
	return found
}

// checkToken says in the log what the JWT tells of itself.
func (a *App) checkToken() {
	token, err := platform.ParseToken(a.settings.JWT)
	switch {
	case err != nil:
		a.opts.Logger.Warn("ACHUAN_JWT is not a readable JWT; the platform will probably refuse it")
		return
	case token.Expires.IsZero():
		return
	case time.Now().After(token.Expires):
		a.opts.Logger.Error("ACHUAN_JWT has run out; log in on the platform's web page and set the new one", telemetry.KeyExpires, token.Expires)
	default:
		a.opts.Logger.Info("account", telemetry.KeyExpires, token.Expires)
	}
	a.metrics.AccountExpires(token.Expires)
}
