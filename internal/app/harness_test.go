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
	backend := httptest.NewServer(sim)
	settings, err := config.Load(config.LoadOptions{Dir: t.TempDir(), Environ: []string{
		"ACHUAN_JWT=token", "ACHUAN_LISTEN=127.0.0.1:0", "ACHUAN_DRAIN_TIMEOUT=5s",
		"ACHUAN_DATABASE_URL=sqlite::memory:", "ACHUAN_API_URL=" + backend.URL + "/api/chat/completions",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(settings)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- app.Serve(ctx, settings, app.Options{Logger: logger, Version: "1.2.3", Ready: func(a string) { ready <- a }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Serve = %v, want nil", err)
		}
		sim.Close()
		backend.Close()
	})
	select {
	case address := <-ready:
		return "http://" + address
	case err := <-done:
		done <- nil
		t.Fatalf("Serve = %v before it was ready", err)
		return ""
	}
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
