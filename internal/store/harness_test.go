package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"path/filepath"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const (
	testAccount = "host.test 42"
	testLease   = time.Minute
)

// world is one database, which several replicas may open where its kind allows it.
type world struct {
	url string
	// pass lets time go by for the store.
	pass func(t *testing.T, d time.Duration)
	now  func() time.Time // of SQLite
}

// worlds makes a new database of each kind.
var worlds = map[string]func(t *testing.T) world{
	"sqlite file":   func(t *testing.T) world { return sqliteWorld("sqlite:" + filepath.Join(t.TempDir(), "achuan.db")) },
	"sqlite memory": func(*testing.T) world { return sqliteWorld("sqlite::memory:") },
	"postgres":      func(t *testing.T) world { return postgresWorld(t) },
}

func sqliteWorld(url string) world {
	var passed atomic.Int64
	return world{
		url:  url,
		pass: func(_ *testing.T, d time.Duration) { passed.Add(int64(d)) },
		now:  func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
	}
}

// open opens the store, for the account of all tests or for another.
func (w world) open(t testing.TB, account ...string) *Store {
	t.Helper()
	o := Options{URL: w.url, Account: testAccount, Lease: testLease, Now: w.now}
	if len(account) > 0 {
		o.Account = account[0]
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { check(t, s.Close()) })
	return s
}

// everywhere runs a test on every kind of store.
func everywhere(t *testing.T, f func(t *testing.T, w world, s *Store)) {
	t.Helper()
	for name, make := range worlds {
		t.Run(name, func(t *testing.T) {
			w := make(t)
			f(t, w, w.open(t))
		})
	}
}

// withLeases runs a test on the stores that several processes may use.
func withLeases(t *testing.T, f func(t *testing.T, w world, s *Store)) {
	t.Helper()
	w := postgresWorld(t)
	f(t, w, w.open(t))
}

// replace lets a session take the place of another, both of which a token holds.
func replace(ctx context.Context, s *Store, tok conversation.Token, old int64, state conversation.State, next conversation.Session, alias bool) error {
	return s.Save(ctx, conversation.Commit{
		Token: tok, Session: next, Replaces: &conversation.Replacement{Old: old, State: state, Alias: alias},
	})
}

func hash(text string) conversation.Hash { return sha256.Sum256([]byte(text)) }

func token(n int) (t conversation.Token) {
	binary.BigEndian.PutUint64(t[8:], uint64(n))
	t[0] = 1
	return t
}

// check fails the test for any error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns a value that came without an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		check(t, err)
		return v
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func same(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.FilterPath(ofTaking, cmp.Ignore())); diff != "" {
		t.Fatalf("got + , want -:\n%s", diff)
	}
}

// ofTaking selects the fields of a session that a taking writes with values of its own.
func ofTaking(p cmp.Path) bool {
	return p.Last().String() == ".Turn" && p.Index(-2).Type() == reflect.TypeFor[conversation.Session]() || p.Last().String() == ".Taken"
}

// newestInTests is the version of the schema.
const newestInTests = 2

// moment0 is when the tests' sessions were made.
var moment0 = time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)

// sample is a session with something in every field.
func sample(id int64, head string) conversation.Session {
	return conversation.Session{
		ID: id, Caller: "alice", Made: true, Addressing: conversation.ByLineage, Name: "na\x00me\xff",
		State: conversation.StateFree, Head: hash(head), Verified: true, Exchanges: 3, Turns: 2, LastExchange: hash("last"),
		Preset:        chat.Settings{Model: "m", ContextCount: 10},
		Settings:      chat.Settings{Model: "m", Prompt: "be\x00brief \"<&>\" é", Temperature: 0.7, MaxTokens: 9, ContextCount: 65},
		SettingsKnown: true, Object: []byte(`{"id":1,"name":"新对话"}`), Created: moment0, LastUsed: moment0.Add(time.Minute),
	}
}

// put stores a session as it is to be, free unless it says otherwise.
func put(t testing.TB, s *Store, n conversation.Session) {
	t.Helper()
	tok := token(int(n.ID) + 1<<40)
	fresh := n
	fresh.Head = conversation.Hash{}
	check(t, s.Create(t.Context(), fresh, conversation.Taking{Token: tok}))
	check(t, s.Save(t.Context(), conversation.Commit{Token: tok, Session: n}))
}

func claim(head string, n int) conversation.HeadQuery {
	return conversation.HeadQuery{Caller: "alice", Head: hash(head), Taking: taking(n), Prefer: sample(0, "").Settings}
}

func session(t testing.TB, s *Store, id int64) conversation.Session {
	t.Helper()
	found, err := s.Session(t.Context(), conversation.Everyone(), id)
	check(t, err)
	return *found
}

// crowd runs n calls at once and waits for them.
func crowd(ctx context.Context, n int, f func(ctx context.Context, i int)) {
	done := make(chan struct{})
	for i := range n {
		go func() {
			f(ctx, i)
			done <- struct{}{}
		}()
	}
	for range n {
		<-done
	}
}

// replicas are three processes on one database where that is possible.
func (w world) replicas(t testing.TB, s *Store) []*Store {
	if s.Kind() == KindSQLite {
		return []*Store{s}
	}
	return []*Store{s, w.open(t), w.open(t)}
}

// taking is a taking of no request's.
func taking(n int) conversation.Taking { return conversation.Taking{Token: token(n)} }
