package conversation_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// localServer is the PostgreSQL that .ci/postgres starts.
const localServer = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"

// postgresServer is the PostgreSQL that the tests use. CI names one, and so skips nothing.
func postgresServer(t *testing.T) string {
	t.Helper()
	if named := os.Getenv("ACHUAN_TEST_POSTGRES"); named != "" {
		return named
	}
	c, err := net.DialTimeout("tcp", "127.0.0.1:5432", time.Second)
	if err != nil {
		t.Skip("no PostgreSQL on 127.0.0.1:5432 (.ci/postgres installs and starts one), and ACHUAN_TEST_POSTGRES names none")
	}
	_ = c.Close() // it was there
	return localServer
}

// postgresSite is a site whose store other engines may use, too. Its leases are long, so
// that only expireLeases ends one.
func postgresSite(t *testing.T) *site {
	t.Helper()
	return leasedPostgresSite(t, conversation.DefaultLease)
}

// leasedPostgresSite is postgresSite with leases of another duration.
func leasedPostgresSite(t *testing.T, lease time.Duration) *site {
	t.Helper()
	schema := "t_" + strings.ToLower(rand.Text())
	u, err := url.Parse(postgresServer(t))
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", schema)
	query.Set("pool_max_conns", "8")
	u.RawQuery = query.Encode()
	t.Cleanup(func() { execPostgres(t, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") })
	return siteOn(t, u.String(), simulator.Options{}, false, lease)
}

// expireLeases ends all takings, as if their holders had died a lease ago.
func (s *site) expireLeases() {
	s.t.Helper()
	execPostgres(s.t, strings.ReplaceAll(
		"UPDATE SCHEMA.sessions SET lease = 1; UPDATE SCHEMA.names SET lease = 1; UPDATE SCHEMA.turns SET lease = 1", "SCHEMA", s.schema()))
	if _, err := s.keep.ExpireLeases(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// schema is where the site's tables are.
func (s *site) schema() string {
	u, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	return u.Query().Get("search_path")
}

// execInSchema runs statements on the store's tables.
func (s *site) execInSchema(statements string) {
	s.t.Helper()
	execPostgres(s.t, strings.ReplaceAll(statements, "SCHEMA", s.schema()))
}

// execPostgres runs statements beside the store.
func execPostgres(t *testing.T, statements string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, postgresServer(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx) //nolint:errcheck // what it did is committed or an error by then
	if _, err := c.Exec(ctx, statements); err != nil {
		t.Fatal(err)
	}
}
