package gateway

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/emulate"
)

// shaped runs events through a shaper and returns what came out.
func shaped(r *chat.Request, events ...chat.Event) []chat.Event {
	return shapedEagerly(r, false, events...)
}

func shapedEagerly(r *chat.Request, eager bool, events ...chat.Event) []chat.Event {
	plan, err := emulate.NewPlan(r, emulate.Options{EagerCalls: eager})
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

func text(s string) chat.Event { return chat.Event{Kind: chat.EventText, Text: s} }

func textOf(events []chat.Event) string {
	var b strings.Builder
	for _, ev := range events {
		if ev.Kind == chat.EventText {
			b.WriteString(ev.Text)
		}
	}
	return b.String()
}

var (
	pause = chat.Event{Kind: chat.EventPause}
	done  = chat.Event{Kind: chat.EventDone, Usage: chat.Usage{PromptTokens: 7, CompletionTokens: 3}}
)

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
		{"as it is", nil, 0, []chat.Event{text("a "), text("b"), done}, "a b", chat.FinishStop, whole},
		{"stop in one piece", []string{"END"}, 0, []chat.Event{text("one END two"), done}, "one ", chat.FinishStop, chat.Usage{Estimated: true}},
		{"stop over pieces", []string{"END"}, 0, []chat.Event{text("one E"), text("N"), text("D two"), done}, "one ", chat.FinishStop, chat.Usage{Estimated: true}},
		{"no stop after all", []string{"END"}, 0, []chat.Event{text("one EN"), text("T"), done}, "one ENT", chat.FinishStop, whole},
		{"held at the end", []string{"END"}, 0, []chat.Event{text("one EN"), done}, "one EN", chat.FinishStop, whole},
		{"the one complete first", []string{"abz", "b"}, 0, []chat.Event{text("abz"), done}, "a", chat.FinishStop, chat.Usage{Estimated: true}},
		{"a stop that overlaps itself", []string{"aab"}, 0, []chat.Event{text("aa"), text("ab!"), done}, "a", chat.FinishStop, chat.Usage{Estimated: true}},
		{"limit", nil, 2, []chat.Event{text("one two three four"), done}, "one two", chat.FinishLength, chat.Usage{Estimated: true}},
		{"limit over pieces", nil, 2, []chat.Event{text("one"), text(" two"), text(" three"), done}, "one two", chat.FinishLength, chat.Usage{Estimated: true}},
		{"limit just enough", nil, 2, []chat.Event{text("one"), text(" two"), done}, "one two", chat.FinishStop, whole},
		{"limit counts reasoning", nil, 1, []chat.Event{{Kind: chat.EventReasoning, Text: "hm"}, text("one"), done}, "", chat.FinishLength, chat.Usage{Estimated: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := &chat.Request{Messages: []chat.Message{{Role: chat.RoleUser, Text: "q"}}, Stop: tc.stop}
			if tc.limit > 0 {
				r.MaxTokens = &tc.limit
			}
			out := shaped(r, tc.in...)
			if got := textOf(out); got != tc.text {
				t.Errorf("text %q, want %q", got, tc.text)
			}
			last := out[len(out)-1]
			if last.Kind != chat.EventDone || last.Finish != tc.finish {
				t.Errorf("ended with %+v, want finish %q", last, tc.finish)
			}
			if tc.usage.Estimated != last.Usage.Estimated || !tc.usage.Estimated && last.Usage != tc.usage {
				t.Errorf("usage %+v, want %+v", last.Usage, tc.usage)
			}
			if last.Usage.Estimated && last.Usage.PromptTokens == 0 {
				t.Error("estimated usage counts no prompt")
			}
		})
	}
}

func TestShapePauses(t *testing.T) {
	r := &chat.Request{Stop: []string{"END"}}
	out := shaped(r, text("a"), pause, text("E"), pause, text("x"), pause, done)
	kinds := make([]chat.EventKind, len(out))
	for i, ev := range out {
		kinds[i] = ev.Kind
	}
	want := []chat.EventKind{chat.EventText, chat.EventPause, chat.EventText, chat.EventPause, chat.EventDone}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("a pause follows nothing new (-want +got):\n%s", diff)
	}
}

// However the text is cut into pieces, the same comes out.
func TestShapeAnySplit(t *testing.T) {
	letters := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab", "好", "你"}), 0, 12)
	rapid.Check(t, func(t *rapid.T) {
		pieces := letters.Draw(t, "pieces")
		r := &chat.Request{Stop: rapid.SliceOfN(rapid.SampledFrom([]string{"ab", "ba", "aba", "你好", "好"}), 1, 3).Draw(t, "stop")}
		var events []chat.Event
		for _, p := range pieces {
			events = append(events, text(p))
		}
		whole := strings.Join(pieces, "")
		want := whole
		if at := firstStop(whole, r.Stop); at >= 0 {
			want = whole[:at]
		}
		if got := textOf(shaped(r, append(events, done)...)); got != want {
			t.Fatalf("%q in pieces %q gave %q, want %q", whole, pieces, got, want)
		}
	})
}
