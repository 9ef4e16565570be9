package conversation_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/platform"
	"achuan/internal/postgrestest"
	"achuan/internal/simulator"
	"achuan/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	model      = "gpt-5.1-high"
	otherModel = "gemini-3-pro-preview"
	foreignID  = 777777777 // no session has this id
)

var (
	alice = chat.Caller{ID: strings.Repeat("a", 64), Name: "alice"}
	bob   = chat.Caller{ID: strings.Repeat("b", 64), Name: "bob"}
)

// plainRenderer writes messages as their texts, and files as lines with their names.
type plainRenderer struct{}

func (plainRenderer) Render(m chat.Message) chat.Content {
	text := m.Text
	for _, f := range m.Files {
		text += "\n" + f.Name
	}
	return chat.Content{Text: text, Files: m.Files}
}

// site is an engine whose platform is a simulator behind a real server.
type site struct {
	t      *testing.T
	sim    *simulator.Simulator
	engine *conversation.Engine
	files  *testFiles

	options conversation.Options
	url     string              // of the store
	account string              // in the store
	schema  postgrestest.Schema // of the store, if it is in PostgreSQL
	keep    *store.Store
	flaky   *flaky
	dead    []*flaky     // the stores of processes that are dead when their leases expire
	clock   atomic.Int64 // how far the clock of the store and the platform is ahead, in nanoseconds
	stop    func()       // stops what the engine does in the background
	close   func()
}

func newSite(t *testing.T, o simulator.Options, shared bool) *site {
	t.Helper()
	return newLeasedSite(t, o, shared, conversation.DefaultLease)
}

func newLeasedSite(t *testing.T, o simulator.Options, shared bool, lease time.Duration) *site {
	t.Helper()
	return siteOn(t, "sqlite::memory:", o, shared, lease)
}

// fileSite is plainSite with a store in a file, so that it survives the process.
func fileSite(t *testing.T) *site {
	t.Helper()
	return siteOn(t, "sqlite:"+filepath.Join(t.TempDir(), "achuan.db"), simulator.Options{}, false, conversation.DefaultLease)
}

// siteOn returns a site whose store is at a URL.
func siteOn(t *testing.T, url string, o simulator.Options, shared bool, lease time.Duration) *site {
	t.Helper()
	return siteOf(t, "test", url, o, shared, lease)
}

// siteOf is siteOn for an account.
func siteOf(t *testing.T, account, url string, o simulator.Options, shared bool, lease time.Duration) *site {
	t.Helper()
	s, closePlatform := newPlatform(t, o)
	s.url, s.account, s.options.Shared, s.options.Lease = url, account, shared, lease
	s.open()
	s.start()
	s.close = sync.OnceFunc(func() {
		s.sim.Close()
		s.drain()
		s.stop()
		closePlatform()
		if err := s.keep.Close(); err != nil {
			t.Errorf("Close() of the store = %v, want nil", err)
		}
	})
	t.Cleanup(s.close)
	return s
}

// open opens the store.
func (s *site) open() {
	s.t.Helper()
	ctx := context.WithoutCancel(s.t.Context())
	db, err := store.Open(ctx, store.Options{
		URL: s.url, Lease: s.options.Lease,
		Now: s.now,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	keep, err := db.Account(ctx, s.account)
	if err != nil {
		s.t.Fatal(err)
	}
	s.keep, s.flaky = keep, &flaky{Store: keep}
	s.options.Store = s.flaky
}

// now returns the time of the store and of the platform.
func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) }

// tokenLife is long, because tests set the clock far ahead.
const tokenLife = 365 * 24 * time.Hour

// newPlatform returns a site without a store and an engine.
func newPlatform(t *testing.T, o simulator.Options) (s *site, closePlatform func()) {
	t.Helper()
	s = &site{t: t, files: &testFiles{}}
	if o.Now == nil {
		o.Now = s.now
	}
	s.sim = simulator.New(o)
	srv := httptest.NewServer(s.sim)
	client, err := platform.New(platform.Options{
		CompletionsURL: srv.URL + "/api/chat/completions", Files: s.files,
		JWT: simulator.NewToken(simulator.DefaultUser, time.Now(), tokenLife),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.options = conversation.Options{
		Platform: client, Host: "test", Logger: slog.New(slog.DiscardHandler), Renderer: plainRenderer{},
	}
	return s, func() {
		s.sim.Close()
		client.Close()
		srv.Close()
	}
}

// restart ends the engine with its turns, and starts another engine on the same store.
func (s *site) restart() {
	s.engine.Abort(&chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown})
	s.drain()
	s.stop()
	s.start()
}

// start creates an engine and runs it.
func (s *site) start() {
	s.engine = conversation.New(s.options)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.engine.Run(ctx) })
	s.stop = func() { cancel(); running.Wait() }
}

// unverify makes all heads of the store unverified, and lets the longest turn pass.
func (s *site) unverify() {
	s.t.Helper()
	if err := s.keep.MarkUnverified(context.WithoutCancel(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
	s.clock.Add(int64(conversation.MaxTurn))
}

// plainSite is newSite with the usual options.
func plainSite(t *testing.T) *site {
	t.Helper()
	return newSite(t, simulator.Options{}, false)
}

// holdCall holds the next call of a route until proceed is called. It closes arrived when the call arrives.
func (s *site) holdCall(route simulator.Route) (arrived <-chan struct{}, proceed func()) {
	in, gate := make(chan struct{}), make(chan struct{})
	s.sim.InterceptOnce(route, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		close(in)
		<-gate
		usual(w, r)
	})
	return in, func() { close(gate) }
}

// await waits for a condition on the simulator.
func (s *site) await(cond func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if err := s.sim.Await(ctx, cond); err != nil {
		s.t.Fatalf("Await(…) = %v, want the condition to become true", err)
	}
}

// drain waits until no turn is running, also while the test is being cleaned up.
func (s *site) drain() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 10*time.Second)
	defer cancel()
	if err := s.engine.Drain(ctx); err != nil {
		s.t.Errorf("Drain(…) = %v, want nil", err)
	}
}
