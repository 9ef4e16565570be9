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

// installation is a simulated platform with the settings of a healthy achuan. A test breaks one thing in it.
type installation struct {
	t        *testing.T
	sim      *simulator.Simulator
	platform *httptest.Server
	environ  map[string]string
	url      string // base URL of the running achuan; "" while none runs
	options  doctor.Options
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	sim := simulator.New(simulator.Options{})
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	return &installation{t: t, sim: sim, platform: backend, environ: map[string]string{
		"ACHUAN_JWT":          simulator.NewToken(simulator.DefaultUser, time.Now(), 30*24*time.Hour),
		"ACHUAN_API_URL":      backend.URL + "/api/chat/completions",
		"ACHUAN_LISTEN":       "127.0.0.1:0",
		"ACHUAN_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "achuan.db"),
	}}
}

func (s *installation) set(name, value string) { s.environ[name] = value }

// load loads the current settings as the program does.
func (s *installation) load() (*config.Settings, error) {
	var environ []string
	for name, value := range s.environ {
		environ = append(environ, name+"="+value)
	}
	return config.Load(config.LoadOptions{Dir: s.t.TempDir(), Environ: environ})
}

func (s *installation) settings() *config.Settings {
	s.t.Helper()
	settings, err := s.load()
	if err != nil {
		s.t.Fatal(err)
	}
	return settings
}

// serve starts achuan with the current settings.
func (s *installation) serve() {
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
		s.t.Fatalf("Serve = %v before it was ready, want a running server", err)
	}
}

// createStoppedStore creates a store that no server uses, and a backup of it.
func (s *installation) createStoppedStore() {
	s.t.Helper()
	db, err := store.Open(s.t.Context(), store.Options{URL: s.environ["ACHUAN_DATABASE_URL"]})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.backUp(time.Hour)
}

// storeFile returns the path of the store.
func (s *installation) storeFile() string {
	return strings.TrimPrefix(s.environ["ACHUAN_DATABASE_URL"], "sqlite:")
}

func (s *installation) readStoreFile() []byte {
	s.t.Helper()
	b, err := os.ReadFile(s.storeFile())
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *installation) writeStoreFile(b []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.storeFile(), b, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// scrape reads the metrics as Prometheus does.
func (s *installation) scrape() {
	s.t.Helper()
	resp, err := http.Get(s.url + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		s.t.Fatalf("GET /metrics = %s, %v, want HTTP 200", resp.Status, err)
	}
}

// backUp makes a backup of that age.
func (s *installation) backUp(age time.Duration) {
	s.t.Helper()
	_, err := backup.ToFile(s.t.Context(), filepath.Join(s.t.TempDir(), "a.tar"), false, backup.Options{
		Database: s.environ["ACHUAN_DATABASE_URL"], Settings: s.settingsText(),
		Now: func() time.Time { return time.Now().Add(-age) },
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *installation) settingsText() []byte {
	var b bytes.Buffer
	if err := s.settings().Dump(&b); err != nil {
		s.t.Fatal(err)
	}
	return b.Bytes()
}

// makeHealthy starts the server, scrapes it and makes a backup.
func (s *installation) makeHealthy() {
	s.t.Helper()
	s.serve()
	s.scrape()
	s.backUp(time.Hour)
}

// runDoctor runs the checklist with the current settings and returns its lines by name.
func (s *installation) runDoctor() map[string]doctor.Line {
	s.t.Helper()
	o := s.options
	if o.Settings, o.SettingsError = s.load(); o.SettingsError == nil {
		o.SettingsText = s.settingsText()
	}
	if o.URL == "" {
		o.URL = s.url
	}
	lines := map[string]doctor.Line{}
	failed := doctor.Run(s.t.Context(), o, func(l doctor.Line) { lines[l.Name] = l })
	if want := len(failedLines(lines)); failed != want {
		s.t.Errorf("Run = %d failures, want %d", failed, want)
	}
	return lines
}

func failedLines(lines map[string]doctor.Line) map[string]doctor.Line {
	failed := map[string]doctor.Line{}
	for name, l := range lines {
		if l.State == doctor.Fail {
			failed[name] = l
		}
	}
	return failed
}
