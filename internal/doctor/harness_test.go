package doctor_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"achuan/internal/app"
	"achuan/internal/backup"
	"achuan/internal/config"
	"achuan/internal/doctor"
	"achuan/internal/simulator"
	"achuan/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup is a whole installation, in which all is well until a test breaks it.
type setup struct {
	t        *testing.T
	sim      *simulator.Simulator
	platform *httptest.Server
	environ  map[string]string
	url      string // of the running achuan; "" while none runs
	options  doctor.Options
}

func newSetup(t *testing.T) *setup {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	return &setup{t: t, sim: sim, platform: backend, environ: map[string]string{
		"ACHUAN_JWT":          simulator.NewToken(simulator.DefaultUser, time.Now(), 30*24*time.Hour),
		"ACHUAN_API_URL":      backend.URL + "/api/chat/completions",
		"ACHUAN_LISTEN":       "127.0.0.1:0",
		"ACHUAN_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "achuan.db"),
	}}
}

func (s *setup) set(name, value string) { s.environ[name] = value }

// load loads the settings as the program does.
func (s *setup) load() (*config.Settings, error) {
	var environ []string
	for name, value := range s.environ {
		environ = append(environ, name+"="+value)
	}
	return config.Load(config.LoadOptions{Dir: s.t.TempDir(), Environ: environ})
}

func (s *setup) settings() *config.Settings {
	s.t.Helper()
	settings, err := s.load()
	if err != nil {
		s.t.Fatal(err)
	}
	return settings
}

// serve starts achuan with the settings of now.
func (s *setup) serve() {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- app.Serve(ctx, s.settings(), app.Options{Logger: slog.New(slog.DiscardHandler), Version: "v1", Ready: func(a string) { ready <- a }})
	}()
	s.t.Cleanup(func() { stop(); <-done })
	select {
	case address := <-ready:
		_, port, _ := strings.Cut(address[strings.LastIndexByte(address, ']')+1:], ":")
		s.url = "http://127.0.0.1:" + port
	case err := <-done:
		done <- nil
		s.t.Fatalf("did not start: %v", err)
	}
}

// stopped makes a store and a backup of it, which no server uses any more.
func (s *setup) stopped() {
	s.t.Helper()
	keep, err := store.Open(s.t.Context(), store.Options{URL: s.environ["ACHUAN_DATABASE_URL"], Account: "test"})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := keep.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.backUp(time.Hour)
}

// file is where the store is.
func (s *setup) file() string { return strings.TrimPrefix(s.environ["ACHUAN_DATABASE_URL"], "sqlite:") }

func (s *setup) read() []byte {
	s.t.Helper()
	b, err := os.ReadFile(s.file())
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *setup) write(b []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.file(), b, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// scrape reads the metrics as Prometheus does.
func (s *setup) scrape() {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatal(resp.Status, err)
	}
}

// backUp makes a backup that is as old as is said.
func (s *setup) backUp(age time.Duration) {
	s.t.Helper()
	_, err := backup.ToFile(s.t.Context(), filepath.Join(s.t.TempDir(), "a.tar"), false, backup.Options{
		Database: s.environ["ACHUAN_DATABASE_URL"], Settings: s.text(),
		Now: func() time.Time { return time.Now().Add(-age) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *setup) text() []byte {
	var b bytes.Buffer
	if err := s.settings().Dump(&b); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

// wellServed is the rest of what an installation needs.
func (s *setup) wellServed() {
	s.t.Helper()
	s.serve()
	s.scrape()
	s.backUp(time.Hour)
}

// look runs the checklist with the settings of now.
func (s *setup) look() map[string]doctor.Line {
	s.t.Helper()
	o := s.options
	if o.Settings, o.SettingsError = s.load(); o.SettingsError == nil {
		o.SettingsText = s.text()
	}
	if o.URL == "" {
		o.URL = s.url
	}
	lines := map[string]doctor.Line{}
	failed := doctor.Run(s.t.Context(), o, func(l doctor.Line) { lines[l.Name] = l })
	if want := len(red(lines)); failed != want {
		s.t.Errorf("%d lines are said to have failed, %d did", failed, want)
	}
	return lines
}

func red(lines map[string]doctor.Line) map[string]doctor.Line {
	failed := map[string]doctor.Line{}
	for name, l := range lines {
		if l.State == doctor.Fail {
			failed[name] = l
		}
	}
	return failed
}
