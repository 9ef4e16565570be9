package emulate

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/golden"
)

// tools are the tools that the answers of the corpus call.
var tools = []chat.Tool{
	{Name: "get_weather", Parameters: []byte(`{"type": "object", "required": ["city"], "additionalProperties": false, "properties": {
		"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 7}}}`)},
	{Name: "write_file", Parameters: []byte(`{"type": "object", "required": ["path", "content"], "properties": {
		"path": {"type": "string"}, "content": {"type": "string"}}}`)},
	{Name: "search", Parameters: []byte(`{"type": "object", "required": ["query"], "properties": {
		"query": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
		"opts": {"type": "object", "properties": {"limit": {"type": "integer"}}}}}`)},
	{Name: "now", Parameters: []byte(`{"type": "object", "properties": {}, "additionalProperties": false}`)},
	{Name: "add", Parameters: []byte(`{"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}`)},
	{Name: "set_flag", Parameters: []byte(`{"type": "object", "required": ["on"], "properties": {
		"on": {"type": "boolean"}, "value": {"type": ["string", "null"]}}}`)},
}

// newTestPlan returns the plan for a request with the corpus' tools.
func newTestPlan(t testing.TB, change func(*chat.Request)) *Plan {
	t.Helper()
	r := &chat.Request{Tools: tools, Messages: []chat.Message{{Role: chat.RoleUser, Text: "hi"}}}
	if change != nil {
		change(r)
	}
	p, err := NewPlan(t.Context(), r, Options{EagerCalls: r.Streamed})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// minSize is the minimum number of answers in the corpus.
const minSize = 150

// hugeText replaces {{300KB}} in the corpus.
var hugeText = strings.Repeat("<x> \\n ", 300_000/7)

// Each archive in testdata/corpus has answers of a model, NAME.in, each followed by what the
// client gets or the model is asked, NAME.want. The outcome does not depend on how an answer is
// split.
func TestCorpus(t *testing.T) {
	plan, size := newTestPlan(t, nil), 0
	golden.EachArchive(t, "testdata/corpus", func(t *testing.T, archive *golden.Archive) {
		for i := 0; i+1 < len(archive.Files); i += 2 {
			in, want := archive.Files[i], archive.Files[i+1]
			size++
			t.Run(strings.TrimSuffix(in.Name, ".in"), func(t *testing.T) {
				answer := strings.ReplaceAll(strings.TrimSuffix(in.Data, "\n"), "{{300KB}}", hugeText)
				got := describeOutcome(plan, answer)
				for cut := range cutPositions(len(answer)) {
					if other := describeOutcome(plan, answer[:cut], answer[cut:]); other != got {
						t.Fatalf("outcome when split at %d (-whole +split):\n%s", cut, cmp.Diff(got, other))
					}
				}
				if other := describeOutcome(plan, slices.Collect(splitIntoChunks(answer))...); other != got {
					t.Fatalf("outcome in small pieces (-whole +split):\n%s", cmp.Diff(got, other))
				}
				got = strings.ReplaceAll(got, fmt.Sprintf("%q", hugeText), `"{{300KB}}"`)
				got = strings.ReplaceAll(strings.ReplaceAll(got, hugeText, "{{300KB}}"), strings.Trim(fmt.Sprintf("%q", hugeText), `"`), "{{300KB}}")
				golden.Check(t, want, got)
			})
		}
	})
	if size < minSize {
		t.Errorf("corpus has %d answers, want at least %d", size, minSize)
	}
}

// cutPositions returns the indexes at which an answer of n bytes is split: all, or for a large
// answer those near its ends.
func cutPositions(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := 0; i <= n; i++ {
			if n > 10_000 && i > 8 && i < n-8 {
				continue
			}
			if !yield(i) {
				return
			}
		}
	}
}

// splitIntoChunks returns an answer byte by byte, or a large one in chunks of a few bytes.
func splitIntoChunks(answer string) iter.Seq[string] {
	size := 1
	if len(answer) > 10_000 {
		size = 61
	}
	return func(yield func(string) bool) {
		for answer != "" {
			n := min(size, len(answer))
			if !yield(answer[:n]) {
				return
			}
			answer = answer[n:]
		}
	}
}

// describeCut returns the words for an end that counts as a cut, or "".
func describeCut(ev chat.Event) string {
	if ev.Cut {
		return ", cut"
	}
	return ""
}

// describeOutcome returns the result of an answer that is the first one to a question.
func describeOutcome(p *Plan, pieces ...string) string {
	s := p.Shaper()
	var text, calls, end strings.Builder
	pass := func(ev chat.Event) {
		switch ev.Kind {
		case chat.EventText:
			text.WriteString(ev.Text)
		case chat.EventToolCall:
			fmt.Fprintf(&calls, "call %d %s %s\n", ev.Call, ev.CallName, ev.Text)
		case chat.EventDone:
			fmt.Fprintf(&end, "done %s%s\n", ev.Finish, describeCut(ev))
		}
	}
	for _, piece := range pieces {
		if _, err := s.Shape(chat.Event{Kind: chat.EventText, Text: piece}, pass); err != nil {
			return "error in the answer: " + err.Error()
		}
	}
	repair, err := s.Shape(chat.Event{Kind: chat.EventDone}, pass)
	if repair != "" {
		end.WriteString(repair + "\n")
	}
	if err != nil {
		fmt.Fprintf(&end, "error %v\n", err)
	}
	out := calls.String() + end.String()
	if text.Len() > 0 {
		out = fmt.Sprintf("text %q\n", text.String()) + out
	}
	return out
}
