package app_test

import (
	"encoding/json"
	"math"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"achuan/internal/simulator"
)

// Many answers with a large call arrive at the same time, and there is memory for a few. The others
// end with an error that never looks like an answer, whole and streamed. All memory is given back.
func TestLargeCallsAtOnce(t *testing.T) {
	const (
		clients   = 16
		budget    = 64 << 20
		arguments = 1 << 20 // bytes of each call
	)
	was := debug.SetMemoryLimit(2 * budget) // the budget is half of the limit
	defer debug.SetMemoryLimit(was)
	t.Setenv("GOMEMLIMIT", "set") // the app keeps the limit
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	debug.SetMemoryLimit(math.MaxInt64) // the simulator is in this process too

	filler := strings.Repeat("0123456789abcdef", arguments/2/16)
	halfCome := make(chan struct{}) // closed when all questions are asked
	sim.OnTurn(func(turn simulator.Turn) *simulator.Reply {
		if !strings.Contains(turn.Text, "large") {
			return &simulator.Reply{Text: "small"}
		}
		r := simulator.Stream(simulator.Deltas("Let me see. ", `<tool_call>{"name":"f","arguments":{"a":"`+filler),
			simulator.Wait(halfCome), simulator.Deltas(filler+`"}}</tool_call>`), simulator.Object(), simulator.Done())
		return &r
	})
	ask := func(keys string) (*http.Response, string) {
		return exchange(t, http.MethodPost, url+"/v1/chat/completions",
			`{"model":"gpt-5.1-high","messages":[{"role":"user","content":"large"}],"tools":[{"type":"function","function":{"name":"f"}}]`+keys+"}")
	}
	var mu sync.Mutex
	complete, refused := 0, 0
	check := func(isStream bool, resp *http.Response, text string) {
		minPatterns := arguments/16 - 256 // the pieces of a stream cut some
		isWhole := resp.StatusCode == http.StatusOK && strings.Count(text, "0123456789abcdef") >= minPatterns &&
			strings.Contains(text, `"finish_reason":"tool_calls"`) && !strings.Contains(text, `"error"`)
		var body struct{ Error struct{ Code, Type string } }
		mu.Lock()
		defer mu.Unlock()
		switch {
		case isWhole && (!isStream || strings.HasSuffix(text, "data: [DONE]\n\n")):
			complete++
		case isWhole, strings.Contains(text, "[DONE]"), strings.Contains(text, `"finish_reason":"`):
			t.Errorf("half an answer looks like a whole one: status %d, %d bytes", resp.StatusCode, len(text))
		case !isStream && resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
			refused++
		case isStream && resp.StatusCode == http.StatusOK:
			refused++
			at := strings.LastIndex(text, "data: ")
			text = text[at+len("data: "):]
		default:
			t.Errorf("status %d with %d bytes, want an answer or overloaded", resp.StatusCode, len(text))
		}
		if !isWhole && (json.Unmarshal([]byte(text), &body) != nil || body.Error.Code != "overloaded" || body.Error.Type != "backend_error") {
			t.Errorf("error = %.300s, want overloaded", text)
		}
	}
	var asking sync.WaitGroup
	for i := range clients {
		asking.Go(func() {
			isStream, keys := i%2 == 0, ""
			if isStream {
				keys = `,"stream":true`
			}
			resp, text := ask(keys)
			check(isStream, resp, text)
		})
	}
	if err := sim.Await(t.Context(), func() bool { return len(sim.Turns()) == clients }); err != nil {
		t.Fatal(err)
	}
	close(halfCome)
	asking.Wait()
	if complete == 0 || refused == 0 {
		t.Errorf("%d complete answers, %d refused, want some of each", complete, refused)
	}
	if got := send(t, url, `{"model":"gpt-5.1-high","messages":[{"role":"user","content":"hello"}]}`); got.status != http.StatusOK {
		t.Errorf("a small request after it = %d %s, want 200", got.status, got.body)
	}
	complete, refused = 0, 0
	resp, text := ask("") // it needs a third of the budget
	if check(false, resp, text); complete != 1 {
		t.Errorf("a large answer after it = %d, want 200: all memory is given back", resp.StatusCode)
	}
}
