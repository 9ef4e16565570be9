package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
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

// testServer returns the URL of the PostgreSQL server for tests. It skips the test if there is
// none. CI names a server, and so skips nothing.
func testServer(t testing.TB) string {
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

// postgresDatabase returns a new schema on the test server. Its advance makes the stored times
// older, because the server's clock cannot be set.
func postgresDatabase(t testing.TB) testDatabase {
	t.Helper()
	schema := "t_" + strings.ToLower(rand.Text())
	u, err := url.Parse(testServer(t))
	requireNoError(t, err)
	query := u.Query()
	query.Set("search_path", schema)
	query.Set("pool_max_conns", "8")
	u.RawQuery = query.Encode()
	t.Cleanup(func() { runAsAdmin(t, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") })
	return testDatabase{
		url: u.String(),
		advance: func(t *testing.T, d time.Duration) {
			runAsAdmin(t, strings.NewReplacer("DELTA", fmt.Sprint(d.Microseconds()), "SCHEMA", schema).Replace(`
				UPDATE SCHEMA.sessions SET lease = lease - DELTA, retry = retry - DELTA, waiter_seen = waiter_seen - DELTA, taken = taken - DELTA;
				UPDATE SCHEMA.meta SET moved = moved - DELTA;
				UPDATE SCHEMA.names SET lease = lease - DELTA;
				UPDATE SCHEMA.turns SET lease = lease - DELTA, ended = ended - DELTA`))
		},
	}
}

// runAsAdmin runs statements on the test server on a separate connection.
func runAsAdmin(t testing.TB, statements string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, testServer(t))
	if err != nil {
		t.Fatalf("no PostgreSQL to test with (.ci/postgres starts one): %v", err)
	}
	_, err = c.Exec(ctx, statements)
	requireNoError(t, errors.Join(err, c.Close(ctx)))
}
