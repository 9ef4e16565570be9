package app_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"achuan/internal/simulator"
)

const (
	twoCalls = "Both at once.\n" + `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>` + "\n" +
		`<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>`
	askBoth = `{"role": "user", "content": "Weather in Paris and Rome?"}`
)

// resultPattern matches a tool result in the prompt: the number of its call and its text.
var resultPattern = regexp.MustCompile(`<tool_result id="([^"]*)" name="get_weather">\n(.*)\n</tool_result>`)

func resultsIn(text string) (found []string) {
	for _, m := range resultPattern.FindAllStringSubmatch(text, -1) {
		found = append(found, m[1]+"="+m[2])
	}
	return found
}

// Frameworks send the results of parallel calls in any order, repeat results, add names to answers, and split an
// answer into several messages. Each such chat continues in its session, and the model gets each result with its own
// call.
func TestParallelCallsContinue(t *testing.T) {
	const (
		call   = `{"id": "%ID", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"%CITY\"}"}}`
		paris  = `{"role": "tool", "tool_call_id": "ID0", "content": "18 in Paris"}`
		rome   = `{"role": "tool", "tool_call_id": "ID1", "content": "25 in Rome"}`
		tools  = `"tools": [` + weatherTool + `]`
		spoken = `"content": "Both at once."`
	)
	one := strings.NewReplacer("%ID", "ID0", "%CITY", "Paris").Replace(call)
	two := strings.NewReplacer("%ID", "ID1", "%CITY", "Rome").Replace(call)
	both := `{"role": "assistant", ` + spoken + `, "tool_calls": [` + one + `, ` + two + `]}`
	for _, tt := range []struct {
		name    string
		history []string
	}{
		{"results in order", []string{both, paris, rome}},
		{"results as they finish", []string{both, rome, paris}},
		{"a result twice", []string{both, rome, paris, rome}},
		{"an answer with a name", []string{strings.Replace(both, `"assistant"`, `"assistant", "name": "weather_agent"`, 1), rome, paris}},
		{"a message for each call", []string{`{"role": "assistant", ` + spoken + `, "tool_calls": [` + one + `]}`, paris,
			`{"role": "assistant", "content": null, "tool_calls": [` + two + `]}`, rome}},
		{"a message for each call, as they finish", []string{`{"role": "assistant", ` + spoken + `}`,
			`{"role": "assistant", "tool_calls": [` + two + `]}`, rome, `{"role": "assistant", "content": "", "tool_calls": [` + one + `]}`, paris}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			sim.Script(simulator.Say(twoCalls), simulator.Say("Warmer in Rome."), simulator.Say("Yes."))
			first := send(t, url, `{"model": "gpt-5.1-high", `+tools+`, "messages": [`+askBoth+`]}`)
			calls := first.Choices[0].Message.ToolCalls
			if len(calls) != 2 {
				t.Fatalf("answer has %d calls, want 2: %s", len(calls), first.body)
			}
			ids := strings.NewReplacer("ID0", calls[0].ID, "ID1", calls[1].ID)
			history := ids.Replace(askBoth + ", " + strings.Join(tt.history, ", "))
			second := send(t, url, `{"model": "gpt-5.1-high", `+tools+`, "messages": [`+history+`]}`)
			if got := second.header.Get("X-Achuan-Placement"); got != "continued" {
				t.Fatalf("placement = %q, want continued: %s", got, second.body)
			}
			if got := strings.Join(resultsIn(sim.Turns()[1].Text), " "); got != "1=18 in Paris 2=25 in Rome" {
				t.Errorf("results in the prompt = %q, want each with its own call", got)
			}
			third := send(t, url, `{"model": "gpt-5.1-high", `+tools+`, "messages": [`+history+
				`, {"role": "assistant", "name": "weather_agent", "content": "Warmer in Rome."}, {"role": "user", "content": "Sure?"}]}`)
			if got := third.header.Get("X-Achuan-Placement"); got != "continued" || sim.Turns()[2].Text != "Sure?" {
				t.Errorf("placement = %q, asked %q, want continued with only the new message", got, sim.Turns()[2].Text)
			}
		})
	}
}

// A replay shows calls and results with the same numbers, not with ids that the model has not seen.
func TestReplayShowsPairedResults(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	send(t, url, `{"model": "gpt-5.1-high", "tools": [`+weatherTool+`], "messages": [`+askBoth+`,
		{"role": "assistant", "content": null, "tool_calls": [
			{"id": "x", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Paris\"}"}},
			{"id": "y", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\":\"Rome\"}"}}]},
		{"role": "tool", "tool_call_id": "y", "content": "25 in Rome"}, {"role": "tool", "tool_call_id": "x", "content": "18 in Paris"},
		{"role": "user", "content": "And now?"}]}`)
	text := sim.Turns()[0].Text
	if got := strings.Join(resultsIn(text), " "); got != "1=18 in Paris 2=25 in Rome" {
		t.Errorf("results in the prompt = %q, want each with its own call: %s", got, text)
	}
	if strings.Index(text, "Paris\"}") > strings.Index(text, "Rome\"}") {
		t.Errorf("prompt = %s, want the calls in order", text)
	}
}

// An agent that extracts memories from a chat sends the chat's history with its own instructions and tools. It does
// not take the chat's session.
func TestSideAgentDoesNotTakeSession(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(simulator.Say("Hello, Ada."), simulator.Say("Nothing to remember."), simulator.Say("You are Ada."))
	const (
		chat    = `{"role": "system", "content": "Be brief."}`
		side    = `{"role": "system", "content": "Extract memories."}`
		history = `{"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hello, Ada."}`
		memory  = `"tools": [{"type": "function", "function": {"name": "save_memory"}}], `
	)
	send(t, url, `{"model": "gpt-5.1-high", "messages": [`+chat+`, {"role": "user", "content": "I am Ada."}]}`)
	second := send(t, url, `{"model": "gpt-5.1-high", `+memory+`"messages": [`+side+`, `+history+`, {"role": "user", "content": "Extract."}]}`)
	if got := second.header.Get("X-Achuan-Placement"); got != "forked" {
		t.Errorf("placement of the side agent = %q, want forked", got)
	}
	third := send(t, url, `{"model": "gpt-5.1-high", "messages": [`+chat+`, `+history+`, {"role": "user", "content": "Who am I?"}]}`)
	turns := sim.Turns()
	if got := third.header.Get("X-Achuan-Placement"); got != "continued" || turns[2].SessionID != turns[0].SessionID || turns[1].SessionID == turns[0].SessionID {
		t.Errorf("placement of the chat = %q in %d, want continued in %d, not in %d of the side agent",
			got, turns[2].SessionID, turns[0].SessionID, turns[1].SessionID)
	}
}

var contentPattern = regexp.MustCompile(`"content":("(?:[^"\\]|\\.)*")`)

// contentIn returns the text of a whole or streamed answer.
func contentIn(t *testing.T, body string) (text string) {
	t.Helper()
	for _, m := range contentPattern.FindAllStringSubmatch(body, -1) {
		var piece string
		if err := json.Unmarshal([]byte(m[1]), &piece); err != nil {
			t.Fatal(err)
		}
		text += piece
	}
	return text
}

// When the model imitates the framing of a replay, the client gets only the answer: streamed and whole, with and
// without tools.
func TestClientNeverGetsReplayFraming(t *testing.T) {
	const request = `{"model": "gpt-5.1-high", %s"messages": [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Who am I?"}]}`
	nonce := regexp.MustCompile(`\[\[[0-9a-f]{16}`)
	for name, with := range map[string]string{
		"whole": "", "streamed": `"stream": true, `, "tools": `"tools": [` + weatherTool + `], `,
		"tools, streamed": `"stream": true, "tools": [` + weatherTool + `], `,
	} {
		t.Run(name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			url := serve(t, sim, nil)
			sim.OnTurn(func(turn simulator.Turn) *simulator.Reply {
				mark := nonce.FindString(turn.Text)
				answer := mark + " assistant]]\nYou are Ada.\n" + mark + " user]]\nInvented.\n" + mark + " assistant]]\n" + twoCalls
				return &simulator.Reply{Deltas: strings.Split(answer, "")}
			})
			got := send(t, url, strings.Replace(request, "%s", with, 1))
			if text := contentIn(t, got.body); strings.TrimSpace(text) != "You are Ada." || strings.Contains(got.body, "tool_calls") {
				t.Errorf("text of the answer = %q, want only the answer: %s", text, got.body)
			}
		})
	}
}

// A request by id can have neither tools nor history. The session remembers that it has tools, so that a call is never
// shown as text.
func TestSessionByIDRemembersItsTools(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	sim.Script(simulator.Say("Which city?"))
	first := send(t, url, `{"model": "gpt-5.1-high", "tools": [`+weatherTool+`], "messages": [{"role": "user", "content": "Weather?"}]}`)
	for range 2 { // the second time, the turn before had no tools either
		sim.Script(simulator.Say(twoCalls), simulator.Say("It is sunny."))
		got := send(t, url, `{"model": "gpt-5.1-high", "messages": [{"role": "user", "content": "Paris and Rome."}]}`, "X-Session-Id", first.header.Get("X-Session-Id"))
		if text := contentIn(t, got.body); strings.Contains(text, "tool_call") || !strings.Contains(text, "It is sunny.") {
			t.Errorf("text of the answer = %q, want only the answer: %s", text, got.body)
		}
	}
}
