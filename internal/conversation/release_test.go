package conversation_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// Conversations of a database of the first release are continued. Package store says how the file was made.
func TestFirstReleaseIsContinued(t *testing.T) {
	packed, err := os.Open("../store/testdata/release-1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close() //nolint:errcheck // it is only read
	content, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	database, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "achuan.db")
	if err := os.WriteFile(path, database, 0o600); err != nil {
		t.Fatal(err)
	}
	s := siteOf(t, "127.0.0.1:8100/42", "sqlite:"+path, simulator.Options{}, false, conversation.DefaultLease)
	for id := int64(1000001); id <= 1000004; id++ {
		if got := s.sim.AddSession(model); got != id {
			t.Fatalf("AddSession = %d, want %d as in the first release's run", got, id)
		}
	}
	s.sim.AppendRecord(1000002, "of a name", "an answer")
	s.sim.AppendRecord(1000003, "by id", "an answer")
	s.sim.AppendRecord(1000003, "more", "an answer")
	s.continued(s.ask(byID(chat.Anonymous, 1000003, user("again"))), 1000003, "again")
	s.continued(s.ask(byName(chat.Anonymous, "anna", user("again"))), 1000002, "again")
	if h := s.last().History; len(h) != 1 {
		t.Errorf("history before the question = %v, want one exchange", h)
	}
}
