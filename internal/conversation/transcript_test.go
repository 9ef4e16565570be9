package conversation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"achuan/internal/chat"
)

// parseMessages reads the notation of these tests: `a:x,y` is an answer with calls of those ids, `x=t` is a result
// of the call x with the text t, and any other word is a user message.
func parseMessages(words string) []chat.Message {
	var messages []chat.Message
	for w := range strings.FieldsSeq(words) {
		if ids, isAnswer := strings.CutPrefix(w, "a:"); isAnswer {
			m := chat.Message{Role: chat.RoleAssistant}
			for i, id := range strings.Split(ids, ",") {
				m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: id, Name: fmt.Sprint("f", i), Arguments: "{}"})
			}
			messages = append(messages, m)
		} else if id, text, isResult := strings.Cut(w, "="); isResult {
			messages = append(messages, chat.Message{Role: chat.RoleTool, ToolCallID: id, Text: text})
		} else {
			messages = append(messages, chat.Message{Role: chat.RoleUser, Text: w})
		}
	}
	return messages
}

func formatMessages(messages []chat.Message) string {
	var words []string
	for _, m := range messages {
		switch m.Role {
		case chat.RoleAssistant:
			var ids []string
			for _, c := range m.ToolCalls {
				ids = append(ids, c.ID)
			}
			words = append(words, m.Text+"a:"+strings.Join(ids, ","))
		case chat.RoleTool:
			words = append(words, m.ToolCallID+"="+m.Text)
		default:
			words = append(words, m.Text)
		}
	}
	return strings.Join(words, " ")
}

// ours are ids of calls of two answers: A0, A1, A2 of one, B0, B1 of another.
var ours = func() *strings.Replacer {
	var pairs []string
	for _, letter := range "AB" {
		for i := range 3 {
			pairs = append(pairs, fmt.Sprintf("%c%d", letter, i), chat.CallID([16]byte{byte(letter)}, i))
		}
	}
	return strings.NewReplacer(pairs...)
}()

func TestReadTranscript(t *testing.T) {
	for _, tt := range []struct{ name, sent, messages, shown string }{
		{"in order", "hi a:x,y x=1 y=2 thanks", "hi a:x,y x=1 y=2 thanks", "hi a:x,y 1=1 2=2 thanks"},
		{"as they were ready", "hi a:x,y,z z=3 x=1 y=2", "hi a:x,y,z x=1 y=2 z=3", "hi a:x,y,z 1=1 2=2 3=3"},
		{"one is missing", "a:x,y y=2", "a:x,y y=2", "a:x,y 2=2"},
		{"a message between them", "a:x,y y=2 quick x=1", "a:x,y x=1 quick y=2", "a:x,y 1=1 quick 2=2"},
		{"twice the same", "a:x,y y=2 x=1 y=2 x=1", "a:x,y x=1 y=2", "a:x,y 1=1 2=2"},
		{"twice, and not the same", "a:x,y y=2 x=1 y=3", "a:x,y x=1 y=2 y=3", "a:x,y 1=1 2=2 2=3"},
		{"ids that are not unique", "a:x,x,y y=3 x=1 x=1", "a:x,x,y x=1 x=1 y=3", "a:x,x,y 1=1 2=1 3=3"},
		{"more results than calls of an id", "a:x,x x=1 x=2 x=2 x=3", "a:x,x x=1 x=2 x=3", "a:x,x 1=1 2=2 2=3"},
		{"no ids", "a:, =1 =1", "a:, =1 =1", "a:, 1=1 2=1"},
		{"an unknown id", "a:x,y u=0 y=2 x=1 u=0", "a:x,y u=0 x=1 y=2", "a:x,y u=0 1=1 2=2"},
		{"the same id in two answers", "a:x x=1 a:x x=1", "a:x x=1 a:x x=1", "a:x 1=1 a:x 1=1"},
		{"a result of an earlier answer", "a:x a:y x=1 y=2", "a:x a:y x=1 y=2", "a:x a:y x=1 1=2"},
		{"results alone", "B1=2 B0=1 B1=2", "B0=1 B1=2", "1=1 2=2"},
		{"results alone, of two answers", "B1=2 A0=1", "B1=2 A0=1", "2=2 A0=1"},
		{"foreign results alone", "y=2 x=1", "y=2 x=1", "y=2 x=1"},
		{"one answer in pieces", "hi a:A0 A0=1 a:A1 A1=2 thanks", "hi a:A0,A1 A0=1 A1=2 thanks", "hi a:A0,A1 1=1 2=2 thanks"},
		{"pieces in another order", "a:A2 A2=3 a:A0,A1 A1=2 A0=1", "a:A0,A1,A2 A0=1 A1=2 A2=3", "a:A0,A1,A2 1=1 2=2 3=3"},
		{"two answers", "a:A0 A0=1 a:B0 B0=2", "a:A0 A0=1 a:B0 B0=2", "a:A0 1=1 a:B0 1=2"},
		{"a question between the pieces", "a:A0 A0=1 go a:A1 A1=2", "a:A0 A0=1 go a:A1 A1=2", "a:A0 1=1 go a:A1 1=2"},
		{"foreign pieces", "a:x x=1 a:y y=2", "a:x x=1 a:y y=2", "a:x 1=1 a:y 1=2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sent := parseMessages(ours.Replace(tt.sent))
			before := parseMessages(ours.Replace(tt.sent))
			tr := readTranscript(sent)
			if got, want := formatMessages(tr.messages), ours.Replace(tt.messages); got != want {
				t.Errorf("messages = %q, want %q", got, want)
			}
			if got, want := formatMessages(tr.shown), ours.Replace(tt.shown); got != want {
				t.Errorf("shown = %q, want %q", got, want)
			}
			if diff := cmp.Diff(before, sent); diff != "" {
				t.Errorf("messages of the request (-before +after):\n%s", diff)
			}
		})
	}
}

// A result whose id several calls have shows the name of its own call.
func TestDoubleIDsShowTheirNames(t *testing.T) {
	messages := parseMessages("a:x,x x=1 x=2")
	for i := range messages {
		messages[i].Name = "f1" // the decoder's: the last call of that id
	}
	tr := readTranscript(messages)
	if one, two := tr.shown[1].Name, tr.shown[2].Name; one != "f0" || two != "f1" {
		t.Errorf("names = %q and %q, want f0 and f1", one, two)
	}
}

// The transcript is the same, whatever the order of the results is, which of them occur twice, and how the calls are
// split into messages.
func TestReadTranscriptIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "calls")
		answer := chat.Message{Role: chat.RoleAssistant}
		var results []chat.Message
		for i := range n {
			id := chat.CallID([16]byte{7}, i)
			answer.ToolCalls = append(answer.ToolCalls, chat.ToolCall{ID: id, Name: "f", Arguments: fmt.Sprint(i)})
			results = append(results, chat.Message{Role: chat.RoleTool, ToolCallID: id, Text: fmt.Sprint("r", i)})
		}
		question := chat.Message{Role: chat.RoleUser, Text: "q"}
		want := append([]chat.Message{question, answer}, results...)
		doubled := slices.Concat(results, rapid.SliceOf(rapid.SampledFrom(results)).Draw(t, "doubles"))
		shuffled := append([]chat.Message{question, answer}, rapid.Permutation(doubled).Draw(t, "order")...)
		parted := []chat.Message{question}
		for _, i := range rapid.Permutation(answer.ToolCalls).Draw(t, "parts") {
			parted = append(parted, chat.Message{Role: chat.RoleAssistant, ToolCalls: []chat.ToolCall{i}})
			at := slices.IndexFunc(results, func(m chat.Message) bool { return m.ToolCallID == i.ID })
			parted = append(parted, results[at])
		}
		for _, sent := range [][]chat.Message{shuffled, parted} {
			if diff := cmp.Diff(want, readTranscript(sent).messages); diff != "" {
				t.Fatalf("readTranscript(%s) (-want +got):\n%s", formatMessages(sent), diff)
			}
		}
	})
}
