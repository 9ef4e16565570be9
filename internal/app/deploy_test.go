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

// scrapeAfterRequests returns the metrics of a server that has answered one request and failed another.
func scrapeAfterRequests(t *testing.T) metricValues {
	t.Helper()
	sim := newSimulator(t)
	sim.Script(simulator.Say("Hi."), simulator.Fail("什么都坏了"))
	r := startApp(t, sim, "ACHUAN_JWT="+simulator.NewToken(simulator.DefaultUser, time.Now(), 24*time.Hour))
	for range 2 {
		ask(t, r.url, `{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	}
	scrape(t, r.url) // a later scrape shows its time
	return waitForMetrics(t, r.url, func(s metricValues) bool { return hasCounted(2)(s) && s.value("achuan_errors_total") == 1 })
}

// requirePromtool returns the path of promtool, which checks the files of Prometheus.
func requirePromtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool here: it is in Debian's package prometheus, and .ci/run fetches it")
	}
	return path
}

func runPromtool(t *testing.T, args ...string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), requirePromtool(t), args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s = %v, want success:\n%s", strings.Join(args, " "), err, out)
	}
}

// Prometheus accepts the files, and the rules pass their own tests.
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

func readAlerts(t *testing.T) []alert {
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
		t.Fatalf("%s has no alerts, want some", alertsFile)
	}
	return all
}

// Every alert is documented in both languages and tested in alerts_test.yml.
func TestAlertsAreDocumentedAndTested(t *testing.T) {
	tests, err := os.ReadFile("../../deploy/prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range readAlerts(t) {
		names = append(names, a.Alert)
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels.Severity) || a.Annotations.Summary == "" {
			t.Errorf("alert %s has the severity %q and the summary %q, want both", a.Alert, a.Labels.Severity, a.Annotations.Summary)
		}
		if !regexp.MustCompile(`alertname: ` + a.Alert + `\n\s+eval_time: \S+\n\s+exp_alerts:\n\s+- exp_labels`).Match(tests) {
			t.Errorf("alert %s does not fire in alerts_test.yml, want a test", a.Alert)
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

// expressions returns all expressions of the dashboard, with its variables replaced.
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

// The alerts and the dashboard use only metrics and labels that a running server has, and every metric is used.
func TestExpressionsUseExistingMetrics(t *testing.T) {
	shown := scrapeAfterRequests(t).labelNames()
	shown["up"] = map[string]bool{} // a metric of Prometheus itself
	var expressions []string
	for _, a := range readAlerts(t) {
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
		metrics := metricsInExpression(e)
		if len(metrics) == 0 {
			t.Errorf("expression %s has no metric, want one", e)
		}
		for name, labels := range metrics {
			asked[name] = true
			has, ok := shown[name]
			if !ok {
				t.Errorf("expression %[2]s uses %[1]s, want a metric that exists", name, e)
			}
			for _, l := range labels {
				if ok && !has[l] && l != "job" && l != "instance" {
					t.Errorf("expression %[3]s uses the label %[2]s, which %[1]s does not have", name, l, e)
				}
			}
		}
	}
	for _, f := range families() {
		if !asked[f.Name] && !asked[f.Name+"_bucket"] {
			t.Errorf("uses of %s in alerts and panels = none, want one", f.Name)
		}
	}
}

// The dashboard's expressions are valid PromQL, and its panels do not overlap.
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
			t.Errorf("two panels have the id %d, want unique ids", p.ID)
		}
		ids[p.ID] = true
		if p.Title == "" || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %d is empty, want content", p.ID)
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok || x >= 24 {
					t.Fatalf("panel %s overlaps %q or is outside of the grid", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
	runPromtool(t, "check", "rules", file)
}
