package emulate

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

const (
	goodCall  = `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}</tool_call>`
	otherCall = `<tool_call>{"name": "now", "arguments": {}}</tool_call>`
	badArg    = `<tool_call>{"name": "get_weather", "arguments": {"city": 5}}</tool_call>`
)

// conversationTest is a case for runConversation.
type conversationTest struct {
	name    string
	change  func(*chat.Request) // of the request with the corpus' tools
	answers []string            // of the model
	client  []string            // what the client gets
	repair  string              // a part of one repair text, or "" for no check
}

// runConversation sends the model's answers to a shaper, one after another while it asks for
// repairs. It returns what the client gets and what the model is asked.
func runConversation(p *Plan, answers ...string) (client []string, repairs []string) {
	s := p.Shaper()
	pass := func(ev chat.Event) {
		switch ev.Kind {
		case chat.EventText:
			client = append(client, "text "+ev.Text)
		case chat.EventReasoning:
			client = append(client, "reasoning "+ev.Text)
		case chat.EventToolCall:
			name := ""
			if ev.CallID != "" {
				name = " " + ev.CallName
			}
			client = append(client, fmt.Sprintf("call %d%s %s", ev.Call, name, ev.Text))
		case chat.EventDone:
			client = append(client, "done "+string(ev.Finish)+describeCut(ev))
		}
	}
	for _, answer := range answers {
		reasoning, text, found := strings.Cut(answer, "|")
		if !found {
			reasoning, text = "", answer
		}
		if reasoning != "" {
			_, _ = s.Shape(chat.Event{Kind: chat.EventReasoning, Text: reasoning}, pass)
		}
		_, _ = s.Shape(chat.Event{Kind: chat.EventText, Text: text}, pass)
		repair, err := s.Shape(chat.Event{Kind: chat.EventDone, Usage: chat.Usage{CompletionTokens: 7}}, pass)
		if err != nil {
			client = append(client, "error "+string(chat.AsError(err).Code))
		}
		if repair == "" {
			return client, repairs
		}
		repairs = append(repairs, repair)
	}
	return append(client, "asked again"), repairs
}

func withToolChoice(mode chat.ToolMode, names ...string) func(*chat.Request) {
	return func(r *chat.Request) { r.ToolChoice = chat.ToolChoice{Mode: mode, Allowed: names} }
}

// withEarlierCalls makes a request without tools whose transcript has calls.
func withEarlierCalls(r *chat.Request) {
	r.Tools = nil
	r.Messages = append(r.Messages, chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: "1", Name: "now", Arguments: "{}"}}},
		chat.Message{Role: chat.RoleTool, ToolCallID: "1", Text: "12:00"})
}

func withSingleCalls(r *chat.Request) { r.ParallelCalls = new(bool) }

func TestShaperCalls(t *testing.T) {
	const weather = `call 0 get_weather {"city": "Paris"}`
	tests := []conversationTest{
		{"right at once", nil, []string{"Let me see. " + goodCall}, []string{"text Let me see. ", weather, "done tool_calls"}, ""},
		{"repaired", nil, []string{"Let me see. " + badArg, "Sorry! " + goodCall}, []string{"text Let me see. ", weather, "done tool_calls"}, "at /city: got number, want string"},
		{"repaired the second time", nil, []string{badArg, badArg, goodCall}, []string{weather, "done tool_calls"}, "at /city"},
		{"never repaired", nil, []string{badArg, badArg, badArg}, []string{"error invalid_tool_call"}, "at /city"},
		{"prose of repairs is dropped", nil, []string{"one " + badArg, "two " + badArg, "three " + badArg}, []string{"text one ", "error invalid_tool_call"}, ""},
		{"reasoning of repairs is dropped", nil, []string{"hm|" + badArg, "hm hm|" + goodCall}, []string{"reasoning hm", weather, "done tool_calls"}, ""},
		{"one of two is wrong", nil, []string{otherCall + badArg, otherCall + goodCall}, []string{"call 0 now {}", `call 1 get_weather {"city": "Paris"}`, "done tool_calls"}, "call 2: get_weather"},
		{"text in place of the repair", nil, []string{"Hm. " + badArg, "I cannot."}, []string{"text Hm. ", "text \n\nI cannot.", "done "}, ""},
		{"text in place of the repair, nothing before", nil, []string{badArg, "I cannot."}, []string{"text I cannot.", "done "}, ""},

		{"in reasoning that never ends", nil, []string{"Hm. " + goodCall + "|"}, []string{"reasoning Hm. ", weather, "done tool_calls"}, ""},
		{"wrong, in reasoning that never ends", nil, []string{"Hm. " + badArg + "|", "hm|" + goodCall}, []string{"reasoning Hm. ", weather, "done tool_calls"}, "at /city"},
		{"in reasoning that never ends, and more", nil, []string{goodCall + " It is sunny.|"}, []string{weather, "done tool_calls, cut"}, ""},
		{"in reasoning that ends", nil, []string{"Hm. " + goodCall + " or|Hello."}, []string{"reasoning Hm. ", "reasoning " + goodCall + " or", "text Hello.", "done "}, ""},
		{"in code in reasoning that never ends", nil, []string{"Hm. `" + goodCall + "`|"}, []string{"reasoning Hm. `", "reasoning " + goodCall + "`", "done "}, ""},
		{"reasoning alone", nil, []string{"Hm <|"}, []string{"reasoning Hm ", "reasoning <", "done "}, ""},

		{"without tools, but with calls in the transcript", withEarlierCalls, []string{goodCall, "Hello."}, []string{"text Hello.", "done "}, "no function may be called now: answer with text"},
		{"without tools, broken for good", withEarlierCalls, []string{goodCall, goodCall, goodCall}, []string{"error invalid_tool_call"}, "with text and without calls"},
		{"without tools, another form", withEarlierCalls, []string{"<function=now></function>", "Hello."}, []string{"text Hello.", "done "}, "no function may be called now"},
		{"without tools, in code", withEarlierCalls, []string{"`" + goodCall + "`"}, []string{"text `", "text " + goodCall + "`", "done "}, ""},
		{"a list and calls one at a time", withSingleCalls, []string{`<tool_call>[{"name": "now"}, {"name": "now"}]</tool_call>`, otherCall}, []string{"call 0 now {}", "done tool_calls"}, "2 calls were made at once"},

		{"none, kept", withToolChoice(chat.ToolsNone), []string{"Hello."}, []string{"text Hello.", "done "}, ""},
		{"none, broken and repaired", withToolChoice(chat.ToolsNone), []string{goodCall, "Hello."}, []string{"text Hello.", "done "}, "no function may be called now"},
		{"none, broken for good", withToolChoice(chat.ToolsNone), []string{goodCall, goodCall, goodCall}, []string{"error invalid_tool_call"}, "with text and without calls"},
		{"required, kept", withToolChoice(chat.ToolsRequired), []string{goodCall}, []string{weather, "done tool_calls"}, ""},
		{"required, repaired", withToolChoice(chat.ToolsRequired), []string{"It is sunny.", goodCall}, []string{weather, "done tool_calls"}, "a function must be called"},
		{"required, broken for good", withToolChoice(chat.ToolsRequired), []string{"a", "b", "c"}, []string{"error invalid_tool_call"}, ""},
		{"required, text before the call", withToolChoice(chat.ToolsRequired), []string{"Let me see. " + goodCall}, []string{weather, "done tool_calls"}, ""},
		{"named, kept", withToolChoice(chat.ToolsRequired, "now"), []string{otherCall}, []string{"call 0 now {}", "done tool_calls"}, ""},
		{"named, another called", withToolChoice(chat.ToolsRequired, "now"), []string{goodCall, otherCall}, []string{"call 0 now {}", "done tool_calls"}, "the function get_weather may not be called now; these may: now"},
		{"named, none called", withToolChoice(chat.ToolsRequired, "now"), []string{"no", otherCall}, []string{"call 0 now {}", "done tool_calls"}, "You must call the function now now"},
		{"allowed, kept", withToolChoice(chat.ToolsAuto, "now", "add"), []string{otherCall}, []string{"call 0 now {}", "done tool_calls"}, ""},
		{"allowed, text", withToolChoice(chat.ToolsAuto, "now"), []string{"ok"}, []string{"text ok", "done "}, ""},
		{"allowed, another called", withToolChoice(chat.ToolsAuto, "now", "add"), []string{goodCall, otherCall}, []string{"call 0 now {}", "done tool_calls"}, "these may: now, add"},
		{"one at a time, kept", withSingleCalls, []string{goodCall}, []string{weather, "done tool_calls"}, ""},
		{"one at a time, two called", withSingleCalls, []string{goodCall + otherCall, goodCall}, []string{weather, "done tool_calls"}, "2 calls were made at once"},
		{"functions are called one at a time", func(r *chat.Request) { r.LegacyCalls = true }, []string{goodCall + otherCall, goodCall}, []string{weather, "done tool_calls"}, "2 calls were made at once"},

		{"cut in a call by the token limit", withMaxTokens(7), []string{"a " + goodCall[:40]}, []string{"text a ", "done length, cut"}, ""},
		{"cut in a call, not by the limit", withMaxTokens(8), []string{"a " + goodCall[:40], goodCall}, []string{"text a ", weather, "done tool_calls"}, "ends where a value is missing"},
		{"cut behind a call that is whole", withMaxTokens(7), []string{goodCall}, []string{weather, "done length"}, ""},
		{"cut in a call's brackets", withMaxTokens(7), []string{"a " + `<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"`}, []string{"text a ", "done length, cut"}, ""},
		{"cut in text", withMaxTokens(7), []string{"a b"}, []string{"text a b", "done length"}, ""},
		{"cut in a repaired answer", withMaxTokens(7), []string{goodCall[:40]}, []string{"done length, cut"}, ""},
		{"wrong at the limit", withMaxTokens(7), []string{badArg}, []string{"done length, cut"}, ""},
		{"cut before a call that must be", func(r *chat.Request) { withToolChoice(chat.ToolsRequired)(r); withMaxTokens(7)(r) }, []string{"I will"}, []string{"done length, cut"}, ""},

		{"stops in its brackets", nil, []string{`<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"`, goodCall}, []string{weather, "done tool_calls"}, "stops before its end"},
		{"a result made up behind a call", nil, []string{goodCall + "\n<tool_result>\nsunny\n</tool_result>\nIt is sunny."}, []string{weather, "done tool_calls, cut"}, ""},
		{"text between calls", nil, []string{otherCall + " and " + otherCall}, []string{"call 0 now {}", "call 1 now {}", "done tool_calls, cut"}, ""},
		{"a result made up behind a call that is repaired", nil, []string{badArg + " It is sunny.", goodCall}, []string{weather, "done tool_calls, cut"}, "at /city"},
		{"a result made up behind a call that becomes text", nil, []string{badArg + " It is sunny.", "No."}, []string{"text No.", "done , cut"}, "at /city"},
		{"blanks behind a call", nil, []string{goodCall + "\n \t\r\n"}, []string{weather, "done tool_calls"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, repairs := runConversation(newTestPlan(t, tt.change), tt.answers...)
			if diff := cmp.Diff(tt.client, client); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
			if len(repairs) != min(len(tt.answers)-1, MaxRepairs) {
				t.Errorf("repairs = %d, want one for each other answer, and at most %d: %q", len(repairs), MaxRepairs, repairs)
			}
			for _, text := range repairs {
				if !strings.HasPrefix(text, RepairIntro) {
					t.Errorf("repair text = %q, want RepairIntro at its start", text)
				}
			}
			if tt.repair != "" && (len(repairs) == 0 || !strings.Contains(repairs[len(repairs)-1], tt.repair)) {
				t.Errorf("repair texts = %q, want %q in the last", repairs, tt.repair)
			}
		})
	}
}

func withMaxTokens(n int) func(*chat.Request) { return func(r *chat.Request) { r.MaxTokens = &n } }

func TestShaperCallIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 200 {
		var ids []string
		_, err := newTestPlan(t, nil).Shaper().shapeAll(goodCall+otherCall, func(ev chat.Event) {
			if ev.CallID != "" {
				ids = append(ids, ev.CallID)
			}
		})
		if err != nil || len(ids) != 2 {
			t.Fatalf("call ids = %v, %v, want two", ids, err)
		}
		for _, id := range ids {
			if seen[id] || !regexp.MustCompile(`^call_[0-9A-Za-z]{22}_[0-9]+$`).MatchString(id) {
				t.Errorf("call id = %s (seen before: %v), want a new one of the usual form", id, seen[id])
			}
			seen[id] = true
		}
	}
}

// What was emitted early is what came, and cannot be repaired.
func TestShaperEagerCalls(t *testing.T) {
	eager := func(r *chat.Request) { r.Streamed = true }
	both := func(change func(*chat.Request)) func(*chat.Request) {
		return func(r *chat.Request) { eager(r); change(r) }
	}
	for _, tt := range []struct {
		name   string
		change func(*chat.Request)
		pieces []string
		client []string
	}{
		{"in pieces", eager, []string{`a <tool_call>{"name": "get_weather", "argum`, `ents": {"city": "Pa`, `ris"}`, `}</tool_call>`},
			[]string{"text a ", "call 0 get_weather ", `call 0 {"city": "Pa`, `call 0 ris"}`, "done tool_calls"}},
		{"two", eager, []string{goodCall, otherCall}, []string{"call 0 get_weather ", `call 0 {"city": "Paris"}`, "call 1 now ", "call 1 {}", "done tool_calls"}},
		{"not valid", eager, []string{badArg}, []string{"call 0 get_weather ", `call 0 {"city": 5}`, "error invalid_tool_call"}},
		{"had to be repaired", eager, []string{`<tool_call>{"name": "get_weather", "arguments": {"city": "Paris",}}</tool_call>`},
			[]string{"call 0 get_weather ", `call 0 {"city": "Paris",}`, "error invalid_tool_call"}},
		{"another name at the end", eager, []string{`<tool_call>{"name": "write_file", "arguments": {}, "name": "now"}</tool_call>`},
			[]string{"call 0 write_file ", "call 0 {}", "error invalid_tool_call"}},
		{"unknown name", eager, []string{`<tool_call>{"name": "nope", "arguments": {}}</tool_call>`}, []string{"asked again"}},
		{"name last", eager, []string{`<tool_call>{"arguments": {}, "name": "now"}</tool_call>`}, []string{"call 0 now {}", "done tool_calls"}},
		{"arguments in a string", eager, []string{`<tool_call>{"name": "now", "arguments": "{}"}</tool_call>`}, []string{"call 0 now {}", "done tool_calls"}},
		{"behind a list", eager, []string{`<tool_call>[{"name": "now"}, {"name": "now"}]</tool_call>`, otherCall},
			[]string{"call 0 now {}", "call 1 now {}", "call 2 now {}", "done tool_calls"}},
		{"a list behind one", eager, []string{otherCall, `<tool_call>[{"name": "now"}]</tool_call>`}, []string{"call 0 now ", "call 0 {}", "call 1 now {}", "done tool_calls"}},
		{"a name in the tag", eager, []string{`<tool_call name="now">{}</tool_call>`}, []string{"call 0 now {}", "done tool_calls"}},
		{"not allowed", both(withToolChoice(chat.ToolsNone)), []string{goodCall}, []string{"asked again"}},
		{"one too many", both(withSingleCalls), []string{otherCall, otherCall}, []string{"call 0 now ", "call 0 {}", "error invalid_tool_call"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var client []string
			s := newTestPlan(t, tt.change).Shaper()
			pass := func(ev chat.Event) {
				switch {
				case ev.Kind == chat.EventText:
					client = append(client, "text "+ev.Text)
				case ev.Kind == chat.EventDone:
					client = append(client, "done "+string(ev.Finish))
				case ev.CallID != "":
					client = append(client, fmt.Sprintf("call %d %s %s", ev.Call, ev.CallName, ev.Text))
				default:
					client = append(client, fmt.Sprintf("call %d %s", ev.Call, ev.Text))
				}
			}
			for _, piece := range tt.pieces {
				_, _ = s.Shape(chat.Event{Kind: chat.EventText, Text: piece}, pass)
			}
			repair, err := s.Shape(chat.Event{Kind: chat.EventDone}, pass)
			switch {
			case err != nil:
				client = append(client, "error "+string(chat.AsError(err).Code))
			case repair != "":
				client = append(client, "asked again")
			}
			if diff := cmp.Diff(tt.client, client); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
		})
	}
}

func TestShaperFormats(t *testing.T) {
	const schema = `{"type": "object", "required": ["age"], "properties": {"age": {"type": "integer"}}, "additionalProperties": false}`
	object := func(r *chat.Request) { r.Tools, r.Format.Kind = nil, chat.FormatObject }
	held := func(r *chat.Request) {
		r.Tools, r.Format = nil, chat.Format{Kind: chat.FormatSchema, Name: "n", Schema: []byte(schema)}
	}
	list := func(r *chat.Request) {
		held(r)
		r.Format.Schema = []byte(`{"type": "array", "items": {"type": "integer"}}`)
	}
	loose := func(r *chat.Request) { held(r); r.Format.Schema = []byte(`{"type": "object"}`) }
	streamed := func(r *chat.Request) { object(r); r.Streamed = true }
	withTools := func(r *chat.Request) { held(r); r.Tools = tools }
	tests := []conversationTest{
		{"schema", held, []string{`{"age": 5}`}, []string{`text {"age": 5}`, "done "}, ""},
		{"schema, fence and prose", held, []string{"Here it is {really}:\n```json\n{\"age\": 5}\n```\nOk?"}, []string{`text {"age": 5}`, "done "}, ""},
		{"schema, white space and a fence", held, []string{"\n```\n{\"age\": 5}\n```\n"}, []string{`text {"age": 5}`, "done "}, ""},
		{"schema, the second value is right", held, []string{`{"a": 1} is wrong, {"age": 5} is not`}, []string{`text {"age": 5}`, "done "}, ""},
		{"schema, mended", held, []string{`Sure: {'age': 5,} .`}, []string{`text {"age": 5}`, "done "}, ""},
		{"schema, closed", held, []string{`{"age": 5, }`}, []string{`text {"age": 5 }`, "done "}, ""},
		{"schema, asked again", held, []string{`{"age": "5"}`, `{"age": 5}`}, []string{`text {"age": 5}`, "done "}, "at /age: got string, want integer"},
		{"schema, prose alone", held, []string{`I am five.`, `I am five.`, `5`}, []string{"error invalid_model_output"}, "not JSON"},
		{"schema, stops early", held, []string{`{"age": 5`, `{"age": 5}`}, []string{`text {"age": 5}`, "done "}, "stops before its end"},
		{"schema, cut by the limit", func(r *chat.Request) { held(r); withMaxTokens(7)(r) }, []string{`Here: {"age": "f`}, []string{`text {"age": "f`, "done length"}, ""},
		{"schema, whole at the limit", func(r *chat.Request) { held(r); withMaxTokens(7)(r) }, []string{`{"age": 1}`}, []string{`text {"age": 1}`, "done length"}, ""},
		{"schema, cut in its brackets by the limit", func(r *chat.Request) { held(r); withMaxTokens(7)(r) }, []string{`{"age": 1`}, []string{`text {"age": 1`, "done length"}, ""},
		{"object, the model closed the fence", object, []string{"```\n{\"a\": [\"b\"\n```"}, []string{`text {"a": ["b"]}`, "done "}, ""},
		{"object, stops in its brackets", object, []string{`{"items":["a","b"`, `{}`}, []string{`text {}`, "done "}, "stops before its end"},
		{"schema, stops in its brackets", list, []string{"[1, 2 ", "[1, 2]"}, []string{"text [1, 2]", "done "}, "stops before its end"},
		{"schema, stops behind a whole object", loose, []string{`{"items": [{"a": 1}, {"a": 2}`, `{}`}, []string{`text {}`, "done "}, "stops before its end"},
		{"schema, stops behind a whole object, in a fence", loose, []string{"Here:\n```json\n{\"items\": [{\"a\": 1}, {\"a\": 2}", `{}`}, []string{`text {}`, "done "}, "not JSON"},
		{"schema, broken behind a whole object", loose, []string{`{"items": [{"a": 1}, {"p": "C:\Users\new"}]}`, `{}`}, []string{`text {}`, "done "}, "write each literal backslash"},
		{"schema, broken in front of a whole object", loose, []string{`{p: "}", items: [{"a": 1}]}`, `{}`}, []string{`text {}`, "done "}, "not JSON"},
		{"array, stops behind a whole array", list, []string{`[[1], [2]`, `[1]`}, []string{`text [1]`, "done "}, "stops before its end"},
		{"object, stops behind a whole object", object, []string{`{"items": [{"a": 1}, {"a": 2}`, `{}`}, []string{`text {}`, "done "}, "stops before its end"},
		{"an array", list, []string{"```\n[1, 2]\n```"}, []string{"text [1, 2]", "done "}, ""},
		{"an array in prose", list, []string{"So: [1, 2]."}, []string{"text [1, 2]", "done "}, ""},
		{"schema with tools, text", withTools, []string{`{"age": 5}`}, []string{`text {"age": 5}`, "done "}, ""},
		{"schema with tools, call", withTools, []string{"Hm. " + otherCall}, []string{"call 0 now {}", "done tool_calls"}, ""},
		{"schema with tools, wrong call", withTools, []string{badArg, `{"age": 5}`}, []string{`text {"age": 5}`, "done "}, "at /city"},

		{"object, whole", object, []string{`So: {"a": [1, {"b": None}]} ok`}, []string{`text {"a": [1, {"b": null}]}`, "done "}, ""},
		{"object, an array instead", object, []string{`[1]`, `{"a": 1}`}, []string{`text {"a": 1}`, "done "}, "must be a JSON object"},
		{"object, prose", object, []string{`no`, `no`, `no`}, []string{"error invalid_model_output"}, ""},
		{"object, broken and asked again", object, []string{`{"a": x}`, `{"a": 1}`}, []string{`text {"a": 1}`, "done "}, ""},
		{"streamed object with a schema", func(r *chat.Request) { streamed(r); r.Format.Schema = []byte(schema) }, []string{`{"age": "x"}`, `{"age": 5}`},
			[]string{`text {"age": 5}`, "done "}, "at /age"},
		{"object with a schema that allows others", func(r *chat.Request) { object(r); r.Format.Schema = []byte(`{}`) }, []string{`[]`, `{}`}, []string{"text {}", "done "}, "must be a JSON object"},
		{"streamed object", streamed, []string{"Sure, {here}:\n```json\n{\"a\": 1}\n```"}, []string{`text {"a": 1}`, "done "}, ""},
		{"streamed object, no JSON around a whole object", streamed, []string{`{items: [{"a": 1}]}`, `{"b": 1}`}, []string{`text {"b": 1}`, "done "}, "must be a JSON object"},
		{"streamed object, prose first", streamed, []string{`no`, `{"a": 1}`}, []string{`text {"a": 1}`, "done "}, ""},
		{"streamed object, stops in its brackets", streamed, []string{`{"a": [1, {"b": "c"`}, []string{`text {"a": [1, {"b": "c"`, "error invalid_model_output"}, ""},
		{"half a surrogate pair", held, []string{`{"age": "\ud83d"}`, `So: {"\udE00": 5}`, `{"age": 5}`}, []string{`text {"age": 5}`, "done "}, "half of a surrogate pair"},
		{"streamed object, half a surrogate pair", streamed, []string{`{"a": "\ud83d"}`}, []string{`text {"a": "\ud83d"}`, "error invalid_model_output"}, ""},
		{"streamed object, broken", streamed, []string{`{"a": x}`}, []string{`text {"a": `, "error invalid_model_output"}, ""},
		{"streamed object, truncated", streamed, []string{`{"a": "x`}, []string{`text {"a": "x`, "error invalid_model_output"}, ""},
		{"streamed object, cut by the limit", func(r *chat.Request) { streamed(r); withMaxTokens(7)(r) }, []string{`{"a": "x`}, []string{`text {"a": "x`, "done length"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			client, repairs := runConversation(newTestPlan(t, tt.change), tt.answers...)
			if diff := cmp.Diff(tt.client, client); diff != "" {
				t.Errorf("client (-want +got):\n%s", diff)
			}
			if tt.repair != "" && (len(repairs) == 0 || !strings.Contains(repairs[0], tt.repair)) {
				t.Errorf("repair texts = %q, want %q in the first", repairs, tt.repair)
			}
		})
	}
}

// A streamed object is emitted while the model writes it, however it is split.
func TestShaperStreamsObject(t *testing.T) {
	plan := newTestPlan(t, func(r *chat.Request) { r.Tools, r.Format.Kind, r.Streamed = nil, chat.FormatObject, true })
	s := plan.Shaper()
	var got []string
	for _, piece := range []string{"Here: ", "{", "\n ", `"a"`, ": [1", ", 2,", "]", "} bye"} {
		var passed string
		_, _ = s.Shape(chat.Event{Kind: chat.EventText, Text: piece}, func(ev chat.Event) { passed += ev.Text })
		got = append(got, passed)
	}
	want := []string{"", "", "", "{\n \"a\"", ": [", "1, 2", "]", "}"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("emitted texts (-want +got):\n%s", diff)
	}
}

// The calls of one answer share a part of their ids. An answer that is shaped again with the same
// seed has the same ids.
func TestShaperCallSeed(t *testing.T) {
	shape := func(seed [16]byte) (ids []string) {
		s := newTestPlan(t, nil).Shaper()
		s.SetCallSeed(seed, nil)
		if _, err := s.shapeAll(goodCall+otherCall, func(ev chat.Event) {
			if ev.CallID != "" {
				ids = append(ids, ev.CallID)
			}
		}); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	ids, again, other := shape([16]byte{1}), shape([16]byte{1}), shape([16]byte{2})
	if !slices.Equal(ids, again) || len(ids) != 2 {
		t.Errorf("call ids of one seed = %v and %v, want two equal lists of two", ids, again)
	}
	first, ok := chat.CallAnswer(ids[0])
	if second, _ := chat.CallAnswer(ids[1]); !ok || first != second || ids[0] == ids[1] {
		t.Errorf("call ids = %v, want two that differ only in their index", ids)
	}
	if shared, _ := chat.CallAnswer(other[0]); shared == first {
		t.Errorf("call ids of two seeds = %v and %v, want different ones", ids, other)
	}
}
