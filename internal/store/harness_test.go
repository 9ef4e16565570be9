package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/postgrestest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

const (
	testAccount = "host.test 42"
	testLease   = time.Minute
)

// testDatabase is a database. Several replicas may open it if its kind allows that.
type testDatabase struct {
	url string
	// advance moves the time of the database forward.
	advance func(t *testing.T, d time.Duration)
	now     func() time.Time    // of SQLite
	schema  postgrestest.Schema // of PostgreSQL
}

// newTestDatabase has a function for each kind that returns a new database.
var newTestDatabase = map[string]func(t *testing.T) testDatabase{
	"sqlite file": func(t *testing.T) testDatabase {
		return sqliteDatabase("sqlite:" + filepath.Join(t.TempDir(), "achuan.db"))
	},
	"sqlite memory": func(*testing.T) testDatabase { return sqliteDatabase("sqlite::memory:") },
	"postgres":      func(t *testing.T) testDatabase { return postgresDatabase(t) },
}

func sqliteDatabase(url string) testDatabase {
	var passed atomic.Int64
	return testDatabase{
		url:     url,
		advance: func(_ *testing.T, d time.Duration) { passed.Add(int64(d)) },
		now:     func() time.Time { return time.Now().Add(time.Duration(passed.Load())) },
	}
}

// open opens the store of testAccount, or of another account.
func (w testDatabase) open(t testing.TB, account ...string) *Store {
	t.Helper()
	name := testAccount
	if len(account) > 0 {
		name = account[0]
	}
	d, err := Open(t.Context(), Options{URL: w.url, Lease: testLease, Now: w.now})
	requireNoError(t, err)
	t.Cleanup(func() { requireNoError(t, d.Close()) })
	s, err := d.Account(t.Context(), name)
	requireNoError(t, err)
	return s
}

// eachStore runs a test on every kind of store.
func eachStore(t *testing.T, f func(t *testing.T, w testDatabase, s *Store)) {
	t.Helper()
	for name, make := range newTestDatabase {
		t.Run(name, func(t *testing.T) {
			w := make(t)
			f(t, w, w.open(t))
		})
	}
}

// leasedStore runs a test on a store that several processes may use.
func leasedStore(t *testing.T, f func(t *testing.T, w testDatabase, s *Store)) {
	t.Helper()
	w := postgresDatabase(t)
	f(t, w, w.open(t))
}

// saveReplacing saves next as the replacement of session old. The token holds both.
func saveReplacing(
	ctx context.Context, s *Store, tok conversation.Token, old int64, state conversation.State,
	next conversation.Session, alias bool,
) error {
	return s.Save(ctx, conversation.Commit{
		Token: tok, Session: next, Replaces: &conversation.Replacement{Old: old, State: state, Alias: alias},
	})
}

func hashOf(text string) conversation.Hash { return sha256.Sum256([]byte(text)) }

func tokenOf(n int) (t conversation.Token) {
	binary.BigEndian.PutUint64(t[8:], uint64(n))
	t[0] = 1
	return t
}

// requireNoError fails the test for any error.
func requireNoError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns the value of a call and fails the test if there is an error.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		requireNoError(t, err)
		return v
	}
}

func requireError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %v", err, want)
	}
}

// requireErrorText fails the test unless an error contains all of the texts.
func requireErrorText(t testing.TB, err error, want ...string) {
	t.Helper()
	for _, text := range want {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Fatalf("error = %v, want one with %q", err, want)
		}
	}
}

func requireEqual(t testing.TB, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.FilterPath(isTakingField, cmp.Ignore())); diff != "" {
		t.Fatalf("value (-want +got):\n%s", diff)
	}
}

// isTakingField reports whether a path is a field of a session that every taking or every read sets anew.
func isTakingField(p cmp.Path) bool {
	return p.Last().String() == ".Turn" && p.Index(-2).Type() == reflect.TypeFor[conversation.Session]() || p.Last().String() == ".Taken" || p.Last().String() == ".ReadAt"
}

// schemaInTests is the newest version of the schema.
const schemaInTests = 5

// sampleTime is the creation time of sample sessions.
var sampleTime = time.Date(2026, 1, 2, 3, 4, 5, 678000, time.UTC)

// sampleSession returns a session with a value in every field.
func sampleSession(id int64, head string) conversation.Session {
	return conversation.Session{
		ID: id, Caller: "alice", CreatedByAchuan: true, Addressing: conversation.ByLineage, Name: "na\x00me\xff",
		State: conversation.StateFree, Head: hashOf(head), Verified: true, Exchanges: 3, Turns: 2, LastExchange: hashOf("last"),
		Preset:        chat.Settings{Model: "m", ContextCount: 10},
		Settings:      chat.Settings{Model: "m", Prompt: "be\x00brief \"<&>\" é", Temperature: 0.7, MaxTokens: 9, ContextCount: 65},
		SettingsKnown: true, Object: []byte(`{"id":1,"name":"新对话"}`), Created: sampleTime, LastUsed: sampleTime.Add(time.Minute),
	}
}

// putSession stores a session with exactly these fields.
func putSession(t testing.TB, s *Store, n conversation.Session) {
	t.Helper()
	tok := tokenOf(int(n.ID) + 1<<40)
	fresh := n
	fresh.Head = conversation.Hash{}
	requireNoError(t, s.Create(t.Context(), fresh, conversation.Taking{Token: tok}))
	requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: tok, Session: n}))
}

func newHeadQuery(head string, n int) conversation.HeadQuery {
	return conversation.HeadQuery{Caller: "alice", Head: hashOf(head), Taking: newTaking(n), Prefer: sampleSession(0, "").Settings}
}

func readSession(t testing.TB, s *Store, id int64) conversation.Session {
	t.Helper()
	found, err := s.Session(t.Context(), conversation.Everyone(), id)
	requireNoError(t, err)
	return *found
}

// runConcurrently runs n calls at once and waits for them.
func runConcurrently(ctx context.Context, n int, f func(ctx context.Context, i int)) {
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

// requireOnce fails the test unless exactly one of n concurrent calls returns true.
func (w testDatabase) requireOnce(
	t testing.TB, s *Store, n int, call string, f func(ctx context.Context, s *Store, i int) (bool, error),
) {
	t.Helper()
	counts := w.countConcurrent(t, s, n, func(ctx context.Context, s *Store, i int) ([]int64, error) {
		isCounted, err := f(ctx, s, i)
		if !isCounted {
			return nil, err
		}
		return []int64{0}, err
	})
	if counts[0] != 1 {
		t.Fatalf("%s: successes of %d concurrent calls = %d, want 1", call, n, counts[0])
	}
}

// countConcurrent runs n calls at once, in turn on each replica. It returns how many of them return each id. An error
// fails the test.
func (w testDatabase) countConcurrent(
	t testing.TB, s *Store, n int, f func(ctx context.Context, s *Store, i int) ([]int64, error),
) map[int64]int {
	t.Helper()
	replicas := w.replicas(t, s)
	var mu sync.Mutex
	counts := map[int64]int{}
	runConcurrently(t.Context(), n, func(ctx context.Context, i int) {
		ids, err := f(ctx, replicas[i%len(replicas)], i)
		if err != nil {
			t.Errorf("call %d = %v, want nil", i, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, id := range ids {
			counts[id]++
		}
	})
	return counts
}

// replicas returns three stores on one database, or one where leases do not exist.
func (w testDatabase) replicas(t testing.TB, s *Store) []*Store {
	if s.Kind() == KindSQLite {
		return []*Store{s}
	}
	return []*Store{s, w.open(t), w.open(t)}
}

// newTaking returns a taking without a request.
func newTaking(n int) conversation.Taking { return conversation.Taking{Token: tokenOf(n)} }
