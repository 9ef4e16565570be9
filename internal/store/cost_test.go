package store

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"achuan/internal/conversation"
)

// Sizes in SQLite's write-ahead log (sqlite.org/walformat.html).
const (
	logHeaderSize = 32
	logFrameSize  = 24 + 4096
)

// Continued turns of the cost tests.
const (
	costSessions = 50
	costTurns    = 200
)

// putCostSessions stores the sessions of runCostTurn.
func putCostSessions(t *testing.T, s *Store) {
	t.Helper()
	for id := 1; id <= costSessions; id++ {
		putSession(t, s, sampleSession(int64(id), strconv.Itoa(id)+" 0"))
	}
}

// runCostTurn runs continued turn n: each session has one in turn.
func runCostTurn(t *testing.T, s *Store, n int) {
	t.Helper()
	id, exchange := n%costSessions+1, n/costSessions
	q := newHeadQuery(strconv.Itoa(id)+" "+strconv.Itoa(exchange), n)
	q.Taking.Request, q.Taking.Question = hashOf("request "+strconv.Itoa(n)), hashOf("question "+strconv.Itoa(n))
	if found, err := s.AttachOrBegin(t.Context(), conversation.TurnRequest{
		Turn: conversation.StoredTurn{Token: q.Taking.Token, Caller: q.Caller, Request: q.Taking.Request},
	}); err != nil || found != (conversation.TurnResult{}) {
		t.Fatalf("AttachOrBegin(turn %d) = %v, %v, want nothing", n, found, err)
	}
	found, _, err := s.Match(t.Context(), q)
	if err != nil || found == nil {
		t.Fatalf("Match(turn %d) = %v, %v, want a session", n, found, err)
	}
	found.Head = hashOf(strconv.Itoa(id) + " " + strconv.Itoa(exchange+1))
	requireNoError(t, s.Save(t.Context(), conversation.Commit{Token: q.Taking.Token, Session: *found}))
}

// A continued turn writes few pages, runs few statements, and compiles none again. SQLite would
// compile a statement again at every call if a condition compared a column with an argument, and
// the planner had to know that argument to decide whether a partial index holds the rows.
func TestSQLiteCostOfATurn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	putCostSessions(t, s)
	for n := range costSessions { // prepares every statement
		runCostTurn(t, s, n)
	}
	before, framesBefore := countStatements(t, s), countFrames(t, path)
	for n := range costTurns {
		runCostTurn(t, s, costSessions+n)
	}
	after, frames := countStatements(t, s), countFrames(t, path)-framesBefore
	if pages := float64(frames) / costTurns; pages > 7 {
		t.Errorf("pages written in a continued turn = %.1f, want at most 7", pages)
	}
	if statements := float64(after.runs-before.runs) / costTurns; statements > 6 {
		t.Errorf("statements in a continued turn = %.1f, want at most 6", statements)
	}
	if compiled := after.compiled - before.compiled; compiled != 0 {
		t.Errorf("statements compiled again in %d turns = %d, want 0", costTurns, compiled)
	}
}

// A continued turn sends three messages to PostgreSQL and waits for three.
func TestPostgresCostOfATurn(t *testing.T) {
	w, proxy := postgresDatabase(t).throughProxy(t)
	w.url = strings.Replace(w.url, "pool_max_conns=8", "pool_max_conns=1", 1)
	s := w.open(t)
	putCostSessions(t, s)
	for n := range costSessions { // prepares every statement
		runCostTurn(t, s, n)
	}
	before := proxy.requests.Load()
	for n := range costTurns {
		runCostTurn(t, s, costSessions+n)
	}
	if trips := float64(proxy.requests.Load()-before) / costTurns; trips > 3 {
		t.Errorf("round trips of a continued turn = %.2f, want 3", trips)
	}
}

// countFrames returns the number of pages in the write-ahead log.
func countFrames(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	requireNoError(t, err)
	return (info.Size() - logHeaderSize) / logFrameSize
}

// statementCounts are counts of all prepared statements of a store.
type statementCounts struct{ runs, compiled int64 }

// countStatements reads what SQLite counts (sqlite.org/c3ref/c_stmtstatus_counter.html). The
// driver does not offer that, so it reads the driver's handle of the database.
func countStatements(t *testing.T, s *Store) (total statementCounts) {
	t.Helper()
	tls := libc.NewTLS()
	defer tls.Close()
	for _, c := range s.backend.(*sqlite).conns { //nolint:forcetypeassert // the test opened a file
		requireNoError(t, c.db.Raw(func(driverConn any) error {
			handle := *(*uintptr)(unsafe.Pointer(reflect.ValueOf(driverConn).Elem().FieldByName("db").UnsafeAddr()))
			for stmt := uintptr(0); ; {
				if stmt = sqlite3.Xsqlite3_next_stmt(tls, handle, stmt); stmt == 0 {
					return nil
				}
				total.runs += int64(sqlite3.Xsqlite3_stmt_status(tls, stmt, sqlite3.SQLITE_STMTSTATUS_RUN, 0))
				total.compiled += int64(sqlite3.Xsqlite3_stmt_status(tls, stmt, sqlite3.SQLITE_STMTSTATUS_REPREPARE, 0))
			}
		}))
	}
	return total
}
