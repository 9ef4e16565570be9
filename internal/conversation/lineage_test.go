package conversation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"achuan/internal/chat"
)

func headOf(messages ...chat.Message) Hash {
	return origin("caller", "host", NameKey{}).add(messages...).head
}

func said(role chat.Role, text string) chat.Message { return chat.Message{Role: role, Text: text} }

func called(arguments string) chat.Message {
	return chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: "call_1", Name: "f", Arguments: arguments}}}
}

func withCall(id string) chat.Message {
	return chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{{ID: id, Name: "g", Arguments: "{}"}}}
}

// Some changes that clients make to a message do not change its head.
func TestLineageIgnores(t *testing.T) {
	tests := []struct {
		name string
		a, b chat.Message
	}{
		{"CRLF", said(chat.RoleUser, "a\r\nb"), said(chat.RoleUser, "a\nb")},
		{"outer space", said(chat.RoleAssistant, "\n a b\t "), said(chat.RoleAssistant, "a b")},
		{"a think block", said(chat.RoleAssistant, "<think>hm\n</think>\n\nyes"), said(chat.RoleAssistant, "yes")},
		{"a think block alone", said(chat.RoleAssistant, "<think>hm</think>"), said(chat.RoleAssistant, "")},
		{"arguments re-spaced", called(`{"a": [1, 2.50,true ], "b":"x"}`), called(`{"a":[1,2.50,true],"b":"x"}`)},
		{"keys in another order", called(`{"b":[{"d":1,"c":2}],"a":1}`), called(`{"a":1,"b":[{"c":2,"d":1}]}`)},
		{"a key twice", called(`{"a":1,"a":2}`), called(`{"a":2}`)},
		{"a key twice, in another spelling", called(`{"a":[1],"\u0061":2}`), called(`{"a":2}`)},
		{"numbers in another spelling", called(`{"a":[1.0,1e2,-0,-0.0,0.1,10000000000000000000000]}`), called(`{"a":[1,100,0,0,1e-1,1e22]}`)},
		{"an integer that no double holds", called(`{"a":9007199254740993}`), called(`{"a":9007199254740992}`)},
		{"a replacement character", called(`{"a":"\ufffd\n"}`), called("{\"a\":\"\uFFFD\\n\"}")},
		{"an assistant's name", chat.Message{Role: chat.RoleAssistant, Name: "agent", Text: "a"}, said(chat.RoleAssistant, "a")},
		{"another server's id of a call", withCall("call_abc"), withCall("")},
		{"another server's id of a result", chat.Message{Role: chat.RoleTool, ToolCallID: "x", Text: "a"}, said(chat.RoleTool, "a")},
		{"arguments with other escapes", called(`{"a":"\u00e9\/\u003c"}`), called(`{"a":"é/<"}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if headOf(tt.a) != headOf(tt.b) {
				t.Errorf("headOf(%+v) differs from headOf(%+v), want the same", tt.a, tt.b)
			}
		})
	}
}

func TestLineageDistinguishes(t *testing.T) {
	result := func(id, text string) chat.Message {
		return chat.Message{Role: chat.RoleTool, ToolCallID: id, Text: text}
	}
	transcripts := [][]chat.Message{
		{},
		{said(chat.RoleUser, "a"), said(chat.RoleUser, "b")},
		{said(chat.RoleUser, "b"), said(chat.RoleUser, "a")},
		{said(chat.RoleUser, "ab"), said(chat.RoleUser, "")},
		{said(chat.RoleUser, "a"), said(chat.RoleUser, "a")},
		{{Role: chat.RoleUser, Name: "n", Text: "a"}},
		{{Role: chat.RoleUser, Name: "na"}},
		{called(`{}`)}, {called(``)}, {called(`[]`)}, {called(`{"a":1}`)}, {called(`{"a":"1"}`)}, {called(`{"a":1e999}`)},
		{called(`{"a":1,"b":2}`)}, {called(`{"a":2,"b":1}`)}, {called(`{"a":{"b":2}}`)}, {called(`{"a":["b",2]}`)}, {called(`{"a":[]}`)}, {called(`{"a":{}}`)}, {called(`{"a":[{}]}`)},
		{called(`1`)}, {called(`"1"`)}, {called(`true`)}, {called(`"true"`)}, {called(`{"a":[1,2]}`)}, {called(`{"a":[[1],2]}`)}, {called(`{"a":12}`)},
		{called(`{"a":null}`)}, {called(`{"a":"null"}`)}, {called(`{"a":"\ud800"}`)}, {called(`{"a":"\ud801"}`)}, {called(`{"a":`)}, {called(`{"a": `)},
		{result(chat.CallID([16]byte{1}, 0), "a")}, {result(chat.CallID([16]byte{1}, 1), "a")}, {result("", "call_1a")},
		{withCall(chat.CallID([16]byte{1}, 0))}, {withCall(chat.CallID([16]byte{2}, 0))},
	}
	for role, texts := range map[chat.Role][]string{
		chat.RoleUser:      {"", "a", "A", "a b", "a  b", "a\rb", "<think>a</think>b", "b"},
		chat.RoleAssistant: {"a", "<think>a", "a<think>b</think>"},
		chat.RoleSystem:    {"a"},
		chat.RoleDeveloper: {"a"},
	} {
		for _, text := range texts {
			transcripts = append(transcripts, []chat.Message{said(role, text)})
		}
	}
	seen := map[Hash]string{}
	for _, messages := range transcripts {
		name := fmt.Sprintf("%+v", messages)
		head := headOf(messages...)
		if other, ok := seen[head]; ok {
			t.Errorf("headOf(%s) = headOf(%s), want another", name, other)
		}
		seen[head] = name
	}
}

// The origin of a lineage depends on the caller, the host and the name.
func TestLineageOrigins(t *testing.T) {
	seen := map[Hash]int{}
	for i, l := range []*lineage{
		origin("a", "h", NameKey{}), origin("b", "h", NameKey{}), origin("a", "i", NameKey{}), origin("ah", "", NameKey{}),
		origin("a", "h", NameKey{Name: "n", Model: "m"}), origin("a", "h", NameKey{Name: "n", Model: "o"}), origin("a", "h", NameKey{Name: "nm"}),
	} {
		if j, ok := seen[l.head]; ok {
			t.Errorf("origin %d = origin %d, want another", i, j)
		}
		seen[l.head] = i
	}
}

func drawMessage(t *rapid.T) chat.Message {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a", "<think>x</think>y", "a\r\nb", "[[0 user]]", strings.Repeat("长", 3000)}))
	m := chat.Message{
		Role: rapid.SampledFrom([]chat.Role{chat.RoleUser, chat.RoleAssistant, chat.RoleSystem, chat.RoleTool}).Draw(t, "role"),
		Text: text.Draw(t, "text"),
	}
	if m.Role == chat.RoleTool {
		m.ToolCallID = rapid.StringN(1, 10, 20).Draw(t, "id")
	}
	if m.Role == chat.RoleAssistant && rapid.Bool().Draw(t, "calls") {
		arguments, err := json.Marshal(map[string]string{rapid.String().Draw(t, "key"): rapid.String().Draw(t, "value")})
		if err != nil {
			t.Fatal(err)
		}
		m.ToolCalls = []chat.ToolCall{{ID: "call_1", Name: "f", Arguments: string(arguments)}}
	}
	return m
}

// A head that grows turn by turn equals the head of the whole transcript. Without a message, or with a message
// twice, it is another head.
func TestLineageGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages := rapid.SliceOfN(rapid.Custom(drawMessage), 1, 8).Draw(t, "messages")
		whole := headOf(messages...)
		cut := rapid.IntRange(0, len(messages)).Draw(t, "cut")
		if grown := continueFrom(headOf(messages[:cut]...)).add(messages[cut:]...).head; grown != whole {
			t.Fatalf("head that grew = %x, want %x", grown, whole)
		}
		at := rapid.IntRange(0, len(messages)-1).Draw(t, "at")
		dropped := append(append([]chat.Message{}, messages[:at]...), messages[at+1:]...)
		doubled := slices.Insert(slices.Clone(messages), at, messages[at])
		if headOf(dropped...) == whole || headOf(doubled...) == whole {
			t.Fatal("headOf(…) without a message or with one twice = the same head, want another")
		}
	})
}

func TestFingerprint(t *testing.T) {
	base := func() *chat.Request {
		return &chat.Request{
			Dialect: "d", Caller: chat.Caller{ID: "c"}, Model: "m", N: 1,
			Messages: []chat.Message{{Role: chat.RoleUser, Text: "hello"}},
		}
	}
	same := base()
	same.Streamed, same.Retried, same.IdempotencyKey = true, true, "key"
	if fingerprintAt("", base(), 0) != fingerprintAt("", same, 0) {
		t.Error("fingerprint differs with delivery and marks of repetition, want the same")
	}
	seen := map[Hash]int{fingerprintAt("", base(), 0): -1, fingerprintAt("", base(), 1): -2}
	for i, change := range []func(*chat.Request){
		func(r *chat.Request) { r.Dialect = "e" },
		func(r *chat.Request) { r.Caller.ID = "x" },
		func(r *chat.Request) { r.Model = "n" },
		func(r *chat.Request) { r.N = 2 },
		func(r *chat.Request) { r.Session.ID = 7 },
		func(r *chat.Request) { r.Session.Name = "7" },
		func(r *chat.Request) { r.Messages[0].Text = "hello " },
		func(r *chat.Request) { r.Messages[0].Text = "hello\n" },
		func(r *chat.Request) { r.Messages[0].Text = " hello" },
		func(r *chat.Request) { r.Messages[0].Text = " " },
		func(r *chat.Request) { r.Messages[0].Text = "" },
		func(r *chat.Request) { r.Messages[0].Text = "hallo" },
		func(r *chat.Request) { r.Messages[0].Text = "he\r\nllo" },
		func(r *chat.Request) { r.Messages[0].Role = chat.RoleSystem },
		func(r *chat.Request) { r.Messages = append(r.Messages, r.Messages[0]) },
		func(r *chat.Request) { r.Temperature = new(0.0) },
		func(r *chat.Request) { r.Temperature = new(1.0) },
		func(r *chat.Request) { r.PresencePenalty = new(1.0) },
		func(r *chat.Request) { r.FrequencyPenalty = new(1.0) },
		func(r *chat.Request) { r.MaxTokens = new(1) },
		func(r *chat.Request) { r.Stop = []string{"a"} },
		func(r *chat.Request) { r.ReasoningEffort = "high" },
		func(r *chat.Request) { r.Tools = []chat.Tool{{Name: "f"}} },
		func(r *chat.Request) { r.Tools = []chat.Tool{{Name: "f", Strict: true}} },
		func(r *chat.Request) { r.ToolChoice.Mode = chat.ToolsRequired },
		func(r *chat.Request) { r.ToolChoice.Allowed = []string{"f"} },
		func(r *chat.Request) { r.ParallelCalls = new(false) },
		func(r *chat.Request) { r.ParallelCalls = new(true) },
		func(r *chat.Request) { r.LegacyCalls = true },
		func(r *chat.Request) { r.Format.Kind = chat.FormatObject },
		func(r *chat.Request) { r.Format.Schema = []byte("{}") },
	} {
		r := base()
		change(r)
		got := fingerprintAt("", r, 0)
		if j, ok := seen[got]; ok {
			t.Errorf("fingerprint after change %d = fingerprint after change %d, want another", i, j)
		}
		seen[got] = i
	}
}
