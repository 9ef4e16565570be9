package store

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"achuan/internal/conversation"
)

// The first release (commit 98e1e37) made the file with `achuan simulate`: a chat, a name, an
// id with two questions, and a name with a history.
const (
	releaseFile    = "testdata/release-1.db.gz"
	releaseAccount = "127.0.0.1:8100/42"
)

// unpackRelease returns the path of a copy of the first release's database.
func unpackRelease(t *testing.T) string {
	t.Helper()
	packed, err := os.Open(releaseFile)
	requireNoError(t, err)
	defer packed.Close() //nolint:errcheck // it is only read
	content, err := gzip.NewReader(packed)
	requireNoError(t, err)
	database, err := io.ReadAll(content)
	requireNoError(t, err)
	path := filepath.Join(t.TempDir(), "achuan.db")
	requireNoError(t, os.WriteFile(path, database, 0o600))
	return path
}

// Open migrates a database of the first release, whose sessions remain usable.
func TestReleaseOne(t *testing.T) {
	ctx := t.Context()
	s := sqliteDatabase("sqlite:"+unpackRelease(t)).open(t, releaseAccount)
	requireEqual(t, must[int](t)(s.Schema(ctx)), schemaInTests)
	list, total, err := s.Sessions(ctx, conversation.OwnerOf("anonymous"), 0, 10)
	requireNoError(t, err)
	requireEqual(t, total, 4)
	for _, n := range list {
		if n.State != conversation.StateFree || !n.Verified || !n.SettingsKnown || n.MaybeTaken || n.Settings.Model != "gpt-5.1-high" {
			t.Errorf("session %d = %+v, want it free, verified and known", n.ID, n)
		}
	}
	anna := conversation.NameKey{Caller: "anonymous", Model: "gpt-5.1-high", Name: "anna"}
	requireEqual(t, must[conversation.Name](t)(s.Name(ctx, anna)), conversation.Name{Session: 1000002})
	chat := readSession(t, s, 1000001)
	found, _, err := s.Match(ctx, conversation.HeadQuery{Caller: "anonymous", Head: chat.Head, Taking: newTaking(1), Prefer: chat.Settings})
	requireNoError(t, err)
	requireEqual(t, *found, chat)
	found.Head = hashOf("next")
	requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: *found}))
	requireEqual(t, readSession(t, s, 1000001).Head, hashOf("next"))
	byID := must[*conversation.Session](t)(s.Take(ctx, 1000003, newTaking(2), conversation.ByID))
	requireEqual(t, byID.Exchanges, 2)
}
