package app_test

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	"achuan/internal/simulator"
)

// said is a request with these messages, by turns of user and assistant.
func said(t *testing.T, more map[string]any, texts ...string) string {
	t.Helper()
	request := map[string]any{"model": "gpt-5.1-high"}
	var messages []map[string]string
	for i, text := range texts {
		messages = append(messages, map[string]string{"role": []string{"user", "assistant"}[i%2], "content": text})
	}
	request["messages"] = messages
	maps.Copy(request, more)
	b, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// answered sends a request that must be answered, and returns session, placement and text.
func answered(t *testing.T, url, body string, headers ...string) (session, placement, text string) {
	t.Helper()
	got := send(t, url, body, headers...)
	if got.status != http.StatusOK || len(got.Choices) != 1 || got.Choices[0].Message.Content == nil {
		t.Fatalf("HTTP %d %s, want an answer", got.status, got.body)
	}
	return got.header.Get("X-Session-Id"), got.header.Get("X-Achuan-Placement"), *got.Choices[0].Message.Content
}

// A proxy's 502 after the platform had answered: the chat does not continue in the
// session that holds an exchange more than the client knows.
func TestProxyFailureLeavesADoubt(t *testing.T) {
	for _, tc := range []struct {
		reply simulator.Reply
		want  string
	}{
		{simulator.ProxyFailure(http.StatusBadGateway, "hidden"), "replayed"},
		{simulator.ProxyRefusal(http.StatusBadGateway), "continued"},
	} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		session, _, text := answered(t, url, said(t, nil, "one"))
		sim.Script(tc.reply)
		next := said(t, nil, "one", text, "two")
		if got := send(t, url, next); got.status != http.StatusBadGateway {
			t.Fatalf("HTTP %d %s, want 502", got.status, got.body)
		}
		again, placement, _ := answered(t, url, next)
		if placement != tc.want || (again == session) != (tc.want == "continued") {
			t.Errorf("%s in session %s after %s, want %s", placement, again, session, tc.want)
		}
	}
}

// A question that the platform refuses leaves no empty session on the account.
func TestRefusalLeavesNoSession(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(simulator.Fail("套餐余量不足"), simulator.Fail("您的提交内容包含不允许的文本"))
	for _, want := range []int{http.StatusPaymentRequired, http.StatusBadRequest} {
		if got := send(t, url, said(t, nil, "one")); got.status != want {
			t.Errorf("HTTP %d %s, want %d", got.status, got.body, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := sim.Await(ctx, func() bool { return len(sim.Sessions()) == 0 }); err != nil {
		t.Errorf("%d sessions are left on the account, want none", len(sim.Sessions()))
	}
}

// A session of the owner's own goes on although the list shifts while it is read, and
// a change of settings leaves what the owner has set on the platform's site.
func TestOwnersSession(t *testing.T) {
	sim := simulator.New(simulator.Options{Token: "token", ListByUse: true})
	url := serve(t, sim, nil)
	id := sim.AddSession("gpt-5.1-high")
	for range 30 {
		sim.AddSession("gpt-5.1-high")
	}
	sim.InterceptOnce(simulator.RouteListSessions, simulator.Afterwards(func(*http.Request) { sim.AppendRecord(id, "typed", "elsewhere") }))
	session, placement, _ := answered(t, url, said(t, nil, "one"), "X-Session-Id", "1000001")
	if session != "1000001" || placement != "continued" {
		t.Errorf("%s in session %s, want continued in %d", placement, session, id)
	}

	session, _, text := answered(t, url, said(t, nil, "new"))
	made := sim.Turns()[len(sim.Turns())-1].SessionID
	sim.Edit(made, func(o *simulator.Settings) { o.Name, o.TopSort = "my title", 1 })
	again, _, _ := answered(t, url, said(t, map[string]any{"temperature": 0.5}, "new", text, "next"))
	got, _ := sim.Session(made)
	if again != session || got.Name != "my title" || got.TopSort != 1 || got.Temperature != 0.5 {
		t.Errorf("in session %s after %s: settings = %+v, want the owner's title and pin", again, session, got.Settings)
	}
}
