package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"

	"achuan/internal/config"
	"achuan/internal/postgrestest"
	"achuan/internal/simulator"
)

// A conversation continues one session by its ID: with items of its own, streamed or whole, and with calls of tools. It
// is its caller's only.
func TestConversations(t *testing.T) {
	for name, database := range map[string]func(*testing.T) string{
		"SQLite":     func(*testing.T) string { return "sqlite::memory:" },
		"PostgreSQL": func(t *testing.T) string { return postgrestest.NewSchema(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			sim := simulator.New(simulator.Options{})
			settings := loadSettings(t, sim, "ACHUAN_API_KEYS=anna:key-of-anna-0123,ben:key-of-ben-01234", "ACHUAN_DATABASE_URL="+database(t))
			settings.JWT = "token"
			url := runApp(t, settings, slog.New(slog.DiscardHandler)).url
			anna, ben := []string{"Authorization", "Bearer key-of-anna-0123"}, []string{"Authorization", "Bearer key-of-ben-01234"}
			_, conv := callResponses(t, "POST", url+"/v1/conversations", `{"metadata": {"topic": "x"}, "items": [{"type": "message", "role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hello."}]}`, anna...)
			if !strings.HasPrefix(conv.ID, "conv_") {
				t.Fatalf("conversation = %+v", conv)
			}
			const offer = `"model": "gpt-5.1-high", "tools": [{"type": "function", "name": "get_weather", "parameters": {"type": "object"}}]`
			ask := func(conversation, rest string) (*http.Response, response) {
				return callResponses(t, "POST", url+"/v1/responses", `{`+offer+`, "conversation": `+conversation+`, `+rest+`}`, anna...)
			}
			sim.Script(simulator.Say(`<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>`), simulator.Say("18 degrees."), simulator.Say("Bye."))
			_, first := ask(`"`+conv.ID+`"`, `"input": "Weather?"`)
			res, second := ask(`{"id": "`+conv.ID+`"}`, `"stream": true, "store": false, "input": [{"type": "function_call_output", "call_id": "`+first.Output[0].CallID+`", "output": "18"}]`)
			if got := res.Header.Get("X-Achuan-Placement"); got != "continued" || second.Conversation == nil || second.Conversation.ID != conv.ID {
				t.Errorf("second response = %s %+v, want it continued in %s", got, second, conv.ID)
			}
			items := url + "/v1/conversations/" + conv.ID + "/items"
			_, added := callResponses(t, "POST", items, `{"items": [{"role": "user", "content": "By the way."}]}`, anna...)
			if len(added.Data) != 1 {
				t.Errorf("added items = %+v, want one", added)
			}
			if _, third := ask(`"`+conv.ID+`"`, `"input": "Thanks"`); third.Status != "completed" {
				t.Errorf("third response = %+v", third)
			}
			turns := sim.Turns()
			if len(turns) != 3 || turns[0].SessionID != turns[2].SessionID || !strings.Contains(turns[0].Text, "I am Ada.") ||
				!strings.Contains(turns[2].Text, "By the way.") || strings.Contains(turns[2].Text, "Weather?") {
				t.Errorf("turns on the platform = %+v, want 3 in one session, each with what is new", turns)
			}
			checkItems(t, items, anna)
			if res, _ := callResponses(t, "GET", items, "", ben...); res.StatusCode != http.StatusNotFound {
				t.Errorf("items for another caller = %s, want 404", res.Status)
			}
			if _, got := callResponses(t, "DELETE", strings.TrimSuffix(items, "/items"), "", anna...); !got.Deleted {
				t.Errorf("DELETE = %+v, want it deleted", got)
			}
			if res, got := ask(`"`+conv.ID+`"`, `"input": "hi"`); res.StatusCode != http.StatusNotFound || got.Error.Param != "conversation" {
				t.Errorf("deleted conversation = %s %+v, want 404", res.Status, got)
			}
		})
	}
}

func checkItems(t *testing.T, url string, anna []string) {
	t.Helper()
	_, list := callResponses(t, "GET", url+"?order=asc&limit=100", "", anna...)
	var kinds []string
	for _, item := range list.Data {
		kinds = append(kinds, item.Type+" "+item.Role)
		if _, one := exchange(t, "GET", url+"/"+item.ID, "", anna...); !strings.HasPrefix(one, `{"id":"`+item.ID+`"`) {
			t.Errorf("item %s = %s", item.ID, one)
		}
	}
	const want = "message user, message assistant, message user, function_call , function_call_output , message assistant, message user, message user, message assistant"
	if got := strings.Join(kinds, ", "); got != want || list.HasMore {
		t.Errorf("items = %s, want %s", got, want)
	}
	if _, page := callResponses(t, "GET", url+"?limit=1", "", anna...); len(page.Data) != 1 || page.Data[0].ID != list.Data[8].ID || !page.HasMore {
		t.Errorf("first page = %+v, want the newest item", page)
	}
}

// Requests that continue a conversation at the same time come one after another, and none is lost.
func TestConversationInParallel(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, nil)
	_, conv := callResponses(t, "POST", url+"/v1/conversations", `{}`)
	var all sync.WaitGroup
	for i := range 6 {
		all.Go(func() {
			body := fmt.Sprintf(`{"model": "gpt-5.1-high", "conversation": %q, "input": "question %d"}`, conv.ID, i)
			if res, got := callResponses(t, "POST", url+"/v1/responses", body); res.StatusCode != http.StatusOK {
				t.Errorf("response = %s %+v", res.Status, got)
			}
		})
	}
	all.Wait()
	_, list := callResponses(t, "GET", url+"/v1/conversations/"+conv.ID+"/items?limit=100", "")
	turns := sim.Turns()
	if len(list.Data) != 12 || len(turns) != 6 || len(turns[5].History) != 5 {
		t.Errorf("%d items and %d turns, want 12 and 6 in one session", len(list.Data), len(turns))
	}
}

// A wrong request names the field, and asks nothing.
func TestConversationFaults(t *testing.T) {
	sim := simulator.New(simulator.Options{})
	url := serve(t, sim, func(*config.Settings) {})
	_, conv := callResponses(t, "POST", url+"/v1/conversations", `{}`)
	many := strings.TrimSuffix(strings.Repeat(`{"role": "user", "content": "x"},`, 21), ",")
	for _, tc := range []struct{ path, body, param string }{
		{"/v1/conversations", `{"metadata": 5}`, "metadata"},
		{"/v1/conversations", `{"items": 5}`, "items"},
		{"/v1/conversations", `{"items": [` + many + `]}`, "items"},
		{"/v1/conversations/" + conv.ID + "/items", `{}`, "items"},
		{"/v1/conversations/" + conv.ID + "/items", `{"items": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,aaaa"}]}]}`, "items"},
		{"/v1/responses", `{"model": "gpt-5.1-high", "input": "x", "conversation": 5}`, "conversation"},
		{"/v1/responses", `{"model": "gpt-5.1-high", "input": "x", "conversation": {}}`, "conversation.id"},
		{"/v1/responses", `{"model": "gpt-5.1-high", "input": "x", "conversation": "` + conv.ID + `", "previous_response_id": "resp_1"}`, "conversation"},
	} {
		res, got := callResponses(t, "POST", url+tc.path, tc.body)
		if res.StatusCode != http.StatusBadRequest || got.Error == nil || got.Error.Param != tc.param {
			t.Errorf("POST %s %.80s = %s %+v, want 400 for %s", tc.path, tc.body, res.Status, got.Error, tc.param)
		}
	}
	if n := len(sim.Turns()); n != 0 {
		t.Errorf("%d questions, want none", n)
	}
}
