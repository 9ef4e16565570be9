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

// alertCauses has a function for each alert that causes it. The function returns the metrics before and after; nil
// means that the server does not answer.
var alertCauses = map[string]func(t *testing.T) (before, after metricValues){
	"AchuanDown": func(t *testing.T) (metricValues, metricValues) {
		r := startApp(t, newSimulator(t))
		before := scrape(t, r.url)
		r.stop()
		<-r.done
		if _, err := http.Get(r.url + "/metrics"); err == nil {
			t.Error("stopped server answers, want no answer")
		}
		return before, nil
	},
	"AchuanNotReady": func(t *testing.T) (metricValues, metricValues) {
		sim, gate := newSimulator(t), make(chan struct{})
		sim.Script(simulator.Stream(simulator.Deltas("a"), simulator.Wait(gate), simulator.Object(), simulator.Done()))
		r := startApp(t, sim)
		resp, body := r.open(t)
		defer resp.Body.Close()
		before := scrape(t, r.url)
		r.stop()
		after := waitForMetrics(t, r.url, func(s metricValues) bool { return s.value("achuan_ready") == 0 })
		close(gate)
		_, _ = io.Copy(io.Discard, body)
		return before, after
	},
	"AchuanErrorRate": askEach(simulator.Fail("什么都坏了"), simulator.CutShort("half"), simulator.HTTPStatus(502, "text/html", "<html>")),
	"AchuanSlow": func(t *testing.T) (before, after metricValues) {
		synctest.Test(t, func(t *testing.T) {
			before, after = handleRequest(t, func() { time.Sleep(50 * time.Second) })
		})
		return before, after
	},
	"AchuanTokenExpiresSoon": func(t *testing.T) (metricValues, metricValues) {
		return scrapeWithToken(t, 30*24*time.Hour), scrapeWithToken(t, 50*time.Hour)
	},
	"AchuanTokenExpired": func(t *testing.T) (metricValues, metricValues) {
		return scrapeWithToken(t, time.Hour), scrapeWithToken(t, -time.Minute)
	},
	"AchuanLoginRefused": askWithExpiredLogin,
	"AchuanNoPoints":     askEach(simulator.Fail("套餐余量不足")),
	"AchuanPlatformDown": func(t *testing.T) (metricValues, metricValues) {
		before := scrape(t, startApp(t, newSimulator(t)).url)
		r := startApp(t, newSimulator(t), "ACHUAN_API_URL=http://127.0.0.1:1/api/chat/completions")
		ask(t, r.url, helloRequest)
		return before, scrape(t, r.url)
	},
	"AchuanPanics": func(t *testing.T) (metricValues, metricValues) { return handleRequest(t, func() { panic("oh my") }) },
	"AchuanStoreFailing": func(t *testing.T) (metricValues, metricValues) {
		file := filepath.Join(t.TempDir(), "achuan.db")
		r := startApp(t, newSimulator(t), "ACHUAN_DATABASE_URL=sqlite:"+file)
		before := scrape(t, r.url)
		defer lockDatabase(t, file)()
		ask(t, r.url, helloRequest) // the server still answers
		return before, waitForMetrics(t, r.url, func(s metricValues) bool { return s.value("achuan_store_failures_total") > 0 })
	},
	"AchuanCleanupFailing": func(t *testing.T) (metricValues, metricValues) {
		sim := newSimulator(t)
		sim.Intercept(simulator.RouteDeleteSession, func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
			http.Error(w, "no", http.StatusInternalServerError)
		})
		r := startApp(t, sim, "ACHUAN_SESSION_RETENTION=1s")
		before := scrape(t, r.url)
		ask(t, r.url, helloRequest)
		return before, waitForMetrics(t, r.url, func(s metricValues) bool { return s.value("achuan_cleanup_failures_total") > 0 })
	},
	"AchuanSessionsBusy": overloadSession,
	"AchuanLimitsHit": func(t *testing.T) (metricValues, metricValues) {
		r := startApp(t, newSimulator(t), "ACHUAN_MAX_BODY=200")
		before := scrape(t, r.url)
		for range 3 {
			if status, _ := ask(t, r.url, helloRequest+strings.Repeat(" ", 300)); status != http.StatusRequestEntityTooLarge {
				t.Errorf("status of a large body = %d, want 413", status)
			}
		}
		return before, scrape(t, r.url)
	},
	"AchuanReplays": func(t *testing.T) (metricValues, metricValues) {
		r := startApp(t, newSimulator(t))
		before := scrape(t, r.url)
		for i := range 3 {
			ask(t, r.url, fmt.Sprintf(`{"model":"gpt-5.1-high","messages":[{"role":"user","content":"%d"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}`, i))
		}
		return before, waitForMetrics(t, r.url, hasCounted(3))
	},
	"AchuanClientsLeave": func(t *testing.T) (metricValues, metricValues) {
		sim := newSimulator(t)
		sim.Script(simulator.Reply{Deltas: slices.Repeat([]string{"a"}, 500), Delay: 2 * time.Millisecond})
		r := startApp(t, sim)
		before := scrape(t, r.url)
		resp, _ := r.open(t)
		resp.Body.Close()
		return before, waitForMetrics(t, r.url, func(s metricValues) bool { return s.value("achuan_clients_gone_total") == 1 && hasCounted(1)(s) })
	},
}

const helloRequest = `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"Hi"}]}`

// askEach returns a cause that asks one question for each reply.
func askEach(replies ...simulator.Reply) func(*testing.T) (metricValues, metricValues) {
	return func(t *testing.T) (metricValues, metricValues) {
		sim := newSimulator(t)
		sim.Script(replies...)
		r := startApp(t, sim)
		before := scrape(t, r.url)
		for range replies {
			ask(t, r.url, helloRequest)
		}
		return before, waitForMetrics(t, r.url, hasCounted(len(replies)))
	}
}

// askWithExpiredLogin asks one question after the platform has stopped to accept the login.
func askWithExpiredLogin(t *testing.T) (metricValues, metricValues) {
	sim := newSimulator(t)
	r := startApp(t, sim)
	before := scrape(t, r.url)
	sim.ExpireLogin(simulator.LoginHTTP401) // not earlier, because the server loads the models when it starts
	ask(t, r.url, helloRequest)
	return before, waitForMetrics(t, r.url, hasCounted(1))
}

// scrapeWithToken returns the metrics of a server whose JWT expires after life.
func scrapeWithToken(t *testing.T, life time.Duration) metricValues {
	return scrape(t, startApp(t, newSimulator(t), "ACHUAN_JWT="+simulator.NewToken(simulator.DefaultUser, time.Now(), life)).url)
}

// overloadSession asks one session more questions at once than its queue can hold.
func overloadSession(t *testing.T) (metricValues, metricValues) {
	const waiting, refused = 16, 2
	sim, gate := newSimulator(t), make(chan struct{})
	sim.Script(simulator.Say("first"), simulator.Stream(simulator.Deltas("a"), simulator.Wait(gate), simulator.Object(), simulator.Done()))
	r := startApp(t, sim)
	session := postChat(t, r.url, helloRequest).Header.Get("X-Session-Id")
	before := scrape(t, r.url)
	var all sync.WaitGroup
	for range 1 + waiting + refused {
		all.Go(func() { postChat(t, r.url, helloRequest, "X-Session-Id", session) })
	}
	after := waitForMetrics(t, r.url, func(s metricValues) bool { return s.value("achuan_limits_hit_total", "limit", "queue") == refused })
	close(gate)
	all.Wait()
	return before, after
}

// lockDatabase prevents writes to a SQLite file until unlock is called.
func lockDatabase(t *testing.T, file string) (unlock func()) {
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

// handleRequest serves one request whose answer calls do before its first event. It returns the metrics before and
// after.
func handleRequest(t *testing.T, do func()) (before, after metricValues) {
	s := httpapi.New(httpapi.Options{
		Chat: funcChat{do}, Logger: slog.New(slog.DiscardHandler), Metrics: telemetry.NewMetrics(telemetry.Build{}), Listen: "127.0.0.1:8000",
	})
	serve := func(method, path, body string) string {
		r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
		r.Host, r.RemoteAddr = "127.0.0.1:8000", "127.0.0.1:5000"
		rec := httptest.NewRecorder()
		s.Handler().ServeHTTP(rec, r)
		return rec.Body.String()
	}
	before = parseMetrics(t, serve(http.MethodGet, "/metrics", ""))
	serve(http.MethodPost, "/v1/chat/completions", helloRequest)
	return before, parseMetrics(t, serve(http.MethodGet, "/metrics", ""))
}

// funcChat is a Chat whose answer calls a function first.
type funcChat struct{ do func() }

func (funcChat) MarkClientLeft() {}

func (d funcChat) Chat(context.Context, *chat.Request) (httpapi.Answer, error) { return d, nil }
func (d funcChat) Models(context.Context) []chat.Model                         { return []chat.Model{{ID: "gpt-5.1-high"}} }
func (d funcChat) Model(context.Context, string) (chat.Model, error)           { return chat.Model{}, nil }
func (d funcChat) CountTokens(context.Context, *chat.Request) (int, error)     { return 0, nil }
func (d funcChat) Session() int64                                              { return 1 }
func (d funcChat) Placement() chat.Placement                                   { return chat.PlacementNew }

func (d funcChat) Events() iter.Seq2[chat.Event, error] {
	return func(yield func(chat.Event, error) bool) {
		d.do()
		if yield(chat.Event{Kind: chat.EventText, Text: "a"}, nil) {
			yield(chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop}, nil)
		}
	}
}

// Each alert fires when its cause happens once a minute, and does not fire when nothing happens. promtool tests the
// rules with series of an hour that are made from the server's metrics before and after the cause.
func TestEachAlertFires(t *testing.T) {
	requirePromtool(t)
	for _, a := range readAlerts(t) {
		t.Run(a.Alert, func(t *testing.T) {
			cause := alertCauses[a.Alert]
			if cause == nil {
				t.Fatalf("alertCauses has no cause of %s, want one", a.Alert)
			}
			before, after := cause(t)
			rules, err := filepath.Abs(alertsFile)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "test.yml")
			text := fmt.Sprintf("rule_files: [%q]\nevaluation_interval: 1m\ntests:\n", rules) +
				alertTest(a.Alert, before, before, 0) + alertTest(a.Alert, before, after, 1)
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			runPromtool(t, "test", "rules", file)
		})
	}
	if len(alertCauses) != len(readAlerts(t)) {
		t.Errorf("alertCauses has %d causes, want one for each of %d alerts", len(alertCauses), len(readAlerts(t)))
	}
}

// alertTest returns a promtool test that checks whether an alert fires after an hour. In each minute, the counters
// grow by the difference of after and before. The gauges have their values of after.
func alertTest(alert string, before, after metricValues, want int) string {
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
		up, after = 0, metricValues{}
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
