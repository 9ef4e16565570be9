package store

import (
	"compress/gzip"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"achuan/internal/conversation"
)

// A release made each file with `achuan simulate`: a chat of two turns, a name, an id with
// questions, and a name with a history.
var releases = []struct {
	name, file string
	questions  int // of the id
}{
	{"0.0 (commit 98e1e37, schema 1)", "testdata/release-1.db.gz", 2},
	{"0.1.0 (schema 2)", "testdata/release-0.1.0.db.gz", 3},
}

const releaseAccount = "127.0.0.1:8100/42"

// unpackRelease returns the path of a copy of a release's database.
func unpackRelease(t *testing.T, file string) string {
	t.Helper()
	packed, err := os.Open(file)
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

// Open migrates a database of an earlier release, whose sessions remain usable.
func TestStoresOfEarlierReleases(t *testing.T) {
	for _, release := range releases {
		t.Run(release.name, func(t *testing.T) {
			path := unpackRelease(t, release.file)
			former := readFormerHead(t, path, 1000001)
			s := sqliteDatabase("sqlite:"+path).open(t, releaseAccount)
			requireEqual(t, must[int](t)(s.Schema(t.Context())), schemaInTests)
			checkRelease(t, s, former, release.questions)
		})
	}
}

func checkRelease(t *testing.T, s *Store, former conversation.Hash, questions int) {
	t.Helper()
	ctx := t.Context()
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
	query := conversation.HeadQuery{
		Caller: "anonymous", Head: former, Taking: newTaking(1), Prefer: chat.Settings,
		Instructions: chat.Instructions, Tools: chat.Tools,
	}
	found, isKnown, err := s.Match(ctx, query)
	requireNoError(t, err)
	if found != nil || isKnown != !former.IsZero() {
		t.Errorf("Match(former head) = %v, known %v, want none, known %v", found, isKnown, !former.IsZero())
	}
	query.Head = chat.Head
	found, _, err = s.Match(ctx, query)
	requireNoError(t, err)
	chat.Request, chat.Sent, chat.Question = found.Request, found.Sent, found.Question // of the new taking
	requireEqual(t, *found, chat)
	found.Head = hashOf("next")
	requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: *found}))
	requireEqual(t, readSession(t, s, 1000001).Head, hashOf("next"))
	byID := must[*conversation.Session](t)(s.Take(ctx, 1000003, newTaking(2), conversation.ByID))
	requireEqual(t, byID.Exchanges, questions)
}

// readFormerHead returns a head that a session of an earlier release had before its present one,
// or zero if the release made one turn in it only.
func readFormerHead(t *testing.T, path string, session int64) (former conversation.Hash) {
	t.Helper()
	db, err := openUnlocked(path, "ro")
	requireNoError(t, err)
	defer db.Close() //nolint:errcheck // it is only read
	var head []byte
	err = db.QueryRowContext(t.Context(), `
SELECT heads.head FROM heads JOIN sessions ON sessions.id = heads.session
WHERE heads.session = $1 AND heads.head <> sessions.head`, session).Scan(&head)
	if !errors.Is(err, sql.ErrNoRows) {
		requireNoError(t, err)
	}
	copy(former[:], head)
	return former
}
