package store

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// crashVariable is the environment variable with the file that a killed test process fills.
const crashVariable = "ACHUAN_TEST_CRASH"

// TestBeingKilled is the process that TestKilledProcessLeavesAnUncleanStore starts. It fills a
// database and kills itself.
func TestBeingKilled(t *testing.T) {
	path := os.Getenv(crashVariable)
	if path == "" {
		t.Skip("this test runs only as a process of another test")
	}
	fillStore(t, sqliteDatabase("sqlite:"+path).open(t))
	self, err := os.FindProcess(os.Getpid())
	requireNoError(t, err)
	requireNoError(t, self.Kill())
	<-t.Context().Done()
}

// fillStore stores free and taken sessions, turns, names and claims.
func fillStore(t *testing.T, s *Store) {
	ctx := t.Context()
	putSession(t, s, sampleSession(1, "free"))
	putSession(t, s, sampleSession(2, "taken"))
	_, _, err := s.Match(ctx, newHeadQuery("taken", 2))
	requireNoError(t, err)
	requireNoError(t, s.Create(ctx, sampleSession(3, "made"), newTaking(3)))
	whole := conversation.StoredTurn{Token: tokenOf(4), Caller: "alice", Request: hashOf("r"), Key: hashOf("k"), Session: 1, Whole: true, Answer: []byte("a")}
	requireNoError(t, s.SaveTurn(ctx, whole))
	_, err = s.AttachOrBegin(ctx, conversation.TurnRequest{Turn: conversation.StoredTurn{Token: tokenOf(5), Caller: "alice", Request: hashOf("r2"), Key: hashOf("k2")}})
	requireNoError(t, err)
	_, _, err = s.ClaimName(ctx, nameKey("claimed"), tokenOf(6))
	requireNoError(t, err)
	requireNoError(t, s.BindName(ctx, conversation.NameBinding{Key: nameKey("bound")}, 1))
}

func nameKey(name string) conversation.NameKey {
	return conversation.NameKey{Caller: "alice", Model: "m", Name: name}
}

func TestKilledProcessLeavesAnUncleanStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	self, err := os.Executable()
	requireNoError(t, err)
	command := exec.CommandContext(t.Context(), self, "-test.run=^TestBeingKilled$")
	command.Env = append(os.Environ(), crashVariable+"="+path)
	if out, err := command.CombinedOutput(); err == nil || len(out) > 0 {
		t.Fatalf("test process = %v with the output %q, want it killed without output", err, out)
	}
	// The machine has not restarted: no commit is lost.
	w := sqliteDatabase("sqlite:" + path)
	s := w.open(t)
	requireExpired(t, s)
	requireEqual(t, string(must[*conversation.StoredTurn](t)(s.Turn(t.Context(), tokenOf(4))).Answer), "a")
}

// A power cut loses the last commits: SQLite finds the log up to an earlier commit. A session
// that a lost commit took may still be in use.
func TestPowerCutLosesATaking(t *testing.T) {
	from, to := filepath.Join(t.TempDir(), "achuan.db"), filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + from).open(t)
	fillStore(t, s)
	info, err := os.Stat(from + "-wal")
	requireNoError(t, err)
	_, _, err = s.Match(t.Context(), newHeadQuery("free", 9))
	requireNoError(t, err)
	for suffix, size := range map[string]int64{"": math.MaxInt64, "-wal": info.Size()} {
		content, err := os.ReadFile(from + suffix)
		requireNoError(t, err)
		if int64(len(content)) <= size && suffix == "-wal" {
			t.Fatalf("size of the log = %d bytes, want more than %d, with the taking", len(content), size)
		}
		requireNoError(t, os.WriteFile(to+suffix, content[:min(int64(len(content)), size)], 0o600))
	}
	w := sqliteDatabase("sqlite:" + to)
	cut := w.open(t)
	got := readSession(t, cut, 1)
	if got.State != conversation.StateFree || got.Head != hashOf("free") || !got.MaybeTaken || got.SettingsKnown {
		t.Errorf("Session(1) = %+v, want free with its head, MaybeTaken, settings not known", got)
	}
	// Neither a save nor closing the database makes the session certain.
	taken := must[*conversation.Session](t)(cut.Take(t.Context(), 1, newTaking(20), conversation.ByLineage))
	requireNoError(t, cut.Save(t.Context(), conversation.Commit{Token: tokenOf(20), Session: *taken}))
	requireNoError(t, cut.Close())
	cut = w.open(t)
	requireEqual(t, takeExpiredIDs(t, cut, time.Now(), time.Time{}, 21, 10), []int64(nil))
	requireUnverified(t, w, cut)
}

func TestCopyOfAnOpenStoreIsUnclean(t *testing.T) {
	// A killed machine leaves the same as a copy of the database and its log.
	from, to := filepath.Join(t.TempDir(), "achuan.db"), filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + from).open(t)
	fillStore(t, s)
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(from + suffix)
		requireNoError(t, err)
		requireNoError(t, os.WriteFile(to+suffix, content, 0o600))
	}
	w := sqliteDatabase("sqlite:" + to)
	requireUnverified(t, w, w.open(t))
}

func TestBackupIsUnclean(t *testing.T) {
	folder := t.TempDir()
	s := sqliteDatabase("sqlite:" + filepath.Join(folder, "achuan.db")).open(t)
	fillStore(t, s)
	to := filepath.Join(folder, "backup.db")
	requireNoError(t, s.Backup(t.Context(), to))
	if err := s.Backup(t.Context(), to); err == nil {
		t.Error("Backup to an existing file = nil, want an error")
	}
	info, err := os.Stat(to)
	requireNoError(t, err)
	requireEqual(t, info.Mode().Perm(), os.FileMode(0o600))
	w := sqliteDatabase("sqlite:" + to)
	requireUnverified(t, w, w.open(t))
	requireEqual(t, readSession(t, s, 2).State, conversation.StateTaken)
}

// requireUnverified checks what fillStore left in a database that may have lost commits: no
// session is continued until the longest turn has passed.
func requireUnverified(t *testing.T, w testDatabase, s *Store) {
	t.Helper()
	found, once, err := s.Match(t.Context(), newHeadQuery("free", 10))
	requireNoError(t, err)
	if found != nil || once {
		t.Errorf("Match = %+v, %t, want none", found, once)
	}
	if got := readSession(t, s, 1); !got.MaybeTaken || got.Verified {
		t.Errorf("Session(1) = %+v, want MaybeTaken and not Verified", got)
	}
	requireEqual(t, string(must[*conversation.StoredTurn](t)(s.Turn(t.Context(), tokenOf(4))).Answer), "a")
	w.advance(t, conversation.MaxTurn)
	if readSession(t, s, 1).MaybeTaken {
		t.Error("MaybeTaken of Session(1) after the longest turn = true, want false")
	}
	requireExpired(t, s)
}

// requireExpired checks that what fillStore had taken is expired.
func requireExpired(t *testing.T, s *Store) {
	t.Helper()
	ctx := t.Context()
	found, once, err := s.Match(ctx, newHeadQuery("free", 10))
	requireNoError(t, err)
	if found == nil || !once || found.Verified || found.SettingsKnown {
		t.Fatalf("Match = %+v, %t, want an unverified session", found, once)
	}
	for id := int64(2); id <= 3; id++ {
		n := readSession(t, s, id)
		if n.State != conversation.StateDirty || !n.EndUnknown || n.Head != (conversation.Hash{}) {
			t.Errorf("Session(%d) after its taking = %+v, want it dirty and without a head", id, n)
		}
	}
	_, err = s.Turn(ctx, tokenOf(5))
	requireError(t, err, conversation.ErrUnknown)
	_, claimed, err := s.ClaimName(ctx, nameKey("claimed"), tokenOf(11))
	if !claimed || err != nil {
		t.Errorf("ClaimName of a name with an expired claim = %v, %v, want true", claimed, err)
	}
	requireEqual(t, must[conversation.Name](t)(s.Name(ctx, nameKey("bound"))).Session, int64(1))

	// A head that is written from now on is verified.
	found.Verified, found.Head = true, hashOf("next")
	requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(10), Session: *found}))
	if !readSession(t, s, 1).Verified {
		t.Error("Verified of a head that was just written = false, want true")
	}
}

func TestStoreThatWasClosedIsVerified(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	s := sqliteDatabase("sqlite:" + path).open(t)
	fillStore(t, s)
	requireNoError(t, s.Close())
	s = sqliteDatabase("sqlite:" + path).open(t)
	requireEqual(t, readSession(t, s, 1), sampleSession(1, "free"))
	// What the process had taken is over, although it closed the database.
	requireEqual(t, readSession(t, s, 2).State, conversation.StateDirty)
	_, err := s.Turn(t.Context(), tokenOf(5))
	requireError(t, err, conversation.ErrUnknown)
	requireNoError(t, s.MarkUnverified(t.Context()))
	if readSession(t, s, 1).Verified {
		t.Error("Verified after MarkUnverified = true, want false")
	}
	requireNoError(t, s.Close())
	s = sqliteDatabase("sqlite:" + path).open(t)
	if readSession(t, s, 1).Verified {
		t.Error("Verified after MarkUnverified and Close = true, want false")
	}
}

func TestFileIsLockedByOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "achuan.db")
	w := sqliteDatabase("sqlite:" + path)
	s := w.open(t)
	_, err := Open(t.Context(), Options{URL: w.url})
	requireErrorText(t, err, "another achuan process uses it", path)
	requireNoError(t, s.Close())
	w.open(t)
}
