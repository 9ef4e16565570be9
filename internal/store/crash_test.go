package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
	whole := conversation.Stored{Token: token(4), Caller: "alice", Request: hash("r"), Key: hash("k"), Session: 1, Whole: true, Answer: []byte("a")}
	check(t, s.Leave(ctx, whole))
	_, err = s.Enter(ctx, conversation.Entry{Turn: conversation.Stored{Token: token(5), Caller: "alice", Request: hash("r2"), Key: hash("k2")}})
	check(t, err)
	_, _, err = s.ClaimName(ctx, key("claimed"), token(6))
	check(t, err)
	check(t, s.BindName(ctx, conversation.Binding{Key: key("bound")}, 1))
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
	wantUnclean(t, sqliteWorld("sqlite:"+path).open(t))
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
	wantUnclean(t, sqliteWorld("sqlite:"+to).open(t))
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
	wantUnclean(t, sqliteWorld("sqlite:"+to).open(t))
	same(t, session(t, s, 2).State, conversation.StateTaken)
}

// wantUnclean looks at what fill left behind.
func wantUnclean(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	found, once, err := s.Match(ctx, claim("free", 10))
	check(t, err)
	if found == nil || !once || found.Verified {
		t.Errorf("a free session came back as %+v, %v", found, once)
	}
	for id := int64(2); id <= 3; id++ {
		n := session(t, s, id)
		if n.State != conversation.StateDirty || !n.Unseen || n.Head != (conversation.Hash{}) {
			t.Errorf("a taken session came back as %+v", n)
		}
	}
	_, err = s.Turn(ctx, token(5))
	wantErr(t, err, conversation.ErrUnknown)
	same(t, string(must[*conversation.Stored](t)(s.Turn(ctx, token(4))).Answer), "a")
	_, claimed, err := s.ClaimName(ctx, key("claimed"), token(11))
	if !claimed || err != nil {
		t.Errorf("a claim that was left behind: %v, %v", claimed, err)
	}
	same(t, must[conversation.Name](t)(s.Name(ctx, key("bound"))).Session, int64(1))

	// What is written from now on is verified again.
	found.Verified, found.Head = true, hash("next")
	check(t, s.Save(ctx, conversation.Save{Token: token(10), Session: *found}))
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
	same(t, session(t, s, 2).State, conversation.StateTaken)
	_, err := s.Turn(t.Context(), token(5))
	check(t, err)
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
