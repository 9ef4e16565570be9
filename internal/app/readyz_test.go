package app_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/simulator"
)

// /readyz reports the state of the platform and the account, and its status stays 200: an outage of the platform must
// not make all replicas unready.
func TestReadyzReportsPlatform(t *testing.T) {
	type body struct {
		Status string
		Checks map[string]string
	}
	for _, c := range []struct {
		name    string
		replies []simulator.Reply
		expired bool // the login has expired
		environ []string
		want    map[string]string
	}{
		{"healthy", []simulator.Reply{simulator.Say("Hi.")}, false, nil, map[string]string{"platform": "up", "account": "ok", "store": "ok"}},
		{"a refused login", nil, true, nil, map[string]string{"platform": "up", "account": "refused", "store": "ok"}},
		{"no points", []simulator.Reply{simulator.Fail("套餐余量不足")}, false, nil, map[string]string{"platform": "up", "account": "no_points", "store": "ok"}},
		{"no platform", nil, false, []string{"ACHUAN_API_URL=http://127.0.0.1:1/api/chat/completions"},
			map[string]string{"platform": "backend_unreachable", "account": "unknown", "store": "ok"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sim := newSimulator(t)
			sim.Script(c.replies...)
			if c.expired {
				sim.ExpireLogin(simulator.LoginCode2)
			}
			r := startApp(t, sim, c.environ...)
			ask(t, r.url, helloRequest)
			var got body
			if err := json.Unmarshal([]byte(getText(t, r.url+"/readyz")), &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(body{"ready", c.want}, got); diff != "" || statusOf(t, r.url+"/readyz") != 200 {
				t.Errorf("body of /readyz (-want +got):\n%s", diff)
			}
		})
	}
}
