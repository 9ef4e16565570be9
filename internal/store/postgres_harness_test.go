package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"achuan/internal/postgrestest"
)

// postgresDatabase returns a new schema on the server for tests. Its advance makes the stored times older, because
// the server's clock cannot be set.
func postgresDatabase(t testing.TB) testDatabase {
	t.Helper()
	schema := postgrestest.NewSchema(t)
	return testDatabase{
		url:    schema.URL + "&pool_max_conns=8",
		schema: schema,
		now:    time.Now,
		advance: func(t *testing.T, d time.Duration) {
			postgrestest.Exec(t, schema.URL, strings.ReplaceAll(`
				UPDATE sessions SET lease = lease - DELTA, retry = retry - DELTA, waiter_seen = waiter_seen - DELTA, taken = taken - DELTA;
				UPDATE meta SET moved = moved - DELTA;
				UPDATE names SET lease = lease - DELTA;
				UPDATE turns SET lease = lease - DELTA, ended = ended - DELTA;
				UPDATE blobs SET used = used - DELTA;
				UPDATE files SET expires = expires - DELTA WHERE expires > 0`, "DELTA", fmt.Sprint(d.Microseconds())))
		},
	}
}
