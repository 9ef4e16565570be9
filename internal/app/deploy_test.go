package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"

	"achuan/internal/simulator"
	"achuan/internal/telemetry"
)

const (
	alertsFile    = "../../deploy/prometheus/alerts.yml"
	dashboardFile = "../../deploy/grafana/achuan.json"
)

func families() []telemetry.Family { return telemetry.NewMetrics(telemetry.Build{}).Families() }

func newSimulator(t *testing.T) *simulator.Simulator {
	t.Helper()
	return simulator.New(simulator.Options{})
}

// exercised is what a server shows that has answered a request and failed one.
func exercised(t *testing.T) scraped {
	t.Helper()
	sim := newSimulator(t)
	sim.Script(simulator.Say("Hi."), simulator.Fail("什么都坏了"))
	r := run(t, sim, "ACHUAN_JWT="+simulator.NewToken(simulator.DefaultUser, time.Now(), 24*time.Hour))
	for range 2 {
		ask(t, r.url, `{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	}
	scrape(t, r.url) // later ones show when it was
	return until(t, r.url, func(s scraped) bool { return served(2)(s) && s.value("achuan_errors_total") == 1 })
}

// promtool returns the path of the tool that Prometheus checks its files with.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool here: it is in Debian's package prometheus, and .ci/run fetches it")
	}
	return path
}

func runPromtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), promtool(t), args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// The files are what Prometheus takes, and the rules pass their own tests.
func TestPromtool(t *testing.T) {
	runPromtool(t, "check", "rules", alertsFile)
	runPromtool(t, "check", "config", "--syntax-only", "../../deploy/prometheus/prometheus.yml")
	runPromtool(t, "test", "rules", "../../deploy/prometheus/alerts_test.yml")
}

type alert struct {
	Alert, Expr string
	Labels      struct{ Severity string }
	Annotations struct{ Summary string }
}

func alerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alert }
	}
	content, err := os.ReadFile(alertsFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) == 0 {
		t.Fatal("no alerts")
	}
	return all
}

// Every alert is told of in both languages and tested in alerts_test.yml.
func TestAlertsAreDocumentedAndTested(t *testing.T) {
	tests, err := os.ReadFile("../../deploy/prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range alerts(t) {
		names = append(names, a.Alert)
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels.Severity) || a.Annotations.Summary == "" {
			t.Errorf("%s has the severity %q and the summary %q", a.Alert, a.Labels.Severity, a.Annotations.Summary)
		}
		if !regexp.MustCompile(`alertname: ` + a.Alert + `\n\s+eval_time: \S+\n\s+exp_alerts:\n\s+- exp_labels`).Match(tests) {
			t.Errorf("%s does not fire in alerts_test.yml", a.Alert)
		}
	}
	row := regexp.MustCompile("(?m)^\\| `(Achuan[A-Za-z]+)` \\| (critical|warning|info) \\|")
	for _, page := range []string{"../../docs/operations.md", "../../docs/operations.zh-CN.md"} {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, m := range row.FindAllStringSubmatch(string(content), -1) {
			told = append(told, m[1])
		}
		if diff := cmp.Diff(names, told); diff != "" {
			t.Errorf("alerts in %s (-file +page):\n%s", page, diff)
		}
	}
}

type dashboard struct {
	Panels     []panel
	Templating struct {
		List []struct{ Name, Definition string }
	}
}

type panel struct {
	ID      int
	Type    string
	Title   string
	Targets []struct{ Expr string }
	GridPos struct{ X, Y, W, H int }
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	content, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// expressions are all that the dashboard asks, with its variables filled in.
func (d dashboard) expressions() []string {
	fill := strings.NewReplacer("$__rate_interval", "5m", "$job", "achuan", "$instance", ".*")
	var all []string
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, fill.Replace(target.Expr))
		}
	}
	return all
}

// What alerts and dashboard ask for is what a running server shows: metrics by
// name, and their labels.
func TestExpressionsAskForWhatThereIs(t *testing.T) {
	shown := exercised(t).labelNames()
	shown["up"] = map[string]bool{} // Prometheus' own
	var expressions []string
	for _, a := range alerts(t) {
		expressions = append(expressions, a.Expr)
	}
	d := readDashboard(t)
	expressions = append(expressions, d.expressions()...)
	for _, v := range d.Templating.List {
		if m := regexp.MustCompile(`^label_values\((.*), \w+\)$`).FindStringSubmatch(v.Definition); m != nil {
			expressions = append(expressions, m[1])
		}
	}
	asked := map[string]bool{}
	for _, e := range expressions {
		metrics := metricsIn(e)
		if len(metrics) == 0 {
			t.Errorf("no metric in %s", e)
		}
		for name, labels := range metrics {
			asked[name] = true
			has, ok := shown[name]
			if !ok {
				t.Errorf("there is no metric %s: %s", name, e)
			}
			for _, l := range labels {
				if ok && !has[l] && l != "job" && l != "instance" {
					t.Errorf("%s has no label %s: %s", name, l, e)
				}
			}
		}
	}
	for _, f := range families() {
		if !asked[f.Name] && !asked[f.Name+"_bucket"] {
			t.Errorf("nothing looks at %s", f.Name)
		}
	}
}

// The dashboard's expressions are PromQL, its panels do not lie on each other.
func TestDashboard(t *testing.T) {
	d := readDashboard(t)
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, e := range d.expressions() {
		fmt.Fprintf(&rules, "  - record: dashboard:expression:%d\n    expr: %q\n", i, e)
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d is empty", p.ID)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= 24 {
					t.Fatalf("%s lies on %q or outside", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	runPromtool(t, "check", "rules", file)
}
