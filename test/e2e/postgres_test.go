//go:build linux

package e2e

import (
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"achuan/internal/postgrestest"
)

// database is a PostgreSQL schema for one test.
type database struct {
	t   testing.TB
	url string
}

// newDatabase returns a schema on the server for tests.
func newDatabase(t testing.TB) *database {
	t.Helper()
	return &database{t, postgrestest.NewSchema(t).URL}
}

// setting returns the setting of the database. It limits the connections, because other tests use the server, too.
func (db *database) setting() string { return "ACHUAN_DATABASE_URL=" + db.url + "&pool_max_conns=4" }

func (db *database) exec(statements string) {
	db.t.Helper()
	postgrestest.Exec(db.t, db.url, statements)
}

func (db *database) queryCount(query string) int {
	db.t.Helper()
	return postgrestest.Count(db.t, db.url, query)
}

// postgresServer is a PostgreSQL server for one test, which the test may stop and start.
type postgresServer struct {
	database
	binDir, dir, port string
	options           string // of the server's command
	credential        *syscall.Credential
}

// newPostgresServer creates and starts a server with these settings.
func newPostgresServer(t testing.TB, settings ...string) *postgresServer {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		t.Skip("PostgreSQL is not installed (Debian: package postgresql)")
	}
	dir, err := os.MkdirTemp("", "achuan-e2e-postgres-") //nolint:usetesting // the user postgres cannot enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s := &postgresServer{binDir: filepath.Dir(slices.Max(found)), dir: dir, port: freePort(t)}
	if os.Getuid() == 0 { // PostgreSQL does not run as root
		s.credential = postgresUser(t, s.dir)
	}
	s.database = database{t, "postgres://postgres@127.0.0.1:" + s.port + "/postgres?sslmode=disable"}
	s.options = "-p " + s.port
	for _, setting := range append(settings, "listen_addresses=127.0.0.1", "fsync=off", "unix_socket_directories="+dir) {
		s.options += " -c " + setting
	}
	s.runTool("initdb", "-A", "trust", "-U", "postgres", "--no-sync", "-D", s.dataDir())
	s.start()
	t.Cleanup(s.crash)
	return s
}

func (s *postgresServer) dataDir() string { return filepath.Join(s.dir, "data") }

func (s *postgresServer) start() {
	s.t.Helper()
	s.runTool("pg_ctl", "start", "-w", "-D", s.dataDir(), "-l", filepath.Join(s.dir, "log"), "-o", s.options)
}

// stop stops the server normally.
func (s *postgresServer) stop() { s.stopWith("fast") }

// crash stops the server like a crash: it loses what is not on the disk, and recovers at its next start.
func (s *postgresServer) crash() { s.stopWith("immediate") }

func (s *postgresServer) stopWith(mode string) {
	s.t.Helper()
	if _, err := os.Stat(filepath.Join(s.dataDir(), "postmaster.pid")); err == nil {
		s.runTool("pg_ctl", "stop", "-w", "-m", mode, "-D", s.dataDir())
	}
}

// flush writes all commits to the disk.
func (s *postgresServer) flush() { s.exec("CHECKPOINT") }

func (s *postgresServer) runTool(name string, args ...string) {
	s.t.Helper()
	command := exec.Command(filepath.Join(s.binDir, name), args...)
	command.Dir = s.dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: s.credential}
	// The server inherits stdout and stderr, so they must be a file and not a pipe that Run waits for.
	out, err := os.CreateTemp(s.t.TempDir(), "")
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close() //nolint:errcheck // nothing more is written
	command.Stdout, command.Stderr = out, out
	if err := command.Run(); err != nil {
		output, _ := os.ReadFile(out.Name())
		s.t.Fatalf("%s = %v, want success:\n%s", name, err, output)
	}
}

// postgresUser makes the user of the Debian package the owner of dir, and returns it.
func postgresUser(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Skipf("PostgreSQL does not run as root, and there is no user postgres: %v", err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// freePort returns a free port below the range of outgoing connections, so that none of them uses it while the server
// is stopped.
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
	t.Fatal("free ports among 100 = none, want one")
	return ""
}
