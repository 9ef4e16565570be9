package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// testServer is the PostgreSQL that the tests use; .ci/postgres starts one.
func testServer() string {
	return cmp.Or(os.Getenv("ACHUAN_TEST_POSTGRES"), "postgres://postgres@127.0.0.1:5432/test?sslmode=disable")
}

// postgresWorld is a schema of its own on the tests' server. Time passes by making
// what is stored older: leases and ages go by the server's clock.
func postgresWorld(t testing.TB) world {
	t.Helper()
	schema := "t_" + strings.ToLower(rand.Text())
	u, err := url.Parse(testServer())
	check(t, err)
	query := u.Query()
	query.Set("search_path", schema)
	query.Set("pool_max_conns", "8")
	u.RawQuery = query.Encode()
	t.Cleanup(func() { admin(t, "DROP SCHEMA IF EXISTS "+schema+" CASCADE") })
	return world{
		url: u.String(),
		pass: func(t *testing.T, d time.Duration) {
			admin(t, strings.NewReplacer("DELTA", fmt.Sprint(d.Microseconds()), "SCHEMA", schema).Replace(`
				UPDATE SCHEMA.sessions SET lease = lease - DELTA, retry = retry - DELTA;
				UPDATE SCHEMA.names SET lease = lease - DELTA;
				UPDATE SCHEMA.turns SET lease = lease - DELTA, ended = ended - DELTA`))
		},
	}
}

// admin runs statements beside the store.
func admin(t testing.TB, statements string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, testServer())
	if err != nil {
		t.Fatalf("no PostgreSQL to test with (.ci/postgres starts one): %v", err)
	}
	_, err = c.Exec(ctx, statements)
	check(t, errors.Join(err, c.Close(ctx)))
}
