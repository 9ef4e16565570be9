package store

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"achuan/internal/conversation"
	"achuan/internal/postgrestest"
)

// While another replica takes the last session of an interrupted turn, an earlier session of the
// turn is not taken instead.
func TestEarlierSessionIsNotResumedMeanwhile(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		for id := range int64(2) {
			requireNoError(t, s.Create(t.Context(), conversation.Session{ID: id + 1, Caller: "alice"}, takingFor(1, "r")))
		}
		interruptTakings(t, w, s)
		unlock := lockRow(t, w, "SELECT 1 FROM sessions WHERE id = 2 FOR UPDATE")
		if found := attachOrBegin(t, s, newTurn(2, "r", ""), false).Interrupted; found != nil {
			t.Errorf("resumed session %d, want none while session 2 is locked", found.ID)
		}
		unlock()
		if found := attachOrBegin(t, s, newTurn(3, "r", ""), false).Interrupted; found == nil || found.ID != 2 {
			t.Errorf("resumed %v, want session 2", found)
		}
	})
}

// A Save that waits for a row whose taking another replica ends changes no heads.
func TestSaveOfAnEndedTakingChangesNoHeads(t *testing.T) {
	leasedStore(t, func(t *testing.T, w testDatabase, s *Store) {
		putSession(t, s, sampleSession(1, "old"))
		q := newHeadQuery("old", 1)
		found, _, err := s.Match(t.Context(), q)
		requireNoError(t, err)
		unlock := lockRow(t, w, "UPDATE sessions SET token = NULL WHERE id = 1")
		saved := make(chan error, 1)
		go func() {
			found.Head = hashOf("new")
			commit := conversation.Commit{Token: q.Taking.Token, Session: *found}
			saved <- s.Save(context.WithoutCancel(t.Context()), commit)
		}()
		eventually(t, func() bool {
			return postgrestest.Count(t, w.schema.URL, "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%heads%'") > 0
		})
		unlock()
		requireError(t, <-saved, conversation.ErrNotHeld)
		if again, _, err := s.Match(t.Context(), newHeadQuery("old", 2)); err != nil || again == nil {
			t.Errorf("Match(old head) = %v, %v, want session 1", again, err)
		}
		if _, isKnown, err := s.Match(t.Context(), newHeadQuery("new", 3)); err != nil || isKnown {
			t.Errorf("Match(new head) = known %v, %v, want unknown", isKnown, err)
		}
	})
}

// lockRow runs a statement in a transaction of another client. unlock commits it.
func lockRow(t *testing.T, w testDatabase, statement string) (unlock func()) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), w.schema.URL)
	requireNoError(t, err)
	t.Cleanup(func() { requireNoError(t, c.Close(context.WithoutCancel(t.Context()))) })
	transaction, err := c.Begin(t.Context())
	requireNoError(t, err)
	_, err = transaction.Exec(t.Context(), statement)
	requireNoError(t, err)
	return func() { requireNoError(t, transaction.Commit(t.Context())) }
}
