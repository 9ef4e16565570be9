package anthropic

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/golden"
)

// answer is what a test gives to the writers.
var answer = []chat.Event{
	{Kind: chat.EventReasoning, Text: "The user "},
	{Kind: chat.EventReasoning, Text: "greets."},
	{Kind: chat.EventText, Text: "Hello"},
	{Kind: chat.EventPause},
	{Kind: chat.EventText, Text: " \"you\""},
	{Kind: chat.EventToolCall, Call: 0, CallID: "call_0123456789abcdefghijkl_0", CallName: "fs_read_4074bc02", Text: `{"path": `},
	{Kind: chat.EventToolCall, Call: 0, Text: `"a"}`},
	{Kind: chat.EventToolCall, Call: 1, CallID: "call_0123456789abcdefghijkl_1", CallName: "list", Text: `{}`},
	{Kind: chat.EventDone, Finish: chat.FinishTools, Usage: chat.Usage{PromptTokens: 20, CompletionTokens: 7}},
}

const offer = `"tools": [{"name": "fs.read"}, {"name": "list"}]`

func appendAll(s *stream, events []chat.Event) []byte {
	var dst []byte
	for _, ev := range events {
		dst = s.Append(dst, ev)
	}
	return dst
}

func TestAnswers(t *testing.T) {
	r := mustDecode(t, withFields(offer))
	s, w := newStream("msg_1", r), newWhole("msg_1", r)
	streamed := appendAll(s, answer)
	for _, ev := range answer {
		w.Add(ev)
	}
	if !s.Complete() || !w.Complete() {
		t.Fatalf("Complete() = %v streamed, %v whole, want true", s.Complete(), w.Complete())
	}
	golden.CheckFile(t, "testdata/stream.txt", string(s.AppendEnd(streamed)))
	golden.CheckFile(t, "testdata/whole.json", string(w.Append(nil))+"\n")
}

// Claude Code runs a call when its block ends, and keeps a text whose block ended. So neither ends before the
// answer has been saved, however many calls there are.
func TestNothingEndsBeforeTheEnd(t *testing.T) {
	r := mustDecode(t, withFields(offer))
	for end := range answer {
		before := string(appendAll(newStream("msg_1", r), answer[:end]))
		if strings.Contains(before, "message_delta") || strings.Contains(before, "message_stop") {
			t.Errorf("stream of %d events = %s, want no end", end, before)
		}
		opened, closed := strings.Count(before, "content_block_start\n"), strings.Count(before, "content_block_stop\n")
		if opened > 0 && closed != opened-1 || strings.Count(before, `"tool_use"`) > 1 {
			t.Errorf("stream of %d events = %s, want its last block open and at most one call", end, before)
		}
	}
}

func TestStopReasons(t *testing.T) {
	r := mustDecode(t, withFields(`"thinking": {"type": "disabled"}`))
	for want, done := range map[string]chat.Event{
		`"stop_reason":"end_turn","stop_sequence":null`:       {Finish: chat.FinishStop},
		`"stop_reason":"stop_sequence","stop_sequence":"END"`: {Finish: chat.FinishStop, StopSequence: "END"},
		`"stop_reason":"max_tokens","stop_sequence":null`:     {Finish: chat.FinishLength},
		`"stop_reason":"tool_use","stop_sequence":null`:       {Finish: chat.FinishTools},
	} {
		done.Kind = chat.EventDone
		s, w := newStream("msg_1", r), newWhole("msg_1", r)
		events := []chat.Event{{Kind: chat.EventReasoning, Text: "hidden"}, done}
		streamed := s.AppendEnd(appendAll(s, events))
		for _, ev := range events {
			w.Add(ev)
		}
		for form, got := range map[string]string{"stream": string(streamed), "whole": string(w.Append(nil))} {
			if !strings.Contains(got, want) || strings.Contains(got, "hidden") {
				t.Errorf("%s = %s, want %s and no thinking", form, got, want)
			}
		}
	}
}

// Half an answer never looks like a whole one.
func TestIncompleteAnswers(t *testing.T) {
	r := mustDecode(t, withFields(""))
	s, w := newStream("msg_1", r), newWhole("msg_1", r)
	streamed := s.AppendEnd(appendAll(s, answer[:3]))
	w.Add(answer[2])
	for form, got := range map[string]string{"stream": string(streamed), "whole": string(w.Append(nil))} {
		if !strings.Contains(got, `"type":"error"`) || strings.Contains(got, "message_stop") {
			t.Errorf("%s = %s, want an error", form, got)
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		give   *chat.Error
		status int
		body   string
	}{
		{chat.Invalid(chat.CodeInvalidType, "messages[0].content[1]", "expected a string"), 400,
			`{"type":"error","error":{"type":"invalid_request_error","message":"messages.0.content.1: expected a string."},"request_id":"req_1"}`},
		{&chat.Error{Kind: chat.KindInvalid, Code: chat.CodeModelNotFound, Message: "no such model"}, 404,
			`{"type":"error","error":{"type":"not_found_error","message":"no such model."},"request_id":"req_1"}`},
		{&chat.Error{Kind: chat.KindQuota, Code: chat.CodeInsufficientQuota, Message: "used up"}, 402,
			`{"type":"error","error":{"type":"billing_error","message":"used up."},"request_id":"req_1"}`},
		{&chat.Error{Kind: chat.KindUnavailable, Message: "later"}, 503,
			`{"type":"error","error":{"type":"overloaded_error","message":"later."},"request_id":"req_1"}`},
	} {
		status, _ := Status(tt.give)
		if body := string(AppendError(nil, tt.give, "req_1")); body != tt.body || status != tt.status {
			t.Errorf("AppendError = %d %s, want %d %s", status, body, tt.status, tt.body)
		}
	}
}

func TestModels(t *testing.T) {
	models := []chat.Model{{ID: "a", Label: "A"}, {ID: "b"}, {ID: "c"}}
	for query, want := range map[string]string{
		"":                   "a b c",
		"limit=2":            "a b +",
		"after_id=a":         "b c",
		"after_id=a&limit=1": "b +",
		"before_id=c":        "a b",
		"limit=x":            "a b c",
		"after_id=c":         "",
	} {
		got := pageOf(t, models, query)
		if got != want {
			t.Errorf("page %q = %q, want %q", query, got, want)
		}
	}
}

// pageOf returns the ids of a page, and a + if there are more.
func pageOf(t *testing.T, models []chat.Model, query string) string {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	var page struct {
		Data []struct {
			ID string
		}
		HasMore bool    `json:"has_more"`
		FirstID *string `json:"first_id"`
		LastID  *string `json:"last_id"`
	}
	if err := json.Unmarshal(AppendModels(nil, models, values), &page); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range page.Data {
		ids = append(ids, m.ID)
	}
	if len(ids) > 0 && (*page.FirstID != ids[0] || *page.LastID != ids[len(ids)-1]) {
		t.Errorf("page %q has first_id %q and last_id %q, want those of %q", query, *page.FirstID, *page.LastID, ids)
	}
	if page.HasMore {
		ids = append(ids, "+")
	}
	return strings.Join(ids, " ")
}
