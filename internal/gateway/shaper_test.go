package gateway

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/emulate"
)

// shapeEvents passes events to a shaper and returns the events that it emits.
func shapeEvents(r *chat.Request, events ...chat.Event) []chat.Event {
	return shapeEventsEagerly(r, false, events...)
}

func shapeEventsEagerly(r *chat.Request, eager bool, events ...chat.Event) []chat.Event {
	plan, err := emulate.NewPlan(context.Background(), r, emulate.Options{EagerCalls: eager})
	if err != nil {
		panic(err)
	}
	s := newShaper(r, plan)
	var out []chat.Event
	for _, ev := range events {
		if repair, err := s.Shape(ev, func(ev chat.Event) { out = append(out, ev) }); repair != "" || err != nil {
			panic(fmt.Sprint(repair, err))
		}
	}
	return out
}

func textEvent(s string) chat.Event { return chat.Event{Kind: chat.EventText, Text: s} }

func joinText(events []chat.Event) string {
	var b strings.Builder
	for _, ev := range events {
		if ev.Kind == chat.EventText {
			b.WriteString(ev.Text)
		}
	}
	return b.String()
}

var (
	pauseEvent = chat.Event{Kind: chat.EventPause}
	doneEvent  = chat.Event{Kind: chat.EventDone, Usage: chat.Usage{PromptTokens: 7, CompletionTokens: 3}}
)

// doneAfter returns the end of an answer with n tokens by the platform's count.
func doneAfter(n int) chat.Event {
	return chat.Event{
		Kind: chat.EventDone, Finish: chat.FinishStop, Usage: chat.Usage{PromptTokens: 7, CompletionTokens: n},
	}
}

func TestShape(t *testing.T) {
	whole := chat.Usage{PromptTokens: 7, CompletionTokens: 3}
	for _, tc := range []struct {
		name   string
		stop   []string
		limit  int
		in     []chat.Event
		text   string
		finish chat.FinishReason
		usage  chat.Usage // compared when not estimated
	}{
		{"as it is", nil, 0, []chat.Event{textEvent("a "), textEvent("b"), doneEvent}, "a b", chat.FinishStop, whole},
		{"stop in one piece", []string{"END"}, 0, []chat.Event{textEvent("one END two"), doneEvent}, "one ", chat.FinishStop, chat.Usage{Estimated: true}},
		{"stop over pieces", []string{"END"}, 0, []chat.Event{textEvent("one E"), textEvent("N"), textEvent("D two"), doneEvent}, "one ", chat.FinishStop, chat.Usage{Estimated: true}},
		{"no stop after all", []string{"END"}, 0, []chat.Event{textEvent("one EN"), textEvent("T"), doneEvent}, "one ENT", chat.FinishStop, whole},
		{"held at the end", []string{"END"}, 0, []chat.Event{textEvent("one EN"), doneEvent}, "one EN", chat.FinishStop, whole},
		{"the one complete first", []string{"abz", "b"}, 0, []chat.Event{textEvent("abz"), doneEvent}, "a", chat.FinishStop, chat.Usage{Estimated: true}},
		{"a stop that overlaps itself", []string{"aab"}, 0, []chat.Event{textEvent("aa"), textEvent("ab!"), doneEvent}, "a", chat.FinishStop, chat.Usage{Estimated: true}},
		{"limit", nil, 2, []chat.Event{textEvent("one two three four"), doneEvent}, "one two", chat.FinishLength, chat.Usage{Estimated: true}},
		{"limit over pieces", nil, 2, []chat.Event{textEvent("one"), textEvent(" two"), textEvent(" three"), doneEvent}, "one two", chat.FinishLength, chat.Usage{Estimated: true}},
		{"limit just enough", nil, 2, []chat.Event{textEvent("one"), textEvent(" two"), doneAfter(1)}, "one two", chat.FinishStop, chat.Usage{PromptTokens: 7, CompletionTokens: 1}},
		{"limit by the platform's count", nil, 3, []chat.Event{textEvent("one"), textEvent(" two"), doneEvent}, "one two", chat.FinishLength, whole},
		{"limit by an estimated count", nil, 2, []chat.Event{textEvent("one"), textEvent(" two"), {Kind: chat.EventDone, Finish: chat.FinishStop, Usage: chat.Usage{Estimated: true}}},
			"one two", chat.FinishStop, chat.Usage{Estimated: true}},
		{"limit counts reasoning", nil, 1, []chat.Event{{Kind: chat.EventReasoning, Text: "hm"}, textEvent("one"), doneEvent}, "", chat.FinishLength, chat.Usage{Estimated: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &chat.Request{Messages: []chat.Message{{Role: chat.RoleUser, Text: "q"}}, Stop: tc.stop}
			if tc.limit > 0 {
				r.MaxTokens = &tc.limit
			}
			out := shapeEvents(r, tc.in...)
			if got := joinText(out); got != tc.text {
				t.Errorf("text = %q, want %q", got, tc.text)
			}
			last := out[len(out)-1]
			if last.Kind != chat.EventDone || last.Finish != tc.finish {
				t.Errorf("last event = %+v, want finish %q", last, tc.finish)
			}
			if tc.usage.Estimated != last.Usage.Estimated || !tc.usage.Estimated && last.Usage != tc.usage {
				t.Errorf("usage = %+v, want %+v", last.Usage, tc.usage)
			}
			if last.Usage.Estimated && last.Usage.PromptTokens == 0 {
				t.Error("estimated prompt tokens = 0, want more")
			}
		})
	}
}

func TestShapePauses(t *testing.T) {
	r := &chat.Request{Stop: []string{"END"}}
	out := shapeEvents(r, textEvent("a"), pauseEvent, textEvent("E"), pauseEvent, textEvent("x"), pauseEvent, doneEvent)
	kinds := make([]chat.EventKind, len(out))
	for i, ev := range out {
		kinds[i] = ev.Kind
	}
	want := []chat.EventKind{chat.EventText, chat.EventPause, chat.EventText, chat.EventPause, chat.EventDone}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("kinds of events (-want +got):\n%s", diff)
	}
}

// The result does not depend on how the text is cut into pieces.
func TestShapeAnySplit(t *testing.T) {
	letters := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "好", "你"}), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		pieces := letters.Draw(t, "pieces")
		r := &chat.Request{Stop: rapid.SliceOfN(rapid.SampledFrom([]string{"ab", "ba", "aba", "你好", "好"}), 1, 3).Draw(t, "stop")}
		var events []chat.Event
		for _, p := range pieces {
			events = append(events, textEvent(p))
		}
		whole := strings.Join(pieces, "")
		want := whole
		if at, _ := firstStop(whole, r.Stop); at >= 0 {
			want = whole[:at]
		}
		if got := joinText(shapeEvents(r, append(events, doneEvent)...)); got != want {
			t.Fatalf("text of %q in pieces %q = %q, want %q", whole, pieces, got, want)
		}
	})
}

var weatherTool = chat.Tool{Name: "get_weather", Parameters: []byte(`{"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}}`)}

// callEvents returns an answer with text and a call of the weather tool for a city.
func callEvents(city string) []chat.Event {
	return []chat.Event{textEvent("See: "), textEvent(`<tool_call>{"name": "get_weather", "arguments": {"city": "` + city + `"}}</tool_call>`), doneEvent}
}

// kindLetters returns one letter for the kind of each event.
func kindLetters(events []chat.Event) string {
	letters := map[chat.EventKind]string{chat.EventText: "t", chat.EventReasoning: "r", chat.EventPause: "p", chat.EventToolCall: "c", chat.EventDone: "d"}
	var b strings.Builder
	for _, ev := range events {
		b.WriteString(letters[ev.Kind])
	}
	return b.String()
}

// Stop sequences and limits apply to what the client gets, not to the markup of a call.
func TestShapeCalls(t *testing.T) {
	ten := 10
	for _, tc := range []struct {
		name   string
		change func(*chat.Request)
		city   string
		kinds  string
		finish chat.FinishReason
	}{
		{"as it is", func(*chat.Request) {}, "Paris", "tccd", chat.FinishTools},
		{"a stop within a call", func(r *chat.Request) { r.Stop = []string{"Par", "tool_call"} }, "Paris", "tccd", chat.FinishTools},
		{"a stop that might have begun before the call", func(r *chat.Request) { r.Stop = []string{": x"} }, "Paris", "ttccd", chat.FinishTools},
		{"a stop before the call", func(r *chat.Request) { r.Stop = []string{"e:"} }, "Paris", "td", chat.FinishStop},
		{"within the limit", func(r *chat.Request) { r.MaxTokens = &ten }, "Rome", "tccd", chat.FinishTools},
		{"a call beyond the limit is not begun", func(r *chat.Request) { r.MaxTokens = &ten }, strings.Repeat("Rome ", 20), "td", chat.FinishLength},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &chat.Request{Messages: []chat.Message{{Role: chat.RoleUser, Text: "q"}}, Tools: []chat.Tool{weatherTool}}
			tc.change(r)
			out := shapeEvents(r, callEvents(tc.city)...)
			if got := kindLetters(out); got != tc.kinds {
				t.Errorf("kinds of events = %s, want %s", got, tc.kinds)
			}
			if last := out[len(out)-1]; last.Finish != tc.finish {
				t.Errorf("finish = %q, want %q", last.Finish, tc.finish)
			}
		})
	}
}

// A call is emitted as its id and name, then its arguments in a limited number of pieces that do
// not split a rune.
func TestShapeFragments(t *testing.T) {
	city := strings.Repeat("北京 ", 30_000)
	out := shapeEvents(&chat.Request{Tools: []chat.Tool{weatherTool}}, callEvents(city)...)
	var arguments strings.Builder
	for i, ev := range out[1 : len(out)-1] {
		first := i == 0
		if ev.Kind != chat.EventToolCall || first != (ev.CallID != "") || first != (ev.CallName == "get_weather") || first != (ev.Text == "") {
			t.Fatalf("event %d = %+v, want a piece of a call, with id and name only in the first", i, ev)
		}
		if !utf8.ValidString(ev.Text) {
			t.Errorf("event %d = %q, want valid UTF-8", i, ev.Text)
		}
		arguments.WriteString(ev.Text)
	}
	if arguments.String() != `{"city": "`+city+`"}` || len(out) > 260 {
		t.Errorf("%d events with %d bytes of arguments, want at most 260 events with all arguments", len(out), arguments.Len())
	}
}

// The usage includes that of an answer that had to be repaired, even if the platform counted only
// one of the two.
func TestShapeUsageOfRepairs(t *testing.T) {
	r := &chat.Request{Messages: []chat.Message{{Role: chat.RoleUser, Text: "q"}}, Tools: []chat.Tool{weatherTool}}
	for _, estimated := range []bool{false, true} {
		plan, err := emulate.NewPlan(t.Context(), r, emulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := newShaper(r, plan)
		var last chat.Event
		pass := func(ev chat.Event) { last = ev }
		_, _ = s.Shape(textEvent(`<tool_call>{"name": "nope", "arguments": {}}</tool_call>`), pass)
		repair, err := s.Shape(doneEvent, pass)
		if err != nil || repair == "" {
			t.Fatal(repair, err)
		}
		second := chat.Usage{PromptTokens: 10, CompletionTokens: 5}
		if estimated {
			second = chat.Usage{Estimated: true}
		}
		for _, ev := range callEvents("Paris")[1:2] {
			_, _ = s.Shape(ev, pass)
		}
		if repair, err = s.Shape(chat.Event{Kind: chat.EventDone, Usage: second}, pass); err != nil || repair != "" {
			t.Fatal(repair, err)
		}
		if !estimated && last.Usage != (chat.Usage{PromptTokens: 17, CompletionTokens: 8}) {
			t.Errorf("usage = %+v, want the sum of both answers", last.Usage)
		}
		if estimated && (!last.Usage.Estimated || last.Usage.PromptTokens < 100 || last.Usage.CompletionTokens < 20) {
			t.Errorf("usage = %+v, want an estimate of both answers", last.Usage)
		}
	}
}

// A call in a session that was told of tools is never emitted as text, with or without a format.
func TestShapeSessionHadTools(t *testing.T) {
	for _, format := range []chat.FormatKind{chat.FormatText, chat.FormatSchema} {
		r := &chat.Request{Messages: []chat.Message{{Role: chat.RoleUser, Text: "q"}}, Format: chat.Format{Kind: format}}
		for _, told := range []bool{false, true} {
			plan, err := emulate.NewPlan(t.Context(), r, emulate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := newShaper(r, plan)
			if told {
				s.SessionHadTools()
			}
			var out []chat.Event
			pass := func(ev chat.Event) { out = append(out, ev) }
			_, _ = s.Shape(textEvent(`"a <tool_call>{}</tool_call>"`), pass)
			repair, err := s.Shape(doneEvent, pass)
			if err != nil || told != strings.HasPrefix(repair, emulate.RepairIntro) || told == strings.Contains(joinText(out), "<tool_call>") {
				t.Errorf("format %q, told %v: Shape(…) = %q, %v, passed %q", format, told, repair, err, joinText(out))
			}
		}
	}
}

// With eager calls, the pieces of a call are emitted as they arrive.
func TestShapeEagerCalls(t *testing.T) {
	r := &chat.Request{Messages: []chat.Message{{Role: chat.RoleUser, Text: "q"}}, Tools: []chat.Tool{weatherTool}, Streamed: true}
	out := shapeEventsEagerly(r, true, textEvent(`<tool_call>{"name": "get_weather", "arguments": {"city": `), pauseEvent, textEvent(`"Paris"}`), textEvent(`}</tool_call>`), doneEvent)
	if got := kindLetters(out); got != "ccpcd" {
		t.Errorf("kinds of events = %s, want ccpcd", got)
	}
}

// An answer that a stop sequence ends names it; one that the model ends names none.
func TestShapeNamesTheStopSequence(t *testing.T) {
	for _, tt := range []struct {
		name, text, want string
	}{
		{"the model ends the answer", "one", ""},
		{"a stop sequence comes", "one END two", "END"},
		{"the sequence that is complete first", "one ;; END", ";"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &chat.Request{Stop: []string{"END", ";"}, N: 1}
			events := shapeEvents(r, textEvent(tt.text), doneAfter(1))
			if last := events[len(events)-1]; last.Finish != chat.FinishStop || last.StopSequence != tt.want {
				t.Errorf("the answer ends with %q and %q, want %q and %q", last.Finish, last.StopSequence, chat.FinishStop, tt.want)
			}
		})
	}
}
