package doctor_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"achuan/internal/config"
	"achuan/internal/doctor"
	"achuan/internal/simulator"
)

// Every line of a healthy installation is ok.
func TestHealthyInstallation(t *testing.T) {
	s := newInstallation(t)
	s.makeHealthy()
	s.options.AskModels = true
	confirmed := 0
	s.options.Confirm = func(questions, models int) bool {
		if questions != 2*models {
			t.Errorf("Confirm(%d, %d), want two questions for each model", questions, models)
		}
		confirmed++
		return true
	}
	lines := s.runDoctor()
	if len(lines) != 12 || confirmed != 1 {
		t.Errorf("Run reported %d lines and called Confirm %d times, want 12 lines and one call", len(lines), confirmed)
	}
	for name, l := range lines {
		if l.State != doctor.OK || l.Remedy != "" || l.Found == "" {
			t.Errorf("line %s = %+v, want ok without a remedy", name, l)
		}
	}
	if left := s.sim.Sessions(); len(left) > 0 {
		t.Errorf("the platform has %d sessions afterwards, want 0", len(left))
	}
}

// Each fault of an installation makes exactly one line fail: its own, with a remedy.
func TestBrokenInstallations(t *testing.T) {
	for _, c := range []struct {
		name, line, found, remedy string
		breakIt                   func(s *installation)
	}{
		{"a slip in a setting", "settings", `ACHUAN_IDLE_TIMEOUT: "120" is not allowed`, "achuan config", func(s *installation) {
			s.makeHealthy()
			s.set("ACHUAN_IDLE_TIMEOUT", "120")
		}},
		{"no JWT", "jwt", "ACHUAN_JWT is not set", "log in on the platform's web page", func(s *installation) {
			s.makeHealthy()
			s.set("ACHUAN_JWT", "")
			s.url = "" // the running server has another JWT, so it is not the server of these settings
			s.backUp(0)
		}},
		{"a JWT that is not a JWT", "jwt", "it must have three parts", "log in on the platform's web page", func(s *installation) {
			s.set("ACHUAN_JWT", "a-text-without-dots")
			s.makeHealthy()
		}},
		{"a JWT that expires tomorrow", "jwt", "1.0 days left", "log in on the platform's web page", func(s *installation) {
			s.set("ACHUAN_JWT", simulator.NewToken(42, time.Now(), 24*time.Hour))
			s.makeHealthy()
		}},
		{"no such host", "platform", "DNS: platform.invalid", "name server", func(s *installation) {
			s.makeHealthy()
			s.set("ACHUAN_API_URL", "http://platform.invalid/api/chat/completions")
			s.backUp(0)
		}},
		{"no server at the address", "platform", "connection refused", "firewall", func(s *installation) {
			s.makeHealthy()
			s.set("ACHUAN_API_URL", "http://127.0.0.1:1/api/chat/completions")
			s.backUp(0)
		}},
		{"an unknown certificate", "platform", "TLS: ", "CA certificates", func(s *installation) {
			s.makeHealthy()
			secure := httptest.NewUnstartedServer(s.sim)
			secure.Config.ErrorLog = log.New(io.Discard, "", 0)
			secure.StartTLS()
			s.t.Cleanup(secure.Close)
			s.set("ACHUAN_API_URL", secure.URL+"/api/chat/completions")
			s.backUp(0)
		}},
		{"a proxy in front of a dead platform", "platform", "says HTTP 502", "wait, or ask its operator", func(s *installation) {
			s.makeHealthy()
			s.sim.InterceptOnce(simulator.RouteModels, simulator.Respond(502, "text/html", "<html>"))
		}},
		{"a slow platform", "platform", "took 0.", "nearer network", func(s *installation) {
			s.makeHealthy()
			s.options.MaxLatency = time.Nanosecond
		}},
		{"a refused login", "account", "refuses the JWT", "log in on the platform's web page", func(s *installation) {
			s.makeHealthy()
			s.sim.Intercept(simulator.RouteListSessions, simulator.Refuse(2, "请先登录"))
		}},
		{"a dead model", "models", "claude-sonnet-4-5-20250929, whole: HTTP 400 model_not_found", "use other models", func(s *installation) {
			s.makeHealthy()
			s.options.AskModels = true
			s.sim.Script(simulator.Fail(simulator.ProviderError(404, "not_found", "model does not exist", time.Now())))
		}},
		{"a model whose stream is cut", "models", "claude-sonnet-4-5-20250929, streamed: backend_truncated", "use other models", func(s *installation) {
			s.makeHealthy()
			s.options.AskModels = true
			s.sim.Script(simulator.Say("whole"), simulator.CutShort("half"))
		}},
		{"a proxy that hides errors", "errors", "an unknown model returned HTTP 502", "pass statuses and bodies unchanged", func(s *installation) {
			s.makeHealthy()
			s.options.URL = errorHidingProxy(s)
		}},
		{"a store that cannot be created", "store", "is no folder", "ACHUAN_DATABASE_URL", func(s *installation) {
			s.makeHealthy()
			file := filepath.Join(s.t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				s.t.Fatal(err)
			}
			s.options.BackupFile = file
			s.set("ACHUAN_DATABASE_URL", "sqlite:"+filepath.Join(file, "achuan.db"))
		}},
		{"a store in memory", "store", "in memory", "sqlite:PATH", func(s *installation) {
			s.makeHealthy()
			s.set("ACHUAN_DATABASE_URL", "sqlite::memory:")
		}},
		{"a folder for files that is none", "files", "is no folder", "free space", func(s *installation) {
			s.makeHealthy()
			if err := os.WriteFile(filepath.Join(filepath.Dir(s.storeFile()), "blobs"), nil, 0o600); err != nil {
				s.t.Fatal(err)
			}
		}},
		{"a store whose file is gone", "store", "the file of its store is gone", "restore a backup", func(s *installation) {
			s.makeHealthy()
			for _, name := range []string{s.storeFile(), s.storeFile() + "-wal", s.storeFile() + "-shm"} {
				if err := os.Remove(name); err != nil {
					s.t.Fatal(err)
				}
			}
		}},
		{"a store whose file was emptied", "store", "an empty file stands where the store was", "ACHUAN_DATABASE_URL", func(s *installation) {
			s.createStoppedStore()
			s.writeStoreFile(nil)
		}},
		{"a store that is no database", "store", "it is no SQLite database", "ACHUAN_DATABASE_URL", func(s *installation) {
			s.createStoppedStore()
			s.writeStoreFile([]byte(strings.Repeat("no database ", 1000)))
		}},
		{"a store with a broken page", "store", "or a broken one", "ACHUAN_DATABASE_URL", func(s *installation) {
			s.createStoppedStore()
			b := s.readStoreFile()
			for at := 4096; at+4096 <= len(b); at += 4096 {
				copy(b[at:], strings.Repeat("\xff", 64))
			}
			s.writeStoreFile(b)
		}},
		{"a wrong clock", "clock", "differs from the platform's by ", "timedatectl", func(s *installation) {
			s.makeHealthy()
			withOldDate := func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
				w.Header().Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
				usual(w, r)
			}
			s.sim.Intercept(simulator.RouteModels, withOldDate)
		}},
		{"an open network without client keys", "keys", "may spend the account's points", "ACHUAN_API_KEYS", func(s *installation) {
			s.set("ACHUAN_LISTEN", "0.0.0.0:0")
			s.set("ACHUAN_ALLOW_ANONYMOUS", "true")
			s.makeHealthy()
		}},
		{"nobody has ever scraped", "metrics", "since the server started", "deploy/prometheus", func(s *installation) {
			s.options.IsProduction = true
			s.serve()
			s.backUp(time.Hour)
		}},
		{"nobody scrapes any more", "metrics", "nobody has scraped /metrics for", "deploy/prometheus", func(s *installation) {
			s.options.IsProduction = true
			s.makeHealthy()
			s.options.URL = proxyWithScrapeTime(s, time.Now().Add(-6*time.Minute))
		}},
		{"no backup", "backup", "no backup was ever made", "achuan backup FILE", func(s *installation) {
			s.options.IsProduction = true
			s.serve()
			s.scrape()
		}},
		{"an old backup", "backup", "30 hours old", "achuan backup FILE", func(s *installation) {
			s.options.IsProduction = true
			s.serve()
			s.scrape()
			s.backUp(30 * time.Hour)
		}},
		{"a backup of other settings", "backup", "are not those in the backup", "achuan backup FILE", func(s *installation) {
			s.options.IsProduction = true
			s.makeHealthy()
			s.set("ACHUAN_LOG_LEVEL", "debug")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newInstallation(t)
			c.breakIt(s)
			failed := failedLines(s.runDoctor())
			l, ok := failed[c.line]
			if !ok || len(failed) != 1 || !strings.Contains(l.Found, c.found) || !strings.Contains(l.Remedy, c.remedy) {
				t.Errorf("failed lines = %+v, want only %s with %q and the remedy %q", failed, c.line, c.found, c.remedy)
			}
		})
	}
}

// errorHidingProxy starts a proxy in front of the server that replaces errors with its own pages. It returns its URL.
func errorHidingProxy(s *installation) string {
	return proxyInFront(s, func(resp *http.Response) error {
		if resp.StatusCode >= 400 {
			resp.StatusCode = http.StatusBadGateway
			resp.Body = io.NopCloser(strings.NewReader("<html>"))
			resp.Header.Del("Content-Length")
		}
		return nil
	})
}

// proxyWithScrapeTime starts a proxy in front of the server whose /readyz says that the last scrape was at that time.
func proxyWithScrapeTime(s *installation, at time.Time) string {
	return proxyInFront(s, func(resp *http.Response) error {
		if resp.Request.URL.Path == "/readyz" {
			resp.Body = io.NopCloser(strings.NewReader(`{"status":"ready","checks":{"store":"ok"},"metrics_scraped":"` + at.UTC().Format(time.RFC3339) + `"}`))
			resp.Header.Del("Content-Length")
		}
		return nil
	})
}

// proxyInFront starts a proxy in front of the server that changes replies. It returns its URL.
func proxyInFront(s *installation, change func(*http.Response) error) string {
	target, err := url.Parse(s.url)
	if err != nil {
		s.t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: change,
	})
	s.t.Cleanup(proxy.Close)
	return proxy.URL
}

// The models are asked only with AskModels and a confirmation, because questions cost points.
func TestModelsNeedConfirmation(t *testing.T) {
	s := newInstallation(t)
	s.makeHealthy()
	before := s.sim.Calls(simulator.RouteCompletions)
	if l := s.runDoctor()["models"]; l.State != doctor.Skip || !strings.Contains(l.Remedy, "--models") {
		t.Errorf("line models without AskModels = %+v, want skip with the remedy --models", l)
	}
	s.options.AskModels = true
	s.options.Confirm = func(int, int) bool { return false }
	if l := s.runDoctor()["models"]; l.State != doctor.Skip || !strings.Contains(l.Found, "nobody said yes") {
		t.Errorf("line models without a confirmation = %+v, want skip", l)
	}
	if n := s.sim.Calls(simulator.RouteCompletions) - before; n != 0 {
		t.Errorf("the platform got %d questions, want 0", n)
	}
}

// Without the settings of a server, the lines report what the server says about itself.
func TestRemoteServer(t *testing.T) {
	s := newInstallation(t)
	s.makeHealthy()
	s.set("ACHUAN_JWT", "")
	s.options.AskModels = true
	lines := s.runDoctor()
	for _, name := range []string{"jwt", "platform", "account", "models", "errors", "store", "clock", "keys", "metrics"} {
		if lines[name].State == doctor.Fail {
			t.Errorf("line %s = %+v, want no failure", name, lines[name])
		}
	}
	if l := lines["jwt"]; l.State != doctor.OK || !strings.Contains(l.Found, "30 days left") {
		t.Errorf("line jwt = %+v, want ok with 30 days left", l)
	}
	s.sim.ExpireLogin(simulator.LoginHTTP401)
	s.options.AskModels = false
	resp, err := http.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-5.1-high","messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	failed := failedLines(s.runDoctor())
	if l := failed["account"]; len(failed) != 1 || !strings.Contains(l.Found, "refuses the server's JWT") {
		t.Errorf("failed lines = %+v, want only account", failed)
	}
}

// Without settings and without a server, only the line of the settings fails.
func TestNoSettings(t *testing.T) {
	_, settingsErr := config.Load(config.LoadOptions{Dir: t.TempDir(), Environ: []string{"ACHUAN_LISTEN=x"}})
	lines := map[string]doctor.Line{}
	options := doctor.Options{SettingsError: settingsErr}
	failed := doctor.Run(t.Context(), options, func(l doctor.Line) { lines[l.Name] = l })
	if failed != 1 || lines["settings"].State != doctor.Fail {
		t.Errorf("Run = %d failures, lines %+v, want only settings to fail", failed, lines)
	}
}

// Production needs metrics and backups. On a laptop these lines are hints, not failures.
func TestHints(t *testing.T) {
	s := newInstallation(t)
	s.serve()
	for name, want := range map[string]doctor.State{"metrics": doctor.Hint, "backup": doctor.Hint} {
		if l := s.runDoctor()[name]; l.State != want || l.Remedy == "" {
			t.Errorf("line %s = %+v, want a hint with a remedy", name, l)
		}
	}
	s.options.IsProduction = true
	if failed := failedLines(s.runDoctor()); len(failed) != 2 {
		t.Errorf("failed lines in production = %+v, want metrics and backup", failed)
	}

	s = newInstallation(t)
	s.set("ACHUAN_LISTEN", "0.0.0.0:0")
	s.set("ACHUAN_API_KEYS", "a-key-of-somebody")
	s.serve()
	if failed := failedLines(s.runDoctor()); len(failed) != 2 {
		t.Errorf("failed lines on a network = %+v, want metrics and backup", failed)
	}
}
