package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"achuan/internal/conversation"
)

// Run with
//
//	go test -run '^$' -bench . ./internal/store
//	ACHUAN_BENCH_SESSIONS=1000000 go test -run '^$' -bench Stored -timeout 30m ./internal/store
//
// The second stores a million sessions first, which takes a few minutes.
const sessionsVariable = "ACHUAN_BENCH_SESSIONS"

// benchWorlds are those whose cost is that of a database in use.
var benchWorlds = []struct {
	name string
	make func(b *testing.B) world
}{
	{"sqlite", func(b *testing.B) world { return sqliteWorld("sqlite:" + filepath.Join(b.TempDir(), "achuan.db")) }},
	{"postgres", func(b *testing.B) world { return postgresWorld(b) }},
}

func benchEverywhere(b *testing.B, f func(b *testing.B, s *Store)) {
	for _, w := range benchWorlds {
		b.Run(w.name, func(b *testing.B) { f(b, w.make(b).open(b)) })
	}
}

// benchHead is the head of the session with the number.
func benchHead(n int64) (h conversation.Hash) {
	binary.BigEndian.PutUint64(h[:], uint64(n)*0x9e3779b97f4a7c15)
	return h
}

func benchSession(n int64) conversation.Session {
	s := sample(n, "")
	s.Head = benchHead(n)
	return s
}

func benchClaim(n int64) conversation.Claim {
	c := claim("", int(n))
	c.Head = benchHead(n)
	return c
}

// BenchmarkTurn is what a continued turn asks of the store: its session taken by head,
// settings noted as unknown or not, and the end saved under a new head.
func BenchmarkTurn(b *testing.B) {
	benchEverywhere(b, func(b *testing.B, s *Store) {
		put(b, s, benchSession(1))
		for n := int64(1); b.Loop(); n++ {
			c := benchClaim(n)
			found, _, err := s.Match(b.Context(), c)
			if err != nil || found == nil {
				b.Fatal(found, err)
			}
			found.Head = benchHead(n + 1)
			check(b, s.Save(b.Context(), conversation.Save{Token: c.Token, Session: *found}))
		}
	})
}

// BenchmarkTurns is the same from 64 conversations at once: commits in groups.
func BenchmarkTurns(b *testing.B) {
	benchEverywhere(b, func(b *testing.B, s *Store) {
		var next atomic.Int64
		b.SetParallelism(32)
		b.RunParallel(func(pb *testing.PB) {
			n := next.Add(1) << 32
			put(b, s, benchSession(n))
			for id := n; pb.Next(); n++ {
				c := benchClaim(n)
				found, _, err := s.Match(b.Context(), c)
				if err != nil || found == nil {
					b.Error(id, found, err)
					return
				}
				found.Head = benchHead(n + 1)
				if err := s.Save(b.Context(), conversation.Save{Token: c.Token, Session: *found}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

func BenchmarkMatchMiss(b *testing.B) {
	benchEverywhere(b, func(b *testing.B, s *Store) {
		put(b, s, benchSession(1))
		for n := int64(2); b.Loop(); n++ {
			if found, once, err := s.Match(b.Context(), benchClaim(n)); found != nil || once || err != nil {
				b.Fatal(found, once, err)
			}
		}
	})
}

func BenchmarkTakeAndSave(b *testing.B) {
	benchEverywhere(b, func(b *testing.B, s *Store) {
		put(b, s, benchSession(1))
		for n := 1; b.Loop(); n++ {
			found, err := s.Take(b.Context(), 1, token(n), conversation.ReachName)
			check(b, err)
			check(b, s.Save(b.Context(), conversation.Save{Token: token(n), Session: *found}))
		}
	})
}

func BenchmarkEnterMiss(b *testing.B) {
	benchEverywhere(b, func(b *testing.B, s *Store) {
		for n := 1; b.Loop(); n++ {
			e := conversation.Entry{Turn: conversation.Stored{Token: token(n), Caller: "alice", Request: benchHead(int64(n))}}
			if found, err := s.Enter(b.Context(), e); found != nil || err != nil {
				b.Fatal(found, err)
			}
		}
	})
}

// BenchmarkStored is how long looking for a head takes among many sessions: one that
// is there is taken and given back, one that is not is looked for in vain.
func BenchmarkStored(b *testing.B) {
	total, err := strconv.ParseInt(os.Getenv(sessionsVariable), 10, 64)
	if err != nil {
		total = 10_000
	}
	for _, w := range benchWorlds {
		b.Run(fmt.Sprintf("%s/%d", w.name, total), func(b *testing.B) {
			s := w.make(b).open(b)
			store(b, s, total)
			b.Run("hit", func(b *testing.B) {
				for n := int64(1); b.Loop(); n++ {
					c := benchClaim(1 + n*7919%total)
					found, _, err := s.Match(b.Context(), c)
					if err != nil || found == nil {
						b.Fatal(found, err)
					}
					check(b, s.Save(b.Context(), conversation.Save{Token: c.Token, Session: *found}))
				}
			})
			b.Run("miss", func(b *testing.B) {
				for n := int64(1); b.Loop(); n++ {
					if found, _, err := s.Match(b.Context(), benchClaim(total+n)); found != nil || err != nil {
						b.Fatal(found, err)
					}
				}
			})
			b.Run("page", func(b *testing.B) {
				for b.Loop() {
					if list, _, err := s.Sessions(b.Context(), "alice", 0, 20); err != nil || len(list) == 0 {
						b.Fatal(len(list), err)
					}
				}
			})
			b.Run("counts", func(b *testing.B) {
				for b.Loop() {
					must[map[conversation.State]int](b)(s.Counts(b.Context()))
				}
			})
			b.Run("due", func(b *testing.B) {
				for n := 1; b.Loop(); n++ {
					due(b, s, moment0, moment0, n, 100)
				}
			})
		})
	}
}

// store stores total sessions of a hundred callers, a thousand to a transaction; the
// benchmark's own caller has all that it looks for.
func store(b *testing.B, s *Store, total int64) {
	b.Helper()
	s.timeout *= 100
	defer func() { s.timeout /= 100 }()
	for first := int64(1); first <= total; first += 1000 {
		check(b, s.write(b.Context(), func(ctx context.Context, c conn) error {
			for id := first; id < min(first+1000, total+1); id++ {
				if err := storeOne(ctx, c, s, id); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func storeOne(ctx context.Context, c conn, s *Store, id int64) error {
	n := benchSession(id)
	values, err := sessionValues(&n)
	if err != nil {
		return err
	}
	args := append([]any{s.account}, values...)
	if _, err := c.exec(ctx, insertSession, append(args, n.Caller, micros(n.Created), nil, int64(0))...); err != nil {
		return err
	}
	_, err = c.exec(ctx, addHead, s.account, n.Head[:], id)
	return err
}
