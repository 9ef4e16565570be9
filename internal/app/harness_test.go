package app_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"achuan/internal/app"
	"achuan/internal/config"
	"achuan/internal/simulator"
)

// serve runs the app in front of a simulator until the test ends, and returns its base URL.
func serve(t *testing.T, sim *simulator.Simulator, change func(*config.Settings)) string {
	t.Helper()
	return serveLogged(t, sim, slog.New(slog.DiscardHandler), change)
}

// serveLogged is serve with a logger.
func serveLogged(t *testing.T, sim *simulator.Simulator, logger *slog.Logger, change func(*config.Settings)) string {
	t.Helper()
	settings := loadSettings(t, sim, "ACHUAN_DRAIN_TIMEOUT=5s", "ACHUAN_DATABASE_URL=sqlite::memory:")
	if change != nil {
		change(settings)
	}
	r := runApp(t, settings, logger)
	t.Cleanup(func() {
		r.stop()
		if err := <-r.done; err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
	})
	return r.url
}

// loadSettings returns the settings of an app in front of a simulator, which serves until the test ends.
func loadSettings(t *testing.T, sim *simulator.Simulator, environ ...string) *config.Settings {
	t.Helper()
	backend := httptest.NewServer(sim)
	t.Cleanup(func() { sim.Close(); backend.Close() })
	settings, err := config.Load(config.LoadOptions{Dir: t.TempDir(), Environ: append([]string{
		"ACHUAN_JWT=token", "ACHUAN_LISTEN=127.0.0.1:0", "ACHUAN_API_URL=" + backend.URL + "/api/chat/completions",
	}, environ...)})
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

// runningApp is an app that serves at url. Its done gets the error of Serve.
type runningApp struct {
	url  string
	stop context.CancelFunc
	done chan error
}

// startApp runs an app in front of a simulator until it is stopped or the test ends. Its settings are the default and
// those of environ.
func startApp(t *testing.T, sim *simulator.Simulator, environ ...string) *runningApp {
	t.Helper()
	return runApp(t, loadSettings(t, sim, environ...), slog.New(slog.DiscardHandler))
}

func runApp(t *testing.T, settings *config.Settings, logger *slog.Logger) *runningApp {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	ready := make(chan string, 1)
	r := &runningApp{stop: stop, done: make(chan error, 1)}
	go func() {
		r.done <- app.Serve(ctx, settings, app.Options{Logger: logger, Version: "1.2.3", Ready: func(a string) { ready <- a }})
	}()
	select {
	case address := <-ready:
		r.url = "http://" + address
	case err := <-r.done:
		t.Fatalf("Serve = %v before it was ready, want it to serve", err)
	}
	return r
}

// exchange sends a JSON request with headers (names and values) and reads the whole reply.
func exchange(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}
