package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

// editedTurn is a turn of a conversation with two calls, whose arguments the client may have changed.
func editedTurn(id string, first, second, more string) string {
	const tool = `{"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}`
	return `{"model": "gpt-5.1-high", "tools": [` + tool + `], "messages": [{"role": "user", "content": "Run both."}, ` +
		fmt.Sprintf(`{"role": "assistant", "content": null, "tool_calls": [{"id": %q, "type": "function", "function": {"name": "run", "arguments": %q}}, {"id": %q, "type": "function", "function": {"name": "run", "arguments": %q}}]}, `,
			id, first, "SECOND", second) + more + `]}`
}

// Agents and people change the arguments of calls before they run them. The call is the one that the session holds,
// because its id says so; the model is told what ran. From then on the call counts as it was changed: the conversation
// continues with it, also after a restart, and another change further back forks.
func TestEditedCalls(t *testing.T) {
	const (
		wrote   = `{"command": "cd /tmp && ls"}`
		edited  = `{"command": "ls"}`
		other   = `{"command": "rm"}`
		results = `{"role": "tool", "tool_call_id": "FIRST", "content": "a.txt"}, {"role": "tool", "tool_call_id": "SECOND", "content": "b.txt"}`
		more    = results + `, {"role": "assistant", "content": "Two files."}, {"role": "user", "content": "Thanks"}`
	)
	sim := simulator.New(simulator.Options{Token: "token"})
	settings := loadSettings(t, sim, "ACHUAN_DATABASE_URL=sqlite:"+filepath.Join(t.TempDir(), "achuan.db"))
	r := runApp(t, settings, slog.New(slog.DiscardHandler))
	const tool = `{"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}`
	call := `<tool_call>{"name": "run", "arguments": ` + wrote + `}</tool_call>`
	sim.Script(simulator.Say(call + call))
	first := send(t, r.url, `{"model": "gpt-5.1-high", "tools": [`+tool+`], "messages": [{"role": "user", "content": "Run both."}]}`)
	ids := first.Choices[0].Message.ToolCalls
	if len(ids) != 2 || len(ids[0].ID) > 40 {
		t.Fatalf("calls = %+v, want two with ids of at most 40 bytes", ids)
	}
	ask := func(firstArguments, secondArguments, messages, answer string) (placement, text string) {
		t.Helper()
		sim.Script(simulator.Say(answer))
		body := strings.NewReplacer("FIRST", ids[0].ID, "SECOND", ids[1].ID).Replace(editedTurn(ids[0].ID, firstArguments, secondArguments, messages))
		res, reply := exchange(t, http.MethodPost, r.url+"/v1/chat/completions", body)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("turn = %s %s", res.Status, reply)
		}
		return res.Header.Get("X-Achuan-Placement"), lastTurn(t, sim).Text
	}
	placement, text := ask(edited, wrote, results, "Two files.")
	note := `changed before it ran. It ran with these arguments: ` + edited
	if placement != "continued" || strings.Count(text, "changed before it ran") != 1 || !strings.Contains(text, note) {
		t.Errorf("turn with an edited call = %s with %s, want it continued and told once", placement, text)
	}
	r.stop()
	<-r.done
	r = runApp(t, settings, slog.New(slog.DiscardHandler))
	placement, text = ask(edited, wrote, more, "You are welcome.")
	if placement != "continued" || text != "Thanks" {
		t.Errorf("next turn = %s with %s, want it continued with the question alone", placement, text)
	}
	for name, c := range map[string]struct{ first, second string }{
		"the call as the model wrote it": {wrote, wrote}, "another change": {other, wrote}, "a second change": {edited, other},
	} {
		if placement, _ := ask(c.first, c.second, more, "Well."); placement != "forked" && placement != "replayed" {
			t.Errorf("turn with %s further back = %s, want it not continued", name, placement)
		}
	}
	if placement, _ := ask(edited, wrote, more+`, {"role": "assistant", "content": "You are welcome."}, {"role": "user", "content": "Bye"}`, "Bye."); placement != "continued" {
		t.Errorf("turn after the forks = %s, want it continued", placement)
	}
}

// An id belongs to one call of one answer. With the name of another tool, or with a made-up check or index, it is no
// call of the session.
func TestForgedCallIDs(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	const tools = `{"type": "function", "function": {"name": "run", "parameters": {"type": "object"}}}, {"type": "function", "function": {"name": "stop", "parameters": {"type": "object"}}}`
	sim.Script(simulator.Say(`<tool_call>{"name": "run", "arguments": {"a": 1}}</tool_call>`))
	first := send(t, url, `{"model": "gpt-5.1-high", "tools": [`+tools+`], "messages": [{"role": "user", "content": "Go."}]}`)
	id := first.Choices[0].Message.ToolCalls[0].ID
	ask := func(id, name, arguments string) string {
		sim.Script(simulator.Say("Done."))
		body := fmt.Sprintf(`{"model": "gpt-5.1-high", "tools": [%s], "messages": [{"role": "user", "content": "Go."}, {"role": "assistant", "content": null, "tool_calls": [{"id": %q, "type": "function", "function": {"name": %q, "arguments": %q}}]}, {"role": "tool", "tool_call_id": %q, "content": "ok"}]}`, tools, id, name, arguments, id)
		res, reply := exchange(t, http.MethodPost, url+"/v1/chat/completions", body)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("turn = %s %s", res.Status, reply)
		}
		return res.Header.Get("X-Achuan-Placement")
	}
	last := id[len(id)-1:]
	changed := map[bool]string{true: "b", false: "a"}[last == "a"]
	for _, c := range []struct{ id, name string }{
		{id[:len(id)-1] + changed, "run"}, {strings.Replace(id, "_0_", "_1_", 1), "run"}, {id, "stop"}, {id[:len(id)-8], "run"},
	} {
		for _, arguments := range []string{`{"a": 1}`, `{"a": 2}`} {
			if got := ask(c.id, c.name, arguments); got != "replayed" {
				t.Errorf("turn with the call %s of %s and %s = %s, want replayed", c.id, c.name, arguments, got)
			}
		}
	}
	if got := ask(id, "run", `{"a":1.0}`); got != "continued" {
		t.Errorf("turn with the call itself = %s, want continued", got)
	}
}
