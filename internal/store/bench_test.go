//go:build unix

package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// Run with
//
//	go test -run '^$' -bench . ./internal/store
//	make bench-store
//
// The second stores a million sessions in each first, which takes a minute or two.
const sessionsVariable = "ACHUAN_BENCH_SESSIONS"

// benchDatabases are the databases that servers use in practice.
var benchDatabases = []struct {
	name string
	make func(b *testing.B) testDatabase
}{
	{"sqlite", func(b *testing.B) testDatabase {
		return sqliteDatabase("sqlite:" + filepath.Join(b.TempDir(), "achuan.db"))
	}},
	{"postgres", func(b *testing.B) testDatabase { return postgresDatabase(b) }},
}

func benchEachStore(b *testing.B, f func(b *testing.B, s *Store)) {
	for _, w := range benchDatabases {
		b.Run(w.name, func(b *testing.B) { f(b, w.make(b).open(b)) })
	}
}

// benchHead returns the head of session n, distributed like a hash. bulkSQL makes the same
// heads.
func benchHead(n int64) (h conversation.Hash) {
	binary.BigEndian.PutUint32(h[:], uint32(n)*2654435761)
	binary.BigEndian.PutUint64(h[24:], uint64(n))
	return h
}

func benchSession(n int64) conversation.Session {
	s := sampleSession(n, "")
	s.Head = benchHead(n)
	s.LastUsed = sampleTime.Add(time.Duration(n) * time.Second)
	return s
}

func benchHeadQuery(n int64) conversation.HeadQuery {
	c := newHeadQuery("", int(n))
	c.Head = benchHead(n)
	return c
}

// BenchmarkTurn measures the calls of a continued turn: it asks for a repetition, takes its session by head, and saves
// the end with a new head.
func BenchmarkTurn(b *testing.B) {
	benchEachStore(b, func(b *testing.B, s *Store) {
		putSession(b, s, benchSession(1))
		measureCPU(b)
		for n := int64(1); b.Loop(); n++ {
			benchTurn(b, s, n)
		}
	})
}

// BenchmarkTurns measures 64 conversations at once, whose commits are grouped.
func BenchmarkTurns(b *testing.B) {
	benchEachStore(b, func(b *testing.B, s *Store) {
		var next atomic.Int64
		b.SetParallelism(32)
		measureCPU(b)
		b.RunParallel(func(pb *testing.PB) {
			n := next.Add(1) << 32
			putSession(b, s, benchSession(n))
			for ; pb.Next(); n++ {
				benchTurn(b, s, n)
			}
		})
	})
}

// benchTurn runs the turn that moves a session from head n to head n+1.
func benchTurn(b *testing.B, s *Store, n int64) {
	q := benchHeadQuery(n)
	q.Taking.Request = benchHead(-n)
	found, err := s.AttachOrBegin(b.Context(), conversation.TurnRequest{
		Turn: conversation.StoredTurn{Token: q.Taking.Token, Caller: q.Caller, Request: q.Taking.Request},
	})
	if err != nil || found != (conversation.TurnResult{}) {
		b.Errorf("AttachOrBegin(turn %d) = %v, %v, want nothing", n, found, err)
	}
	session, _, err := s.Match(b.Context(), q)
	if err != nil || session == nil {
		b.Errorf("Match(turn %d) = %v, %v, want a session", n, session, err)
		return
	}
	session.Head = benchHead(n + 1)
	if err := s.Save(b.Context(), conversation.Commit{Token: q.Taking.Token, Session: *session}); err != nil {
		b.Errorf("Save(turn %d) = %v, want no error", n, err)
	}
}

// measureCPU reports the CPU time of the process for each operation. It depends less on other programs than the time.
func measureCPU(b *testing.B) {
	used := func() time.Duration {
		var u syscall.Rusage
		requireNoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	b.Cleanup(func() { b.ReportMetric(float64((used()-before).Microseconds())/float64(b.N), "cpu-us/op") })
}

func BenchmarkMatchMiss(b *testing.B) {
	benchEachStore(b, func(b *testing.B, s *Store) {
		putSession(b, s, benchSession(1))
		for n := int64(2); b.Loop(); n++ {
			if found, once, err := s.Match(b.Context(), benchHeadQuery(n)); found != nil || once || err != nil {
				b.Fatalf("Match = %v, %t, %v, want none", found, once, err)
			}
		}
	})
}

func BenchmarkTakeAndSave(b *testing.B) {
	benchEachStore(b, func(b *testing.B, s *Store) {
		putSession(b, s, benchSession(1))
		for n := 1; b.Loop(); n++ {
			found, err := s.Take(b.Context(), 1, newTaking(n), conversation.ByName)
			requireNoError(b, err)
			requireNoError(b, s.Save(b.Context(), conversation.Commit{Token: tokenOf(n), Session: *found}))
		}
	})
}

func BenchmarkAttachOrBeginMiss(b *testing.B) {
	benchEachStore(b, func(b *testing.B, s *Store) {
		for n := 1; b.Loop(); n++ {
			e := conversation.TurnRequest{Turn: conversation.StoredTurn{Token: tokenOf(n), Caller: "alice", Request: benchHead(int64(n))}}
			if found, err := s.AttachOrBegin(b.Context(), e); found != (conversation.TurnResult{}) || err != nil {
				b.Fatalf("AttachOrBegin = %v, %v, want none", found, err)
			}
		}
	})
}

// BenchmarkStored measures Match among many sessions, with a head that exists and with a head
// that does not.
func BenchmarkStored(b *testing.B) {
	total, err := strconv.ParseInt(os.Getenv(sessionsVariable), 10, 64)
	if err != nil {
		total = 10_000
	}
	for _, w := range benchDatabases {
		b.Run(fmt.Sprintf("%s/%d", w.name, total), func(b *testing.B) {
			s := w.make(b).open(b)
			insertSessions(b, s, total)
			b.Run("hit", func(b *testing.B) {
				for n := int64(1); b.Loop(); n++ {
					c := benchHeadQuery(1 + n*7919%total)
					found, _, err := s.Match(b.Context(), c)
					if err != nil || found == nil {
						b.Fatalf("Match = %v, %v, want a session", found, err)
					}
					requireNoError(b, s.Save(b.Context(), conversation.Commit{Token: c.Taking.Token, Session: *found}))
				}
			})
			b.Run("miss", func(b *testing.B) {
				for n := int64(1); b.Loop(); n++ {
					if found, _, err := s.Match(b.Context(), benchHeadQuery(total+n)); found != nil || err != nil {
						b.Fatalf("Match = %v, %v, want none", found, err)
					}
				}
			})
			b.Run("page", func(b *testing.B) {
				for b.Loop() {
					if list, _, err := s.Sessions(b.Context(), conversation.OwnerOf("alice"), 0, 20); err != nil || len(list) == 0 {
						b.Fatalf("Sessions = %d sessions, %v, want some", len(list), err)
					}
				}
			})
			b.Run("memory", func(b *testing.B) { // the memory of the process does not depend on the database
				var m runtime.MemStats
				for b.Loop() {
					runtime.GC()
					runtime.ReadMemStats(&m)
				}
				b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "MiB-heap")
			})
			b.Run("counts", func(b *testing.B) {
				for b.Loop() {
					must[map[conversation.State]int](b)(s.Counts(b.Context()))
				}
			})
			b.Run("due", func(b *testing.B) {
				for n := 1; b.Loop(); n++ {
					takeExpiredIDs(b, s, sampleTime.Add(time.Minute), sampleTime, n, 100)
				}
			})
		})
	}
}

// bulkSQL has the parts of the statements that copy session 0 to the sessions 1 to $2.
var bulkSQL = map[string]struct{ series, head string }{
	KindSQLite: {
		"(WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < $2) SELECT i FROM s)",
		"unhex(printf('%08x%040d%016x', i * 2654435761 % 4294967296, 0, i))",
	},
	KindPostgres: {
		"generate_series(1::bigint, $2) AS s (i)",
		"decode(lpad(to_hex(i * 2654435761 % 4294967296), 8, '0') || repeat('0', 40) || lpad(to_hex(i), 16, '0'), 'hex')",
	},
}

const (
	bulkSessions = `
INSERT INTO sessions (account, id, caller, made, reach, name, state, unseen, head, epoch, exchanges, turns, last, preset,
	settings, known, object, created, used)
SELECT account, i, caller, made, reach, name, state, unseen, HEAD, epoch, exchanges, turns, last, preset,
	settings, known, object, created, used + i * 1000000
FROM sessions, SERIES WHERE account = $1 AND id = 0`
	bulkHeads = `INSERT INTO heads (account, head, session, current) SELECT account, substr(head, 1, 8), id, TRUE FROM sessions WHERE account = $1 AND id > 0`
)

// insertSessions inserts total sessions.
func insertSessions(b *testing.B, s *Store, total int64) {
	b.Helper()
	timeout := s.timeout
	s.timeout = time.Hour
	defer func() { s.timeout = timeout }()
	n := benchSession(0)
	n.Head = conversation.Hash{}
	putSession(b, s, n)
	words := strings.NewReplacer("HEAD", bulkSQL[s.Kind()].head, "SERIES", bulkSQL[s.Kind()].series)
	requireNoError(b, s.transact(b.Context(), func(ctx context.Context, c conn) error {
		if s.Kind() == KindPostgres {
			if err := c.execScript(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
				return err
			}
		}
		if _, err := c.exec(ctx, words.Replace(bulkSessions), s.account, total); err != nil {
			return err
		}
		if _, err := c.exec(ctx, bulkHeads, s.account); err != nil {
			return err
		}
		if s.Kind() == KindSQLite {
			return nil
		}
		return c.execScript(ctx, "ANALYZE sessions, heads") // PostgreSQL would do so after a while
	}))
}
