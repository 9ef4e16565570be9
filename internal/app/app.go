// Package app builds the program from its settings, runs it and stops it. It is the only package that knows all other
// packages. It decides only the order in which they start and stop.
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
	"slices"
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

// abortTimeout is how long aborted answers have to send their error after the drain deadline.
const abortTimeout = 3 * time.Second

// Options are the inputs of an app other than its settings.
type Options struct {
	Demo    bool
	Version string
	Commit  string
	Stdout  io.Writer // the demo prints its hint here
	Logger  *slog.Logger
	Ready   func(address string) // called when the app serves; may be nil
}

// App is the whole program. New builds it, and Run runs it.
type App struct {
	settings *config.Settings
	opts     Options
	metrics  *telemetry.Metrics
	tracer   *telemetry.Tracer
	platform *platform.Client
	store    *store.Store
	files    *files
	engine   *conversation.Engine
	gateway  *gateway.Gateway
	listener net.Listener
	api      *httpapi.Server
	http     *http.Server
}

// Serve serves the API until ctx ends, and then drains.
func Serve(ctx context.Context, s *config.Settings, o Options) error {
	setMemoryLimit(o.Logger)
	setGCTarget()
	if o.Demo {
		return serveDemo(ctx, s, o)
	}
	a, err := New(ctx, s, o)
	if err != nil {
		return err
	}
	return a.Run(ctx)
}

// New builds the app and listens on its address. It does not serve requests yet.
func New(ctx context.Context, s *config.Settings, o Options) (*App, error) {
	keys, err := access.ParseKeys(s.APIKeys)
	if err != nil {
		return nil, &config.Error{Setting: "ACHUAN_API_KEYS", Problem: err.Error()}
	}
	metrics := telemetry.NewMetrics(telemetry.Build{Version: o.Version, Commit: o.Commit, Go: runtime.Version()})
	tracer, err := telemetry.NewTracer(ctx, telemetry.TraceOptions{
		URL: s.TracesURL, Version: o.Version, Logger: o.Logger,
	})
	if err != nil {
		return nil, &config.Error{Setting: "OTEL_EXPORTER_OTLP_ENDPOINT", Problem: err.Error()}
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.Listen)
	if err != nil {
		_ = tracer.Close(ctx) // there are no spans to send
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	host, account := accountOf(s)
	a := &App{settings: s, opts: o, metrics: metrics, tracer: tracer, listener: listener}
	if err := a.openClients(ctx, account); err != nil {
		_ = listener.Close() // no request was served
		return nil, err
	}
	client, accountStore, files := a.platform, a.store, a.files
	a.engine = conversation.New(conversation.Options{
		Platform: client, Store: accountStore, Renderer: gateway.Renderer{}, Host: host, CallKey: files.callKey,
		Logger: o.Logger, Metrics: metrics,
		Shared:     keys.Len() == 0 && !config.IsLoopback(s.Listen),
		VerifyIdle: s.VerifyIdle, Retention: s.SessionRetention, NamedRetention: s.NamedRetention,
		KeepSideTasks: !s.SideTasks, MaxText: s.MaxText,
		NoTitles: s.SessionTitles == config.TitlesOff, TitlePrefix: titlePrefix(s.SessionTitles),
	})
	metrics.SetSessions(a.countSessions)
	metrics.SetBlobBytes(files.used)
	a.gateway = gateway.New(gateway.Options{
		Conversations: a.engine, Models: client, ModelRules: modelRules(s), Links: client, Logger: o.Logger,
		EagerCalls: s.ToolStreaming == config.ToolStreamingEager,
		Pictures: gateway.PictureOutput{
			NoMarkdown: !slices.Contains(s.ImageOutput, config.ImageMarkdown),
			NoEvents:   !slices.Contains(s.ImageOutput, config.ImageList),
			Keep:       files.keeper(s),
		},
	})
	a.api = httpapi.New(httpapi.Options{
		Chat: httpapi.FromGateway(a.gateway), Sessions: a.gateway, Files: requestFiles{files.library},
		Responses: accountStore,
		Keys:      keys, Admin: access.NewAdminKey(s.AdminKey),
		Logger: o.Logger, Metrics: metrics, Tracer: tracer, Version: o.Version, Checks: a.readinessChecks,
		Listen: listener.Addr().String(), AllowAnonymous: s.AllowAnonymous, CORSOrigins: s.CORSOrigins,
		MaxBody: int64(s.MaxBody), BodyMemory: maxBodyMemory(),
		UserSessions: s.UserSessions == config.UserSessionsContinue, Audit: s.Audit == config.AuditHash,
	})
	a.http = httpapi.HTTPServer(a.api.Handler(), o.Logger)
	return a, nil
}

// openClients opens the store, the place for files and the client of the platform.
func (a *App) openClients(ctx context.Context, account string) (err error) {
	s, o := a.settings, a.opts
	if a.store, err = openStore(ctx, s.DatabaseURL, account, o.Logger); err != nil {
		return err
	}
	if a.files, err = openFiles(ctx, s, a.store, o.Logger); err != nil {
		return errors.Join(err, a.store.Close())
	}
	a.platform, err = platform.New(platform.Options{
		Files:          a.files.library,
		CompletionsURL: s.APIURL, JWT: s.JWT, Cookie: s.PlatformCookie,
		ConnectTimeout: s.ConnectTimeout, FirstEventTimeout: s.FirstEventTimeout, IdleTimeout: s.IdleTimeout,
		Logger: o.Logger, Metrics: a.metrics,
	})
	if err != nil {
		return errors.Join(&config.Error{Setting: "ACHUAN_API_URL", Problem: err.Error()}, a.store.Close())
	}
	return nil
}

// openStore opens the database and returns the store of an account. It warns if the database
// was emptied.
func openStore(ctx context.Context, url, account string, logger *slog.Logger) (*store.Store, error) {
	if store.WasEmptied(url) {
		logger.WarnContext(ctx, "the database file is empty: a new database without sessions is created; "+
			"to keep the old sessions, stop this server and restore a backup")
	}
	db, err := store.Open(ctx, store.Options{URL: url, Logger: logger})
	if err != nil {
		return nil, err
	}
	accountStore, err := db.Account(ctx, account)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return accountStore, nil
}

// Run serves until ctx ends, drains, and stops everything. It returns an error when the server cannot serve.
func (a *App) Run(ctx context.Context) error {
	defer a.closeClients()
	defer a.closeTracer()
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { a.gateway.Run(background) })
	running.Go(func() { a.engine.Run(background) })
	running.Go(func() { a.files.run(background) })
	running.Go(func() { runResponseCleanUp(background, a.store, a.settings.SessionRetention, a.opts.Logger) })
	running.Go(func() { runIdleMemory(background) })
	running.Go(func() { a.watchTokenFile(background) })
	a.reportTokenExpiry(a.settings.JWT)

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

// closeClients closes the store and the platform client. The store records that it was closed regularly.
func (a *App) closeClients() {
	if err := a.store.Close(); err != nil {
		a.opts.Logger.Error("closing the store failed", telemetry.KeyError, err)
	}
	a.platform.Close()
}

// drain refuses new requests and waits for the running answers until the drain deadline. Then it aborts the remaining
// answers with an error that their clients see, and closes the HTTP server.
func (a *App) drain() error {
	a.api.StartDraining()
	a.opts.Logger.Info("draining", telemetry.KeyDuration, a.settings.DrainTimeout)
	deadline, cancel := context.WithTimeout(context.Background(), a.settings.DrainTimeout)
	defer cancel()
	if a.waitIdle(deadline) != nil {
		a.opts.Logger.Warn("the drain deadline has passed; running answers are aborted")
		a.engine.Abort(&chat.Error{
			Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown, RetryAfter: time.Second,
			Message: "The server is shutting down; the answer ends here, unfinished.",
		})
		aborting, cancel := context.WithTimeout(context.Background(), abortTimeout)
		defer cancel()
		_ = a.waitIdle(aborting) // the connections of the rest are closed below
	}
	closing, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if a.http.Shutdown(closing) != nil {
		_ = a.http.Close() // close the connections that did not end
	}
	a.opts.Logger.Info("stopped")
	return nil
}

// waitIdle waits until no request and no turn is running, or until ctx ends.
func (a *App) waitIdle(ctx context.Context) error {
	if err := a.api.WaitIdle(ctx); err != nil {
		return err
	}
	return a.engine.Drain(ctx)
}

// closeTracer sends the last spans. A failure is only logged.
func (a *App) closeTracer() {
	ctx, cancel := context.WithTimeout(context.Background(), abortTimeout)
	defer cancel()
	if err := a.tracer.Close(ctx); err != nil {
		a.opts.Logger.Warn("the last traces could not be sent", telemetry.KeyError, err)
	}
}

// readinessChecks returns the checks in the body of /readyz.
func (a *App) readinessChecks(ctx context.Context) map[string]string {
	state := a.platform.State()
	checks := map[string]string{"platform": state.Platform, "account": string(state.Account), "store": "ok"}
	if err := a.store.Ping(ctx); err != nil {
		a.opts.Logger.WarnContext(ctx, "the store does not answer", telemetry.KeyError, err)
		checks["store"] = "unavailable"
	}
	return checks
}

// countSessions counts the sessions by state for the metrics. It returns nil when the store fails.
func (a *App) countSessions(ctx context.Context) map[string]int {
	counts, err := a.store.Counts(ctx)
	if err != nil {
		return nil
	}
	byState := make(map[string]int, len(counts))
	for state, n := range counts {
		byState[string(state)] = n
	}
	return byState
}

// reportTokenExpiry logs when a JWT expires, and sets the metric.
func (a *App) reportTokenExpiry(jwt string) {
	token, err := platform.ParseToken(jwt)
	switch {
	case err != nil:
		a.opts.Logger.Warn("ACHUAN_JWT is not a readable JWT; the platform will probably refuse it")
		return
	case token.Expires.IsZero():
		return
	case time.Now().After(token.Expires):
		a.opts.Logger.Error("ACHUAN_JWT has expired; log in on the platform's web page and set the new JWT",
			telemetry.KeyExpires, token.Expires)
	default:
		a.opts.Logger.Info("the account's JWT will expire", telemetry.KeyExpires, token.Expires)
	}
	a.metrics.AccountExpires(token.Expires)
}
