package app_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"

	"achuan/internal/app"
	"achuan/internal/config"
	"achuan/internal/simulator"
)

// serve runs the app in front of a simulator, on a free port, until the test
// ends, and returns its base URL.
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
			t.Errorf("serve: %v", err)
		}
		sim.Close()
		backend.Close()
	})
	select {
	case address := <-ready:
		return "http://" + address
	case err := <-done:
		done <- nil
		t.Fatalf("did not start: %v", err)
		return ""
	}
}
