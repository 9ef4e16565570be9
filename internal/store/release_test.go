package store

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"achuan/internal/conversation"
)

// The file was made by the first release (commit 98e1e37) against `achuan simulate`: a
// chat, a name, an id with two questions, and a name with a history.
const (
	releaseFile    = "testdata/release-1.db.gz"
	releaseAccount = "127.0.0.1:8100/42"
)

// unpackRelease returns the path of a copy of the first release's database.
func unpackRelease(t *testing.T) string {
	t.Helper()
	packed, err := os.Open(releaseFile)
	check(t, err)
	defer packed.Close() //nolint:errcheck // it is only read
	content, err := gzip.NewReader(packed)
	check(t, err)
	database, err := io.ReadAll(content)
	check(t, err)
	path := filepath.Join(t.TempDir(), "achuan.db")
	check(t, os.WriteFile(path, database, 0o600))
	return path
}

// A database of the first release is brought up to date, and its sessions go on.
func TestReleaseOne(t *testing.T) {
	ctx := t.Context()
	s := sqliteWorld("sqlite:"+unpackRelease(t)).open(t, releaseAccount)
	same(t, must[int](t)(s.Schema(ctx)), newestInTests)
	list, total, err := s.Sessions(ctx, conversation.OwnerOf("anonymous"), 0, 10)
	check(t, err)
	same(t, total, 4)
	for _, n := range list {
		if n.State != conversation.StateFree || !n.Verified || !n.SettingsKnown || n.MaybeTaken || n.Settings.Model != "gpt-5.1-high" {
			t.Errorf("session %d is %+v, want it free, verified and known", n.ID, n)
		}
	}
	anna := conversation.NameKey{Caller: "anonymous", Model: "gpt-5.1-high", Name: "anna"}
	same(t, must[conversation.Name](t)(s.Name(ctx, anna)), conversation.Name{Session: 1000002})
	chat := session(t, s, 1000001)
	found, _, err := s.Match(ctx, conversation.HeadQuery{Caller: "anonymous", Head: chat.Head, Taking: taking(1), Prefer: chat.Settings})
	check(t, err)
	same(t, *found, chat)
	found.Head = hash("next")
	check(t, s.Save(ctx, conversation.Commit{Token: token(1), Session: *found}))
	same(t, session(t, s, 1000001).Head, hash("next"))
	byID := must[*conversation.Session](t)(s.Take(ctx, 1000003, taking(2), conversation.ByID))
	same(t, byID.Exchanges, 2)
}
