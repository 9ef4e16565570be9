package store

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// crashVariable names the file that a test process is to fill and to die with.
const crashVariable = "ACHUAN_TEST_CRASH"

// TestBeingKilled is no test of its own: it is what TestKilledProcessLeavesAnUncleanStore
// runs in another process.
func TestBeingKilled(t *testing.T) {
	path := os.Getenv(crashVariable)
	if path == "" {
		t.Skip("nobody wants this process killed")
	}
	s, err := Open(t.Context(), Options{URL: "sqlite:" + path, Account: testAccount, Lease: testLease})
	check(t, err)
	fill(t, s)
	self, err := os.FindProcess(os.Getpid())
	check(t, err)
	check(t, self.Kill())
	<-t.Context().Done()
}

// fill has a session of each kind, a turn and names, some of them in hand.
func fill(t *testing.T, s *Store) {
	ctx := t.Context()
	put(t, s, sample(1, "free"))
	put(t, s, sample(2, "taken"))
	_, _, err := s.Match(ctx, claim("taken", 2))
	check(t, err)
	check(t, s.Create(ctx, sample(3, "made"), taking(3)))
	whole := conversation.StoredTurn{Token: token(4), Caller: "alice", Request: hash("r"), Key: hash("k"), Session: 1, Whole: true, Answer: []byte("a")}
	check(t, s.SaveTurn(ctx, whole))
	_, err = s.AttachOrBegin(ctx, conversation.TurnRequest{Turn: conversation.StoredTurn{Token: token(5), Caller: "alice", Request: hash("r2"), Key: hash("k2")}})
	check(t, err)
	_, _, err = s.ClaimName(ctx, key("claimed"), token(6))
	check(t, err)
	check(t, s.BindName(ctx, conversation.NameBinding{Key: key("bound")}, 1))
}

func key(name string) conversation.NameKey {
	return conversation.NameKey{Caller: "alice", Model: "m", Name: name}
}

func TestKilledProcessLeavesAnUncleanStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	self, err := os.Executable()
	check(t, err)
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestBeingKilled$")
	command.Env = append(os.Environ(), crashVariable+"="+path)
	if out, err := command.CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("the process that was to be killed: %v %s", err, out)
	}
	// The machine is the same since: no commit is lost, and nothing can be taken unnoticed.
	w := sqliteWorld("sqlite:" + path)
	s := w.open(t)
	wantUnclean(t, s)
	same(t, string(must[*conversation.StoredTurn](t)(s.Turn(t.Context(), token(4))).Answer), "a")
}

// A power cut loses the last commits: what SQLite finds is the log up to an earlier one.
// The session that a lost commit took may be in use still.
func TestPowerCutLosesATaking(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "achuan.db"), filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteWorld("sqlite:" + from).open(t)
	fill(t, s)
	info, err := os.Stat(from + "-wal")
	check(t, err)
	_, _, err = s.Match(t.Context(), claim("free", 9))
	check(t, err)
	for suffix, size := range map[string]int64{"": math.MaxInt64, "-wal": info.Size()} {
		content, err := os.ReadFile(from + suffix)
		check(t, err)
		if int64(len(content)) <= size && suffix == "-wal" {
			t.Fatalf("the log has %d bytes, want more than %d: the taking is not in it", len(content), size)
		}
		check(t, os.WriteFile(to+suffix, content[:min(int64(len(content)), size)], 0o600))
	}
	w := sqliteWorld("sqlite:" + to)
	cut := w.open(t)
	got := session(t, cut, 1)
	if got.State != conversation.StateFree || got.Head != hash("free") || !got.MaybeTaken || got.SettingsKnown {
		t.Errorf("Session(1) = %+v, want free with its head, MaybeTaken, settings not known", got)
	}
	// What gives it back does not take the doubt away; nor does an open store's end.
	taken := must[*conversation.Session](t)(cut.Take(t.Context(), 1, taking(20), conversation.ByLineage))
	check(t, cut.Save(t.Context(), conversation.Commit{Token: token(20), Session: *taken}))
	check(t, cut.Close())
	cut = w.open(t)
	same(t, due(t, cut, time.Now(), time.Time{}, 21, 10), []int64(nil))
	wantDoubted(t, w, cut)
}

func TestCopyOfAnOpenStoreIsUnclean(t *testing.T) {
	// A copy of the database and its log is what a killed machine leaves.
	from, to := filepath.Join(t.TempDir(), "achuan.db"), filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteWorld("sqlite:" + from).open(t)
	fill(t, s)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(from + suffix)
		check(t, err)
		check(t, os.WriteFile(to+suffix, content, 0o600))
	}
	w := sqliteWorld("sqlite:" + to)
	wantDoubted(t, w, w.open(t))
}

func TestBackupIsUnclean(t *testing.T) {
	folder := t.TempDir()
	s := sqliteWorld("sqlite:" + filepath.Join(folder, "achuan.db")).open(t)
	fill(t, s)
	to := filepath.Join(folder, "backup.db")
	check(t, s.Backup(t.Context(), to))
	if err := s.Backup(t.Context(), to); err == nil {
		t.Error("a backup was overwritten")
	}
	info, err := os.Stat(to)
	check(t, err)
	same(t, info.Mode().Perm(), os.FileMode(0o600))
	w := sqliteWorld("sqlite:" + to)
	wantDoubted(t, w, w.open(t))
	same(t, session(t, s, 2).State, conversation.StateTaken)
}

// wantDoubted looks at what fill left behind in a store that may have lost commits: no
// session is continued until the longest turn has passed.
func wantDoubted(t *testing.T, w world, s *Store) {
	t.Helper()
	found, once, err := s.Match(t.Context(), claim("free", 10))
	check(t, err)
	if found != nil || once {
		t.Errorf("Match = %+v, %t, want none", found, once)
	}
	if got := session(t, s, 1); !got.MaybeTaken || got.Verified {
		t.Errorf("Session(1) = %+v, want MaybeTaken and not Verified", got)
	}
	same(t, string(must[*conversation.StoredTurn](t)(s.Turn(t.Context(), token(4))).Answer), "a")
	w.pass(t, conversation.MaxTurn)
	if session(t, s, 1).MaybeTaken {
		t.Error("Session(1) is MaybeTaken after the longest turn has passed")
	}
	wantUnclean(t, s)
}

// wantUnclean looks at what fill left behind.
func wantUnclean(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	found, once, err := s.Match(ctx, claim("free", 10))
	check(t, err)
	if found == nil || !once || found.Verified || found.SettingsKnown {
		t.Fatalf("Match = %+v, %t, want an unverified session", found, once)
	}
	for id := int64(2); id <= 3; id++ {
		n := session(t, s, id)
		if n.State != conversation.StateDirty || !n.EndUnknown || n.Head != (conversation.Hash{}) {
			t.Errorf("a taken session came back as %+v", n)
		}
	}
	_, err = s.Turn(ctx, token(5))
	wantErr(t, err, conversation.ErrUnknown)
	_, claimed, err := s.ClaimName(ctx, key("claimed"), token(11))
	if !claimed || err != nil {
		t.Errorf("a claim that was left behind: %v, %v", claimed, err)
	}
	same(t, must[conversation.Name](t)(s.Name(ctx, key("bound"))).Session, int64(1))

	// What is written from now on is verified again.
	found.Verified, found.Head = true, hash("next")
	check(t, s.Save(ctx, conversation.Commit{Token: token(10), Session: *found}))
	if !session(t, s, 1).Verified {
		t.Error("a head that was just written is not verified")
	}
}

func TestStoreThatWasClosedIsVerified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteWorld("sqlite:" + path).open(t)
	fill(t, s)
	check(t, s.Close())
	s = sqliteWorld("sqlite:" + path).open(t)
	same(t, session(t, s, 1), sample(1, "free"))
	// What its process had in hand is over, however it ended.
	same(t, session(t, s, 2).State, conversation.StateDirty)
	_, err := s.Turn(t.Context(), token(5))
	wantErr(t, err, conversation.ErrUnknown)
	check(t, s.MarkUnverified(t.Context()))
	if session(t, s, 1).Verified {
		t.Error("a restored store is verified")
	}
	check(t, s.Close())
	s = sqliteWorld("sqlite:" + path).open(t)
	if session(t, s, 1).Verified {
		t.Error("closing verified a head")
	}
}

func TestOneProcessToAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	w := sqliteWorld("sqlite:" + path)
	s := w.open(t)
	_, err := Open(t.Context(), Options{URL: w.url, Account: testAccount})
	if err == nil || !strings.Contains(err.Error(), "another achuan process uses it") || !strings.Contains(err.Error(), path) {
		t.Fatalf("error %v", err)
	}
	check(t, s.Close())
	w.open(t)
}
