package app_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/postgrestest"
	"achuan/internal/simulator"
)

// response is a response object, or an error.
type response struct {
	ID       string
	Status   string
	Previous string `json:"previous_response_id"`
	Output   []struct {
		ID, Type string
		CallID   string `json:"call_id"`
	}
	Conversation *struct{ ID string }
	Data         []struct{ ID, Type, Role string }
	HasMore      bool `json:"has_more"`
	Deleted      bool
	Error        *struct{ Code, Param, Message string }
}

// callResponses sends a request and returns the response, or the last response of a stream.
func callResponses(t *testing.T, method, url, body string, headers ...string) (*http.Response, response) {
	t.Helper()
	res, text := exchange(t, method, url, body, headers...)
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		i := strings.LastIndex(text, `"response":`)
		text = strings.TrimSuffix(strings.TrimSpace(text[i+len(`"response":`):]), "}")
	}
	var r response
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%s %s = %s %.500s: %v", method, url, res.Status, text, err)
	}
	return res, r
}

// A request continues the session of a stored response by its ID alone, whole or streamed, also after a restart. The
// response is its caller's only.
func TestStoredResponses(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "achuan.db") },
		"PostgreSQL": func(t *testing.T) string { return postgrestest.NewSchema(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			settings := loadSettings(t, sim, "ACHUAN_API_KEYS=anna:key-of-anna-0123,ben:key-of-ben-01234", "ACHUAN_DATABASE_URL="+database(t))
			settings.JWT = "token"
			r := runApp(t, settings, slog.New(slog.DiscardHandler))
			anna, ben := []string{"Authorization", "Bearer key-of-anna-0123"}, []string{"Authorization", "Bearer key-of-ben-01234"}
			const offer = `"model": "gpt-5.1-high", "tools": [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]`
			sim.Script(simulator.Say("I look.\n" + `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>`))
			_, first := callResponses(t, "POST", r.url+"/v1/responses", `{`+offer+`, "instructions": "Be brief.", "input": "Weather in Paris?"}`, anna...)
			if first.Status != "completed" || len(first.Output) != 2 {
				t.Fatalf("first response = %+v", first)
			}
			r.stop()
			<-r.done
			r = runApp(t, settings, slog.New(slog.DiscardHandler))

			sim.Script(simulator.Say("18 degrees."))
			res, second := callResponses(t, "POST", r.url+"/v1/responses", `{`+offer+`, "stream": true, "instructions": "Be brief.", "previous_response_id": "`+first.ID+`", "input": [{"type": "function_call_output", "call_id": "`+first.Output[1].CallID+`", "output": "18"}]}`, anna...)
			if placement := res.Header.Get("X-Achuan-Placement"); second.Status != "completed" || second.Previous != first.ID || placement != "continued" {
				t.Errorf("second response = %s %+v, want it continued", placement, second)
			}
			sim.Script(simulator.Say("Bye."))
			reference := `{"type": "item_reference", "id": "` + first.Output[0].ID + `"}, {"type": "item_reference", "id": "` + first.Output[1].ID + `"}`
			res, third := callResponses(t, "POST", r.url+"/v1/responses", `{`+offer+`, "store": false, "instructions": "Be brief.", "input": [{"role": "user", "content": "Weather in Paris?"}, `+reference+`, {"type": "function_call_output", "call_id": "`+first.Output[1].CallID+`", "output": "18"}, {"role": "assistant", "content": "18 degrees."}, {"role": "user", "content": "Thanks"}]}`, anna...)
			if placement := res.Header.Get("X-Achuan-Placement"); third.Status != "completed" || placement != "continued" {
				t.Errorf("third response = %s %+v, want it continued", placement, third)
			}
			if turns := sim.Turns(); len(turns) != 3 || turns[0].SessionID != turns[2].SessionID {
				t.Errorf("turns on the platform = %+v, want 3 in one session", turns)
			}
			checkStoredResponse(t, r.url, first, second, third, anna, ben)
		})
	}
}

func checkStoredResponse(t *testing.T, url string, first, second, third response, anna, ben []string) {
	t.Helper()
	url += "/v1/responses"
	if _, got := callResponses(t, "GET", url+"/"+first.ID, "", anna...); got.ID != first.ID || len(got.Output) != 2 {
		t.Errorf("GET = %+v, want %+v", got, first)
	}
	if _, items := callResponses(t, "GET", url+"/"+second.ID+"/input_items?limit=5", "", anna...); len(items.Data) != 1 || items.Data[0].Type != "function_call_output" || items.HasMore {
		t.Errorf("input items = %+v, want the result", items)
	}
	for name, c := range map[string]struct {
		id      string
		headers []string
	}{"another caller": {first.ID, ben}, "not stored": {third.ID, anna}, "unknown": {"resp_1", anna}} {
		if res, got := callResponses(t, "GET", url+"/"+c.id, "", c.headers...); res.StatusCode != http.StatusNotFound {
			t.Errorf("GET of %s = %s %+v, want 404", name, res.Status, got)
		}
		res, got := callResponses(t, "POST", url, `{"model": "gpt-5.1-high", "previous_response_id": "`+c.id+`", "input": "hi"}`, c.headers...)
		if res.StatusCode != http.StatusBadRequest || got.Error.Code != "previous_response_not_found" || got.Error.Param != "previous_response_id" {
			t.Errorf("request that continues %s = %s %+v, want 400", name, res.Status, got)
		}
	}
	if res, got := callResponses(t, "POST", url, `{"model": "gpt-5.1-high", "input": [{"type": "item_reference", "id": "msg_x"}, {"role": "user", "content": "hi"}]}`, anna...); res.StatusCode != http.StatusBadRequest || got.Error.Param != "input[0].id" {
		t.Errorf("request with an unknown item = %s %+v, want 400", res.Status, got)
	}
	if _, got := callResponses(t, "DELETE", url+"/"+first.ID, "", anna...); !got.Deleted {
		t.Errorf("DELETE = %+v, want it deleted", got)
	}
	if res, _ := callResponses(t, "POST", url, `{"model": "gpt-5.1-high", "previous_response_id": "`+second.ID+`", "input": "hi"}`, anna...); res.StatusCode != http.StatusBadRequest {
		t.Errorf("request that continues a response whose history is gone = %s, want 400", res.Status)
	}
}
