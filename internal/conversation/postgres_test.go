package conversation_test

import (
	"strings"
	"testing"
	"time"

	"achuan/internal/conversation"
	"achuan/internal/postgrestest"
	"achuan/internal/simulator"
)

// postgresSite is a site whose store other engines may use, too. Its leases are long, so that only expireLeases ends
// one.
func postgresSite(t *testing.T) *site {
	t.Helper()
	return leasedPostgresSite(t, conversation.DefaultLease)
}

// leasedPostgresSite is postgresSite with leases of another duration.
func leasedPostgresSite(t *testing.T, lease time.Duration) *site {
	t.Helper()
	schema := postgrestest.NewSchema(t)
	s := siteOn(t, schema.URL+"&pool_max_conns=8", simulator.Options{}, false, lease)
	s.schema = schema
	return s
}

// expireLeases ends all takings, as if their processes had died a lease ago.
func (s *site) expireLeases() {
	s.t.Helper()
	for _, keep := range s.dead {
		keep.down.Store(true)
	}
	s.execInSchema("UPDATE SCHEMA.sessions SET lease = 1; UPDATE SCHEMA.names SET lease = 1; UPDATE SCHEMA.turns SET lease = 1")
	if _, err := s.keep.ExpireLeases(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// execInSchema executes statements on the tables of the store. SCHEMA stands for the name of their schema.
func (s *site) execInSchema(statements string) {
	s.t.Helper()
	postgrestest.Exec(s.t, s.schema.URL, strings.ReplaceAll(statements, "SCHEMA", s.schema.Name))
}
