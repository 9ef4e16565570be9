package conversation_test

import (
	"context"
	"log/slog"
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
	"achuan/internal/simulator"
	"achuan/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	model      = "gpt-5.1-high"
	otherModel = "gemini-3-pro-preview"
	foreignID  = 777777777 // no session has it
)

var (
	alice = chat.Caller{ID: strings.Repeat("a", 64), Name: "alice"}
	bob   = chat.Caller{ID: strings.Repeat("b", 64), Name: "bob"}
)

// site is an engine whose platform is a simulator behind a real server.
type site struct {
	t      *testing.T
	sim    *simulator.Simulator
	engine *conversation.Engine

	options conversation.Options
	url     string // of the store
	account string // in the store
	keep    *store.Store
	flaky   *flaky
	clock   atomic.Int64 // how far the store's clock is ahead, in nanoseconds
	stop    func()       // what the engine does in the background
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

// fileSite is plainSite with a store that outlives the process.
func fileSite(t *testing.T) *site {
	t.Helper()
	return siteOn(t, "sqlite:"+filepath.Join(t.TempDir(), "achuan.db"), simulator.Options{}, false, conversation.DefaultLease)
}

// siteOn is a site whose store is at a URL.
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
			t.Errorf("store: %v", err)
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
		Now: func() time.Time { return time.Now().Add(time.Duration(s.clock.Load())) },
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

// newPlatform is a site without a store and an engine.
func newPlatform(t *testing.T, o simulator.Options) (s *site, closePlatform func()) {
	t.Helper()
	s = &site{t: t, sim: simulator.New(o)}
	srv := httptest.NewServer(s.sim)
	client, err := platform.New(platform.Options{
		CompletionsURL: srv.URL + "/api/chat/completions",
		JWT:            simulator.NewToken(simulator.DefaultUser, time.Now(), time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.options = conversation.Options{
		Platform: client, Host: "test", Logger: slog.New(slog.DiscardHandler), Render: func(m chat.Message) string { return m.Text },
	}
	return s, func() {
		s.sim.Close()
		client.Close()
		srv.Close()
	}
}

// restart ends the engine, its turns with it, and starts another on the same store.
func (s *site) restart() {
	s.engine.Abort(&chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown})
	s.drain()
	s.stop()
	s.start()
}

// start makes an engine and runs it.
func (s *site) start() {
	s.engine = conversation.New(s.options)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.engine.Run(ctx) })
	s.stop = func() { cancel(); running.Wait() }
}

// unverify makes the store doubt its heads, as a while after it lost something.
func (s *site) unverify() {
	s.t.Helper()
	if err := s.keep.MarkUnverified(context.WithoutCancel(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
	s.clock.Add(int64(conversation.MaxTurn))
}

// plainSite is newSite with nothing out of the ordinary.
func plainSite(t *testing.T) *site {
	t.Helper()
	return newSite(t, simulator.Options{}, false)
}

// result is a whole answer.
type result struct {
	session   int64
	placement chat.Placement
	text      string
}

// finish ranges over an answer's events to their end.
func finish(a *conversation.Answer) (result, error) {
	var b strings.Builder
	for ev, err := range a.Events() {
		if err != nil {
			return result{a.Session(), a.Placement(), b.String()}, err
		}
		if ev.Kind == chat.EventText {
			b.WriteString(ev.Text)
		}
	}
	return result{a.Session(), a.Placement(), b.String()}, nil
}

// place places a request, as the gateway does.
func (s *site) place(ctx context.Context, r *chat.Request) (*conversation.Answer, error) {
	return s.engine.Ask(ctx, conversation.Question{Request: r, Prompt: r.System()})
}

// try asks and reads the whole answer.
func (s *site) try(ctx context.Context, r *chat.Request) (result, error) {
	a, err := s.place(ctx, r)
	if err != nil {
		return result{}, err
	}
	return finish(a)
}

// ask is try for what must succeed.
func (s *site) ask(r *chat.Request) result {
	s.t.Helper()
	got, err := s.try(s.t.Context(), r)
	if err != nil {
		s.t.Fatalf("ask: %v", err)
	}
	return got
}

// refused is try for what must fail with that code.
func (s *site) refused(r *chat.Request, want chat.Code) chat.Error {
	s.t.Helper()
	got, err := s.try(s.t.Context(), r)
	if err == nil {
		s.t.Fatalf("got %+v, want %s", got, want)
	}
	e := chat.AsError(err)
	if e.Code != want {
		s.t.Fatalf("got %v, want %s", err, want)
	}
	return *e
}

// begin places a request, whose question its answer's events send.
func (s *site) begin(r *chat.Request) *conversation.Answer {
	s.t.Helper()
	a, err := s.place(s.t.Context(), r)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// last is the newest question that reached the model.
func (s *site) last() simulator.Turn {
	s.t.Helper()
	turns := s.sim.Turns()
	if len(turns) == 0 {
		s.t.Fatal("nothing reached the model")
	}
	return turns[len(turns)-1]
}

// await waits for a condition on the simulator.
func (s *site) await(cond func() bool) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	if err := s.sim.Await(ctx, cond); err != nil {
		s.t.Fatalf("await: %v", err)
	}
}

// drain waits until no turn is running, also while the test is being cleaned up.
func (s *site) drain() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), 10*time.Second)
	defer cancel()
	if err := s.engine.Drain(ctx); err != nil {
		s.t.Errorf("drain: %v", err)
	}
}

// expect compares where an answer came from and what the model was asked there.
func (s *site) expect(got result, session int64, p chat.Placement, asked string) {
	s.t.Helper()
	if got.session != session || got.placement != p {
		s.t.Errorf("%s in session %d, want %s in %d", got.placement, got.session, p, session)
	}
	turn := s.last()
	if turn.SessionID != session || turn.Text != asked {
		s.t.Errorf("session %d was asked %q, want %d and %q", turn.SessionID, turn.Text, session, asked)
	}
}

// saw checks that the newest question holds the texts, in this order.
func (s *site) saw(texts ...string) {
	s.t.Helper()
	rest := s.last().Text
	for _, text := range texts {
		_, after, found := strings.Cut(rest, text)
		if !found {
			s.t.Errorf("%q is missing or out of order in %q", text, s.last().Text)
			return
		}
		rest = after
	}
}

// fresh checks that an answer came from a session that is none of the old ones.
func (s *site) fresh(got result, p chat.Placement, old ...int64) {
	s.t.Helper()
	if got.placement != p {
		s.t.Errorf("placed %s, want %s", got.placement, p)
	}
	for _, id := range old {
		if got.session == id {
			s.t.Errorf("went on in session %d", id)
		}
	}
	if asked := s.last().SessionID; asked != got.session {
		s.t.Errorf("said session %d, asked %d", got.session, asked)
	}
}

func user(text string) chat.Message      { return chat.Message{Role: chat.RoleUser, Text: text} }
func assistant(text string) chat.Message { return chat.Message{Role: chat.RoleAssistant, Text: text} }
func system(text string) chat.Message    { return chat.Message{Role: chat.RoleSystem, Text: text} }

// whole is a request that its transcript alone places.
func whole(c chat.Caller, messages ...chat.Message) *chat.Request {
	return &chat.Request{Caller: c, Model: model, Messages: messages, N: 1}
}

func byID(c chat.Caller, id int64, messages ...chat.Message) *chat.Request {
	r := whole(c, messages...)
	r.Session.ID = id
	return r
}

func byName(c chat.Caller, name string, messages ...chat.Message) *chat.Request {
	r := whole(c, messages...)
	r.Session.Name = name
	return r
}
