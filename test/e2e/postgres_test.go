//go:build linux

package e2e

import (
	"context"
	"crypto/rand"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// database is a PostgreSQL schema of the test's own.
type database struct {
	t   testing.TB
	url string
}

// newDatabase makes a schema on the server that .ci/postgres starts.
func newDatabase(t testing.TB) *database {
	t.Helper()
	server := testServer(t)
	schema := "e2e_" + strings.ToLower(rand.Text())
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	db := &database{t, u.String()}
	t.Cleanup(func() { db.exec("DROP SCHEMA IF EXISTS " + schema + " CASCADE") })
	return db
}

// testServer is the PostgreSQL to test with. CI names one, and so skips nothing.
func testServer(t testing.TB) string {
	t.Helper()
	if named := os.Getenv("ACHUAN_TEST_POSTGRES"); named != "" {
		return named
	}
	c, err := net.DialTimeout("tcp", "127.0.0.1:5432", mostTime)
	if err != nil {
		t.Skip("no PostgreSQL on 127.0.0.1:5432 (.ci/postgres installs and starts one), and ACHUAN_TEST_POSTGRES names none")
	}
	_ = c.Close() // it was there
	return "postgres://postgres@127.0.0.1:5432/test?sslmode=disable"
}

// setting names the database to the program, which is to leave room for the
// processes of other tests.
func (db *database) setting() string { return "ACHUAN_DATABASE_URL=" + db.url + "&pool_max_conns=4" }

// exec runs statements beside the program.
func (db *database) exec(statements string) {
	db.t.Helper()
	db.with(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, statements)
		return err
	})
}

// count is a number that a query tells.
func (db *database) count(query string) (n int) {
	db.t.Helper()
	db.with(func(ctx context.Context, c *pgx.Conn) error { return c.QueryRow(ctx, query).Scan(&n) })
	return n
}

func (db *database) with(f func(ctx context.Context, c *pgx.Conn) error) {
	db.t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(db.t.Context()), mostTime)
	defer cancel()
	c, err := pgx.Connect(ctx, db.url)
	if err != nil {
		db.t.Fatalf("no PostgreSQL to test with (.ci/postgres starts one): %v", err)
	}
	defer c.Close(ctx) //nolint:errcheck // what was asked for has been answered
	if err := f(ctx, c); err != nil {
		db.t.Error(err)
	}
}

// server is a PostgreSQL server of the test's own, to be stopped and started.
type server struct {
	database
	bin, dir, port string
	options        string // of the server's command
	as             *syscall.Credential
}

// newServer makes a server with such settings and starts it.
func newServer(t testing.TB, settings ...string) *server {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		t.Skip("this machine has no PostgreSQL server to run (Debian: package postgresql)")
	}
	dir, err := os.MkdirTemp("", "achuan-e2e-postgres-") //nolint:usetesting // t.TempDir is nobody else's to enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := &server{bin: filepath.Dir(slices.Max(found)), dir: dir, port: freePort(t)}
	if os.Getuid() == 0 { // PostgreSQL does not run as root
		s.as = postgresUser(t, s.dir)
	}
	s.database = database{t, "postgres://postgres@127.0.0.1:" + s.port + "/postgres?sslmode=disable"}
	s.options = "-p " + s.port
	for _, setting := range append(settings, "listen_addresses=127.0.0.1", "fsync=off", "unix_socket_directories="+dir) {
		s.options += " -c " + setting
	}
	s.run("initdb", "-A", "trust", "-U", "postgres", "--no-sync", "-D", s.data())
	s.start()
	t.Cleanup(s.crash)
	return s
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

func (s *server) start() {
	s.t.Helper()
	s.run("pg_ctl", "start", "-w", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-o", s.options)
}

// stop ends the server in order.
func (s *server) stop() { s.end("fast") }

// crash ends the server so that it has to recover: what was not on the disk is gone.
func (s *server) crash() { s.end("immediate") }

func (s *server) end(mode string) {
	s.t.Helper()
	if _, err := os.Stat(filepath.Join(s.data(), "postmaster.pid")); err == nil {
		s.run("pg_ctl", "stop", "-w", "-m", mode, "-D", s.data())
	}
}

// flush brings to the disk what was committed so far.
func (s *server) flush() { s.exec("CHECKPOINT") }

func (s *server) run(name string, args ...string) {
	s.t.Helper()
	command := exec.Command(filepath.Join(s.bin, name), args...)
	command.Dir = s.dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	// The server keeps the files that it was started with.
	out, err := os.CreateTemp(s.t.TempDir(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // only read from here on
	command.Stdout, command.Stderr = out, out
	if err := command.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		s.t.Fatalf("%s: %v\n%s", name, err, said)
	}
}

// postgresUser is the user that Debian's package makes, who gets the folder.
func postgresUser(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skipf("root does not run PostgreSQL, and nobody else is there to: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// freePort finds a port that no outgoing connection gets by chance while the server
// is down: those have numbers above.
func freePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20_000 + mathrand.IntN(10_000))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
