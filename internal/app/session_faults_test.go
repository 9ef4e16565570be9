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

// chatRequest returns a request with these messages, in turn of the user and the assistant.
func chatRequest(t *testing.T, more map[string]any, texts ...string) string {
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

// mustAnswer sends a request that must succeed, and returns the session, the placement and the text.
func mustAnswer(t *testing.T, url, body string, headers ...string) (session, placement, text string) {
	t.Helper()
	got := send(t, url, body, headers...)
	if got.status != http.StatusOK || len(got.Choices) != 1 || got.Choices[0].Message.Content == nil {
		t.Fatalf("answer = %d %s, want 200", got.status, got.body)
	}
	return got.header.Get("X-Session-Id"), got.header.Get("X-Achuan-Placement"), *got.Choices[0].Message.Content
}

// When a proxy returns 502 after the platform has answered, the session has an exchange that the client does not know.
// The chat does not continue in this session.
func TestProxyFailureIsNotContinued(t *testing.T) {
	for _, tc := range []struct {
		reply simulator.Reply
		want  string
	}{
		{simulator.ProxyFailure(http.StatusBadGateway, "hidden"), "replayed"},
		{simulator.ProxyRefusal(http.StatusBadGateway), "continued"},
	} {
		sim := simulator.New(simulator.Options{})
		url := serve(t, sim, nil)
		session, _, text := mustAnswer(t, url, chatRequest(t, nil, "one"))
		sim.Script(tc.reply)
		next := chatRequest(t, nil, "one", text, "two")
		if got := send(t, url, next); got.status != http.StatusBadGateway {
			t.Fatalf("answer = %d %s, want 502", got.status, got.body)
		}
		again, placement, _ := mustAnswer(t, url, next)
		if placement != tc.want || (again == session) != (tc.want == "continued") {
			t.Errorf("placement = %s in session %s after %s, want %s", placement, again, session, tc.want)
		}
	}
}

// A question that the platform refuses leaves no empty session on the account.
func TestRefusalLeavesNoSession(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(simulator.Fail("套餐余量不足"), simulator.Fail("您的提交内容包含不允许的文本"))
	for _, want := range []int{http.StatusPaymentRequired, http.StatusBadRequest} {
		if got := send(t, url, chatRequest(t, nil, "one")); got.status != want {
			t.Errorf("answer = %d %s, want %d", got.status, got.body, want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := sim.Await(ctx, func() bool { return len(sim.Sessions()) == 0 }); err != nil {
		t.Errorf("account has %d sessions afterwards, want 0", len(sim.Sessions()))
	}
}

// A session that the account's owner made on the platform continues although the list of sessions changes while it is
// read. A change of its settings keeps what the owner has set.
func TestSessionOfAccountOwner(t *testing.T) {
	sim := simulator.New(simulator.Options{Token: "token", ListByUse: true})
	url := serve(t, sim, nil)
	id := sim.AddSession("gpt-5.1-high")
	for range 30 {
		sim.AddSession("gpt-5.1-high")
	}
	sim.InterceptOnce(simulator.RouteListSessions, simulator.Afterwards(func(*http.Request) { sim.AppendRecord(id, "typed", "elsewhere") }))
	session, placement, _ := mustAnswer(t, url, chatRequest(t, nil, "one"), "X-Session-Id", "1000001")
	if session != "1000001" || placement != "continued" {
		t.Errorf("placement = %s in session %s, want continued in %d", placement, session, id)
	}

	session, _, text := mustAnswer(t, url, chatRequest(t, nil, "new"))
	made := sim.Turns()[len(sim.Turns())-1].SessionID
	sim.Edit(made, func(o *simulator.Settings) { o.Name, o.TopSort = "my title", 1 })
	again, _, _ := mustAnswer(t, url, chatRequest(t, map[string]any{"temperature": 0.5}, "new", text, "next"))
	got, _ := sim.Session(made)
	if again != session || got.Name != "my title" || got.TopSort != 1 || got.Temperature != 0.5 {
		t.Errorf("session %s after %s has the settings %+v, want the owner's title and pin", again, session, got.Settings)
	}
}
