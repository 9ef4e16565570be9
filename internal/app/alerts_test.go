package app_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	_ "modernc.org/sqlite" // the driver

	"achuan/internal/chat"
	"achuan/internal/httpapi"
	"achuan/internal/simulator"
	"achuan/internal/telemetry"
)

// causes make, by alert, what it is about. Each returns what /metrics said before
// and after; nil is a server that does not answer.
var causes = map[string]func(t *testing.T) (before, after scraped){
	"AchuanDown": func(t *testing.T) (scraped, scraped) {
		r := run(t, newSimulator(t))
		before := scrape(t, r.url)
		r.stop()
		<-r.done
		if _, err := http.Get(r.url + "/metrics"); err == nil {
			t.Error("a server that has stopped answers")
		}
		return before, nil
	},
	"AchuanNotReady": func(t *testing.T) (scraped, scraped) {
		sim, gate := newSimulator(t), make(chan struct{})
		sim.Script(simulator.Stream(simulator.Deltas("a"), simulator.Wait(gate), simulator.Object(), simulator.Done()))
		r := run(t, sim)
		resp, body := r.open(t)
		defer resp.Body.Close()
		before := scrape(t, r.url)
		r.stop()
		after := until(t, r.url, func(s scraped) bool { return s.value("achuan_ready") == 0 })
		close(gate)
		_, _ = io.Copy(io.Discard, body)
		return before, after
	},
	"AchuanErrorRate": asking(simulator.Fail("什么都坏了"), simulator.CutShort("half"), simulator.HTTPStatus(502, "text/html", "<html>")),
	"AchuanSlow": func(t *testing.T) (before, after scraped) {
		synctest.Test(t, func(t *testing.T) {
			before, after = handling(t, func() { time.Sleep(50 * time.Second) })
		})
		return before, after
	},
	"AchuanTokenExpiresSoon": func(t *testing.T) (scraped, scraped) {
		return withToken(t, 30*24*time.Hour), withToken(t, 50*time.Hour)
	},
	"AchuanTokenExpired": func(t *testing.T) (scraped, scraped) { return withToken(t, time.Hour), withToken(t, -time.Minute) },
	"AchuanLoginRefused": expired,
	"AchuanNoPoints":     asking(simulator.Fail("套餐余量不足")),
	"AchuanPlatformDown": func(t *testing.T) (scraped, scraped) {
		before := scrape(t, run(t, newSimulator(t)).url)
		r := run(t, newSimulator(t), "ACHUAN_API_URL=http://127.0.0.1:1/api/chat/completions")
		ask(t, r.url, hi)
		return before, scrape(t, r.url)
	},
	"AchuanPanics": func(t *testing.T) (scraped, scraped) { return handling(t, func() { panic("oh my") }) },
	"AchuanStoreFailing": func(t *testing.T) (scraped, scraped) {
		file := filepath.Join(t.TempDir(), "achuan.db")
		r := run(t, newSimulator(t), "ACHUAN_DATABASE_URL=sqlite:"+file)
		before := scrape(t, r.url)
		defer locked(t, file)()
		ask(t, r.url, hi) // answered all the same
		return before, until(t, r.url, func(s scraped) bool { return s.value("achuan_store_failures_total") > 0 })
	},
	"AchuanCleanupFailing": func(t *testing.T) (scraped, scraped) {
		sim := newSimulator(t)
		sim.Intercept(simulator.RouteDeleteSession, func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			http.Error(w, "no", http.StatusInternalServerError)
		})
		r := run(t, sim, "ACHUAN_SESSION_RETENTION=1s")
		before := scrape(t, r.url)
		ask(t, r.url, hi)
		return before, until(t, r.url, func(s scraped) bool { return s.value("achuan_cleanup_failures_total") > 0 })
	},
	"AchuanSessionsBusy": crowd,
	"AchuanLimitsHit": func(t *testing.T) (scraped, scraped) {
		r := run(t, newSimulator(t), "ACHUAN_MAX_BODY=200")
		before := scrape(t, r.url)
		for range 3 {
			if status, _ := ask(t, r.url, hi+strings.Repeat(" ", 300)); status != http.StatusRequestEntityTooLarge {
				t.Errorf("status %d", status)
			}
		}
		return before, scrape(t, r.url)
	},
	"AchuanReplays": func(t *testing.T) (scraped, scraped) {
		r := run(t, newSimulator(t))
		before := scrape(t, r.url)
		for i := range 3 {
			ask(t, r.url, fmt.Sprintf(`{"model":"gpt-5.1-high","messages":[{"role":"user","content":"%d"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`, i))
		}
		return before, until(t, r.url, served(3))
	},
	"AchuanClientsLeave": func(t *testing.T) (scraped, scraped) {
		sim := newSimulator(t)
		sim.Script(simulator.Reply{Deltas: slices.Repeat([]string{"a"}, 500), Delay: 2 * time.Millisecond})
		r := run(t, sim)
		before := scrape(t, r.url)
		resp, _ := r.open(t)
		resp.Body.Close()
		return before, until(t, r.url, func(s scraped) bool { return s.value("achuan_clients_gone_total") == 1 && served(1)(s) })
	},
}

const hi = `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"Hi"}]}`

// asking asks once for each reply.
func asking(replies ...simulator.Reply) func(*testing.T) (scraped, scraped) {
	return func(t *testing.T) (scraped, scraped) {
		sim := newSimulator(t)
		sim.Script(replies...)
		r := run(t, sim)
		before := scrape(t, r.url)
		for range replies {
			ask(t, r.url, hi)
		}
		return before, until(t, r.url, served(len(replies)))
	}
}

// expired asks once with a login that the platform takes no more.
func expired(t *testing.T) (scraped, scraped) {
	sim := newSimulator(t)
	r := run(t, sim)
	before := scrape(t, r.url)
	sim.ExpireLogin(simulator.LoginHTTP401) // not before: the server asks for the models as it starts
	ask(t, r.url, hi)
	return before, until(t, r.url, served(1))
}

// withToken is what a server shows whose JWT has so long to go.
func withToken(t *testing.T, life time.Duration) scraped {
	return scrape(t, run(t, newSimulator(t), "ACHUAN_JWT="+simulator.NewToken(simulator.DefaultUser, time.Now(), life)).url)
}

// crowd asks one session more than it can line up.
func crowd(t *testing.T) (scraped, scraped) {
	const waiting, refused = 16, 2
	sim, gate := newSimulator(t), make(chan struct{})
	sim.Script(simulator.Say("first"), simulator.Stream(simulator.Deltas("a"), simulator.Wait(gate), simulator.Object(), simulator.Done()))
	r := run(t, sim)
	session := post(t, r.url, hi).Header.Get("X-Session-Id")
	before := scrape(t, r.url)
	var all sync.WaitGroup
	for range 1 + waiting + refused {
		all.Go(func() { post(t, r.url, hi, "X-Session-Id", session) })
	}
	after := until(t, r.url, func(s scraped) bool { return s.value("achuan_limits_hit_total", "limit", "queue") == refused })
	close(gate)
	all.Wait()
	return before, after
}

// locked keeps a SQLite file from being written to, until it is unlocked.
func locked(t *testing.T, file string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	c, err := db.Conn(t.Context())
	if err == nil {
		_, err = c.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(c.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

// handling serves one request whose answer does something before its first event.
func handling(t *testing.T, do func()) (before, after scraped) {
	s := httpapi.New(httpapi.Options{
		Chat: doing{do}, Logger: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics(telemetry.Build{}), Listen: "127.0.0.1:8000",
	})
	serve := func(method, path, body string) string {
		r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
		r.Host, r.RemoteAddr = "127.0.0.1:8000", "127.0.0.1:5000"
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		return rec.Body.String()
	}
	before = parseMetrics(t, serve(http.MethodGet, "/metrics", ""))
	serve(http.MethodPost, "/v1/chat/completions", hi)
	return before, parseMetrics(t, serve(http.MethodGet, "/metrics", ""))
}

// doing is a Chat that answers after it did something.
type doing struct{ do func() }

func (doing) Left() {}

func (d doing) Chat(context.Context, *chat.Request) (httpapi.Answer, error) { return d, nil }
func (d doing) Models(context.Context) []chat.Model                         { return []chat.Model{{ID: "gpt-5.1-high"}} }
func (d doing) Model(context.Context, string) (chat.Model, error)           { return chat.Model{}, nil }
func (d doing) Session() int64                                              { return 1 }
func (d doing) Placement() chat.Placement                                   { return chat.PlacementNew }

func (d doing) Events() iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		d.do()
		if yield(chat.Event{Kind: chat.EventText, Text: "a"}, nil) {
			yield(chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop}, nil)
		}
	}
}

// Each alert fires when its cause is made on a server once a minute, and not when
// nothing happens. What the server shows before and after goes through promtool as
// an hour's series.
func TestEachAlertFires(t *testing.T) {
	promtool(t)
	for _, a := range alerts(t) {
		t.Run(a.Alert, func(t *testing.T) {
			cause := causes[a.Alert]
			if cause == nil {
				t.Fatal("no test makes its cause")
			}
			before, after := cause(t)
			rules, err := filepath.Abs(alertsFile)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "test.yml")
			text := fmt.Sprintf("rule_files: [%q]\nevaluation_interval: 1m\ntests:\n", rules) +
				firing(a.Alert, before, before, 0) + firing(a.Alert, before, after, 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			runPromtool(t, "test", "rules", file)
		})
	}
	if len(causes) != len(alerts(t)) {
		t.Errorf("%d causes for %d alerts", len(causes), len(alerts(t)))
	}
}

// firing is a promtool test: whether an alert fires after an hour in which
// counters go each minute from before to after, and gauges are as they were after.
func firing(alert string, before, after scraped, want int) string {
	const minutes = 65
	var b strings.Builder
	b.WriteString("- interval: 1m\n  input_series:\n")
	series := func(name string, labels map[string]string, values string) {
		pairs := []string{`job="achuan"`, `instance="a"`}
		for l, v := range labels {
			pairs = append(pairs, l+`="`+v+`"`)
		}
		fmt.Fprintf(&b, "  - series: %s\n    values: %q\n", strconv.Quote(name+"{"+strings.Join(pairs, ",")+"}"), values)
	}
	up := 1
	if after == nil {
		up, after = 0, scraped{}
	}
	series("up", nil, fmt.Sprintf("%dx%d", up, minutes))
	for key, s := range after {
		if !strings.HasPrefix(s.name, "achuan_") {
			continue
		}
		first, step := s.value, 0.0
		if s.kind != "gauge" {
			first = before[key].value
			step = math.Max(s.value-first, 0)
		}
		number := func(f float64) string { return strconv.FormatFloat(f, 'f', 9, 64) }
		values := number(first) + "+" + number(step) + "x" + strconv.Itoa(minutes)
		series(s.name, s.labels, values)
	}
	fmt.Fprintf(&b, "  promql_expr_test:\n  - expr: count(ALERTS{alertname=%q,alertstate=\"firing\"}) > bool 0 or vector(0)\n"+
		"    eval_time: %dm\n    exp_samples: [{labels: '{}', value: %d}]\n", alert, minutes, want)
	return b.String()
}
