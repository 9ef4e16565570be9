package store

import "testing"

// A replica that is paused (SIGSTOP) within a transaction must not lock its rows for longer
// than a lease: the server ends the transaction.
func TestPausedTransactionsEnd(t *testing.T) {
	s := postgresDatabase(t).open(t)
	var timeout string
	requireNoError(t, s.backend.(*postgres).pool.QueryRow(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&timeout))
	if timeout != "5s" {
		t.Errorf("idle_in_transaction_session_timeout = %s, want 5s", timeout)
	}
}
