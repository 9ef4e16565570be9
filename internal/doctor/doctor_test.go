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

// Where all is well, every line is green.
func TestAllIsWell(t *testing.T) {
	s := newSetup(t)
	s.wellServed()
	s.options.Models = true
	asked := 0
	s.options.Confirm = func(questions, models int) bool {
		if questions != 2*models {
			t.Errorf("%d questions of %d models", questions, models)
		}
		asked++
		return true
	}
	lines := s.look()
	if len(lines) != 11 || asked != 1 {
		t.Errorf("%d lines, asked %d times", len(lines), asked)
	}
	for name, l := range lines {
		if l.State != doctor.OK || l.Remedy != "" || l.Found == "" {
			t.Errorf("%s: %+v", name, l)
		}
	}
	if left := s.sim.Sessions(); len(left) > 0 {
		t.Errorf("%d sessions were left on the platform", len(left))
	}
}

// Each way in which an installation is broken makes one line red: its own, with a
// remedy.
func TestBrokenSetups(t *testing.T) {
	for _, c := range []struct {
		name, line, found, remedy string
		breaking                  func(s *setup)
	}{
		{"a slip in a setting", "settings", `ACHUAN_IDLE_TIMEOUT: "120" is not allowed`, "achuan config", func(s *setup) {
			s.wellServed()
			s.set("ACHUAN_IDLE_TIMEOUT", "120")
		}},
		{"no JWT", "jwt", "ACHUAN_JWT is not set", "log in on the platform's web page", func(s *setup) {
			s.wellServed()
			s.set("ACHUAN_JWT", "")
			s.url = "" // what runs with another is not these settings' server
			s.backUp(0)
		}},
		{"no JWT but another text", "jwt", "it must have three parts", "log in on the platform's web page", func(s *setup) {
			s.set("ACHUAN_JWT", "a-text-without-dots")
			s.wellServed()
		}},
		{"a JWT that runs out tomorrow", "jwt", "1.0 days left", "log in on the platform's web page", func(s *setup) {
			s.set("ACHUAN_JWT", simulator.NewToken(42, time.Now(), 24*time.Hour))
			s.wellServed()
		}},
		{"no such host", "platform", "DNS: platform.invalid", "name server", func(s *setup) {
			s.wellServed()
			s.set("ACHUAN_API_URL", "http://platform.invalid/api/chat/completions")
			s.backUp(0)
		}},
		{"nobody at the address", "platform", "connection refused", "firewall", func(s *setup) {
			s.wellServed()
			s.set("ACHUAN_API_URL", "http://127.0.0.1:1/api/chat/completions")
			s.backUp(0)
		}},
		{"a certificate that nobody knows", "platform", "TLS: ", "CA certificates", func(s *setup) {
			s.wellServed()
			secure := httptest.NewUnstartedServer(s.sim)
			secure.Config.ErrorLog = log.New(io.Discard, "", 0)
			secure.StartTLS()
			s.t.Cleanup(secure.Close)
			s.set("ACHUAN_API_URL", secure.URL+"/api/chat/completions")
			s.backUp(0)
		}},
		{"a proxy before a dead platform", "platform", "says HTTP 502", "wait, or ask its operator", func(s *setup) {
			s.wellServed()
			s.sim.InterceptOnce(simulator.RouteModels, simulator.Respond(502, "text/html", "<html>"))
		}},
		{"a slow platform", "platform", "took 0.", "nearer network", func(s *setup) {
			s.wellServed()
			s.options.Slow = time.Nanosecond
		}},
		{"a refused login", "account", "refuses the JWT", "log in on the platform's web page", func(s *setup) {
			s.wellServed()
			s.sim.Intercept(simulator.RouteListSessions, simulator.Refuse(2, "请先登录"))
		}},
		{"a model that is dead", "models", "claude-sonnet-4-5-20250929, whole: HTTP 400 model_not_found", "use other models", func(s *setup) {
			s.wellServed()
			s.options.Models = true
			s.sim.Script(simulator.Fail(simulator.ProviderError(404, "not_found", "model does not exist", time.Now())))
		}},
		{"a model whose stream is cut", "models", "claude-sonnet-4-5-20250929, streamed: backend_truncated", "use other models", func(s *setup) {
			s.wellServed()
			s.options.Models = true
			s.sim.Script(simulator.Say("whole"), simulator.CutShort("half"))
		}},
		{"a proxy that hides failures", "errors", "an unknown model came to HTTP 502", "pass statuses and bodies on", func(s *setup) {
			s.wellServed()
			s.options.URL = hiding(s)
		}},
		{"a store that cannot be made", "store", "is no folder", "ACHUAN_DATABASE_URL", func(s *setup) {
			s.wellServed()
			file := filepath.Join(s.t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				s.t.Fatal(err)
			}
			s.options.BackupFile = file
			s.set("ACHUAN_DATABASE_URL", "sqlite:"+filepath.Join(file, "achuan.db"))
		}},
		{"a store in memory", "store", "in memory", "sqlite:PATH", func(s *setup) {
			s.wellServed()
			s.set("ACHUAN_DATABASE_URL", "sqlite::memory:")
		}},
		{"a store whose file is gone", "store", "the file of its store is gone", "restore a backup", func(s *setup) {
			s.wellServed()
			for _, name := range []string{s.file(), s.file() + "-wal", s.file() + "-shm"} {
				if err := os.Remove(name); err != nil {
					s.t.Fatal(err)
				}
			}
		}},
		{"a store whose file was emptied", "store", "an empty file stands where the store was", "ACHUAN_DATABASE_URL", func(s *setup) {
			s.stopped()
			s.write(nil)
		}},
		{"a store that is no database", "store", "it is no SQLite database", "ACHUAN_DATABASE_URL", func(s *setup) {
			s.stopped()
			s.write([]byte(strings.Repeat("no database ", 1000)))
		}},
		{"a store with a broken page", "store", "or a broken one", "ACHUAN_DATABASE_URL", func(s *setup) {
			s.stopped()
			b := s.read()
			for at := 4096; at+4096 <= len(b); at += 4096 {
				copy(b[at:], strings.Repeat("\xff", 64))
			}
			s.write(b)
		}},
		{"a clock that is wrong", "clock", "differs from the platform's by ", "timedatectl", func(s *setup) {
			s.wellServed()
			s.sim.Intercept(simulator.RouteModels, func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
				w.Header().Set("Date", time.Now().Add(-2*time.Hour).UTC().Format(http.TimeFormat))
				usual(w, r)
			})
		}},
		{"a network without keys", "keys", "may spend the account's points", "ACHUAN_API_KEYS", func(s *setup) {
			s.set("ACHUAN_LISTEN", "0.0.0.0:0")
			s.set("ACHUAN_ALLOW_ANONYMOUS", "true")
			s.wellServed()
		}},
		{"nobody scrapes", "metrics", "since the server started", "deploy/prometheus", func(s *setup) {
			s.options.Production = true
			s.serve()
			s.backUp(time.Hour)
		}},
		{"nobody scrapes any more", "metrics", "nobody has scraped /metrics for", "deploy/prometheus", func(s *setup) {
			s.options.Production = true
			s.wellServed()
			s.options.URL = scrapedAt(s, time.Now().Add(-6*time.Minute))
		}},
		{"no backup", "backup", "none was ever made", "achuan backup FILE", func(s *setup) {
			s.options.Production = true
			s.serve()
			s.scrape()
		}},
		{"an old backup", "backup", "30 hours old", "achuan backup FILE", func(s *setup) {
			s.options.Production = true
			s.serve()
			s.scrape()
			s.backUp(30 * time.Hour)
		}},
		{"a backup of other settings", "backup", "are not those in the backup", "achuan backup FILE", func(s *setup) {
			s.options.Production = true
			s.wellServed()
			s.set("ACHUAN_LOG_LEVEL", "debug")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSetup(t)
			c.breaking(s)
			failed := red(s.look())
			l, ok := failed[c.line]
			if !ok || len(failed) != 1 || !strings.Contains(l.Found, c.found) || !strings.Contains(l.Remedy, c.remedy) {
				t.Errorf("red are %+v; want %s with %q and the remedy %q", failed, c.line, c.found, c.remedy)
			}
		})
	}
}

// hiding is a proxy before the server that has its own pages for failures.
func hiding(s *setup) string {
	return before(s, func(resp *http.Response) error {
		if resp.StatusCode >= 400 {
			resp.StatusCode = http.StatusBadGateway
			resp.Body = io.NopCloser(strings.NewReader("<html>"))
			resp.Header.Del("Content-Length")
		}
		return nil
	})
}

// scrapedAt is a proxy before the server that says when it was scraped.
func scrapedAt(s *setup, at time.Time) string {
	return before(s, func(resp *http.Response) error {
		if resp.Request.URL.Path == "/readyz" {
			resp.Body = io.NopCloser(strings.NewReader(`{"status":"ready","checks":{"store":"ok"},"metrics_scraped":"` + at.UTC().Format(time.RFC3339) + `"}`))
			resp.Header.Del("Content-Length")
		}
		return nil
	})
}

func before(s *setup, change func(*http.Response) error) string {
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

// Questions are asked only when somebody wants them and says yes.
func TestModelsCostPoints(t *testing.T) {
	s := newSetup(t)
	s.wellServed()
	before := s.sim.Calls(simulator.RouteCompletions)
	if l := s.look()["models"]; l.State != doctor.Skip || !strings.Contains(l.Remedy, "--models") {
		t.Errorf("not wanted: %+v", l)
	}
	s.options.Models = true
	s.options.Confirm = func(int, int) bool { return false }
	if l := s.look()["models"]; l.State != doctor.Skip || !strings.Contains(l.Found, "nobody said yes") {
		t.Errorf("said no: %+v", l)
	}
	if n := s.sim.Calls(simulator.RouteCompletions) - before; n != 0 {
		t.Errorf("%d questions were asked", n)
	}
}

// Of a server elsewhere, what it says of itself counts.
func TestServerElsewhere(t *testing.T) {
	s := newSetup(t)
	s.wellServed()
	s.set("ACHUAN_JWT", "")
	s.options.Models = true
	lines := s.look()
	for _, name := range []string{"jwt", "platform", "account", "models", "errors", "store", "clock", "keys", "metrics"} {
		if lines[name].State == doctor.Fail {
			t.Errorf("%s: %+v", name, lines[name])
		}
	}
	if l := lines["jwt"]; l.State != doctor.OK || !strings.Contains(l.Found, "30 days left") {
		t.Errorf("jwt: %+v", l)
	}
	s.sim.ExpireLogin(simulator.LoginHTTP401)
	s.options.Models = false
	resp, err := http.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"gpt-5.1-high","messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	failed := red(s.look())
	if l := failed["account"]; len(failed) != 1 || !strings.Contains(l.Found, "refuses the server's JWT") {
		t.Errorf("red are %+v", failed)
	}
}

// Of nothing at all, not even settings, the lines say what they lack.
func TestNothingToLookAt(t *testing.T) {
	_, wrong := config.Load(config.LoadOptions{Dir: t.TempDir(), Environ: []string{"ACHUAN_LISTEN=x"}})
	lines := map[string]doctor.Line{}
	failed := doctor.Run(t.Context(), doctor.Options{SettingsError: wrong}, func(l doctor.Line) { lines[l.Name] = l })
	if failed != 1 || lines["settings"].State != doctor.Fail {
		t.Errorf("%d failed: %+v", failed, lines)
	}
}

// What production needs and a laptop does not is a hint there, and no failure.
func TestHints(t *testing.T) {
	s := newSetup(t)
	s.serve()
	for name, want := range map[string]doctor.State{"metrics": doctor.Hint, "backup": doctor.Hint} {
		if l := s.look()[name]; l.State != want || l.Remedy == "" {
			t.Errorf("%s = %+v, want a hint with a remedy", name, l)
		}
	}
	s.options.Production = true
	if failed := red(s.look()); len(failed) != 2 {
		t.Errorf("red in production are %+v, want metrics and backup", failed)
	}

	s = newSetup(t)
	s.set("ACHUAN_LISTEN", "0.0.0.0:0")
	s.set("ACHUAN_API_KEYS", "a-key-of-somebody")
	s.serve()
	if failed := red(s.look()); len(failed) != 2 {
		t.Errorf("red on a network are %+v, want metrics and backup", failed)
	}
}
