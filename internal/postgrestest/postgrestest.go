// Package postgrestest gives a test its own schema on a PostgreSQL server. Only tests import it. It knows no
// tables, and it does not start servers.
package postgrestest

import (
	"cmp"
	"context"
	"crypto/rand"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// localServer is the PostgreSQL that .ci/postgres starts.
const localServer = "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"

// timeout is how long a connection with its statements may take.
const timeout = 30 * time.Second

// Schema is a schema of one test on the server for tests.
type Schema struct {
	Name string
	URL  string // of the database, with the schema as its search path
}

// NewSchema returns a schema that does not exist yet, and drops it at the end of the test. It skips the test if
// there is no server.
func NewSchema(t testing.TB) Schema {
	t.Helper()
	u, err := url.Parse(server(t))
	if err != nil {
		t.Fatal(err)
	}
	s := Schema{Name: "t_" + strings.ToLower(rand.Text())}
	query := u.Query()
	query.Set("search_path", s.Name)
	u.RawQuery = query.Encode()
	s.URL = u.String()
	t.Cleanup(func() { Exec(t, s.URL, "DROP SCHEMA IF EXISTS "+s.Name+" CASCADE") })
	return s
}

// server returns the URL of the server that ACHUAN_TEST_POSTGRES names, or of localServer. CI sets the variable,
// so that it skips no test.
func server(t testing.TB) string {
	t.Helper()
	named := os.Getenv("ACHUAN_TEST_POSTGRES")
	if named == "" {
		dialer := net.Dialer{Timeout: time.Second}
		c, err := dialer.DialContext(t.Context(), "tcp", "127.0.0.1:5432")
		if err != nil {
			t.Skip("no PostgreSQL on 127.0.0.1:5432 (.ci/postgres installs and starts one), and ACHUAN_TEST_POSTGRES is not set")
		}
		_ = c.Close() // only a test of the port
	}
	return cmp.Or(named, localServer)
}

// Exec executes statements on a separate connection to a database.
func Exec(t testing.TB, databaseURL, statements string) {
	t.Helper()
	connect(t, databaseURL, func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, statements)
		return err
	})
}

// Count returns the number that a query selects, on a separate connection to a database.
func Count(t testing.TB, databaseURL, query string) (n int) {
	t.Helper()
	connect(t, databaseURL, func(ctx context.Context, c *pgx.Conn) error { return c.QueryRow(ctx, query).Scan(&n) })
	return n
}

// connect calls f with a connection, also while the test is being cleaned up.
func connect(t testing.TB, databaseURL string, f func(ctx context.Context, c *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), timeout)
	defer cancel()
	c, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		t.Fatalf("Connect(…) = %v, want a connection to PostgreSQL", err)
	}
	defer c.Close(ctx) //nolint:errcheck // the statements are committed or have failed
	if err := f(ctx, c); err != nil {
		t.Fatal(err)
	}
}
