package emulate

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
)

// scanAll returns the pieces of an answer, with neighbours of one kind joined.
func scanAll(pieces ...string) (found []piece, steps int) {
	s := newScanner(func(p piece) {
		if n := len(found); n > 0 && found[n-1].kind == p.kind && p.kind != pieceClose && p.kind != pieceOpen {
			found[n-1].text += p.text
			return
		}
		found = append(found, p)
	})
	for _, p := range pieces {
		s.feed(p)
	}
	s.end()
	return found, s.steps
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		"hi", "<tool_call>{}</tool_call>", "`<tool_call>{}`\n", "```\n<tool_call>{}\n```", "<tool_call>\n```json\n{}\n```\n</tool_call>",
		`<tool_call>{"a": "</tool_call>"}`, `<tool_call>{"a": "x}</tool_call> <tool_call>{}`, "a ` b <tool_call> {'a': '<'}\n", "&amp;lt;tool_call>",
		"~~~\n<tool_call>{}\n~~~ \n<tool_call>{}", "> ```a`<tool_call>{`", "<tool_call>``{", "``<tool_call>\n{", "<tool_call>{}<tool_call>{}<",
		"<tool_call>[{}]</tool_call>", "<tool_call>a<arg_key>b</arg_key><tool_call>", "<function=a>{}</function>", "`<function=a><parameter=b>`", "<tool_call a=\"b\">{}",
	} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, answer string, cut int) {
		whole, steps := scanAll(answer)
		var b strings.Builder
		for _, p := range whole {
			b.WriteString(p.text)
		}
		if b.String() != answer {
			t.Fatalf("the pieces of %q join to %q, want the same text", answer, b.String())
		}
		if maxSteps := 4*len(answer) + 16; steps > maxSteps {
			t.Errorf("steps for %d bytes = %d, want at most %d", len(answer), steps, maxSteps)
		}
		checkOrder(t, whole)
		cut = max(min(cut, len(answer)), 0)
		if halves, _ := scanAll(answer[:cut], answer[cut:]); !cmp.Equal(whole, halves, cmp.AllowUnexported(piece{})) {
			t.Errorf("scanAll(%q), split at %d, = %+v, want %+v", answer, cut, halves, whole)
		}
	})
}

// checkOrder checks that a call is an open piece, bodies and a close piece.
func checkOrder(t *testing.T, pieces []piece) {
	t.Helper()
	open := false
	for _, p := range pieces {
		switch {
		case open != (p.kind == pieceBody || p.kind == pieceClose):
			t.Fatalf("pieces = %+v, want %q in a call: %t", pieces, p.text, open)
		case p.kind == pieceOpen &&
			!strings.HasPrefix(p.text, callTagStart) && !strings.HasPrefix(p.text, functionTagStart):
			t.Fatalf("first piece of a call = %q, want %s or %s", p.text, callTagStart, functionTagStart)
		}
		open = p.kind == pieceOpen || p.kind == pieceBody
	}
	if open {
		t.Fatalf("pieces = %+v, want no open call at the end", pieces)
	}
}

// The scanner reads each byte of any answer a bounded number of times.
func TestScannerIsLinear(t *testing.T) {
	for _, pattern := range []string{
		"plain text ", "<", "<tool_call", "<tool_call>", "<tool_call> ", "<tool_call>\n```", "`", "` ", "`<tool_call>{", "``a` <tool_call>{}\n",
		"<tool_call>{\"", "<tool_call>{\"a\": \"</tool_call> ", "<tool_call>{}</tool_call>", "```\n", "\\", "</tool_call><", "{", "[[\"", "` <tool_call>{} `` ",
		"<tool_call>x", "<tool_call x", "<function=", "<function=x>", "`<function=x>y", "<tool_call><function=x><parameter=y>", "</function>",
	} {
		for _, size := range []int{10_000, 100_000, 1_000_000} {
			answer := strings.Repeat(pattern, size/len(pattern)+1)[:size]
			for _, prefix := range []string{"", `<tool_call>{"a": "`} {
				maxSteps := 3 * (size + len(prefix))
				if _, steps := scanAll(prefix + answer); steps > maxSteps {
					t.Errorf("steps for %q, repeated to %d bytes, = %d, want at most %d", prefix+pattern, size, steps, maxSteps)
				}
			}
		}
	}
}

// Waiting for the next call's tag does not compare the held bytes again. Steps do not count such
// comparisons, but with them the test would take minutes.
func TestScannerWaitsForATag(t *testing.T) {
	const size = 1_000_000
	answer := `<tool_call>{"a": "</tool_call>` + strings.Repeat(" ", size)
	if found, steps := scanAll(answer); len(found) != 3 || steps > size+100 {
		t.Errorf("scanAll() = %d pieces in %d steps, want 3 in at most %d", len(found), steps, size+100)
	}
}

// The shaper's memory grows linearly: ten times the answer takes about ten times the memory.
func TestShaperIsLinear(t *testing.T) {
	plan := newTestPlan(t, nil)
	for name, answer := range map[string]func(int) string{
		"one call": func(n int) string { return writeFileCall(strings.Repeat("x <b> ", n/6)) },
		"many calls": func(n int) string {
			return strings.Repeat(`<tool_call>{"name": "now", "arguments": {}}</tool_call>`+"\n", n/56)
		},
		"references": func(n int) string { return "&" + strings.Repeat("amp;", n/4) },
	} {
		var last uint64
		for _, size := range []int{10_000, 100_000, 1_000_000} {
			pieces := strings.SplitAfter(answer(size), " ")
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			describeOutcome(plan, pieces...)
			runtime.ReadMemStats(&after)
			took := after.TotalAlloc - before.TotalAlloc
			if last > 0 && took > 30*last {
				t.Errorf("%s: bytes allocated for %d = %d, want at most 30 times the %d for a tenth of that", name, size, took, last)
			}
			last = took
		}
	}
}

// writeFileCall returns a call that writes a file with the content.
func writeFileCall(content string) string {
	return fmt.Sprintf(`<tool_call>{"name": "write_file", "arguments": {"path": "a", "content": %q}}</tool_call>`, content)
}

// Text is emitted at once. Only what may become a tag is held back.
func TestScannerHoldsLittle(t *testing.T) {
	for _, tt := range []struct{ answer, text string }{
		{"Hello ", "Hello "}, {"a\n", "a\n"}, {"1 <", "1 "}, {"x <tool", "x "}, {"x <tool_call>", "x "}, {"x <tool_call> \n", "x "},
		{"x <tool_call> y", "x "}, {"x <function=a", "x "}, {"x <function a", "x <function a"}, {"x <tool_call a", "x "}, {"x <toolbox", "x <toolbox"}, {"`<tool_call>{", "`"}, {"`<tool_call>{}` ", "`<tool_call>{}` "},
		{"```\n<tool_call>{", "```\n<tool_call>{"}, {"&lt;tool", ""}, {"a &amp; ", "a &amp; "}, {"a & b", "a & b"}, {"x </tool_call> <tool_call>\n``", "x </tool_call> "},
	} {
		s := newTestPlan(t, nil).Shaper()
		var got strings.Builder
		pass := func(ev chat.Event) { got.WriteString(ev.Text) }
		if _, err := s.Shape(chat.Event{Kind: chat.EventText, Text: tt.answer}, pass); err != nil {
			t.Fatal(err)
		}
		if got.String() != tt.text {
			t.Errorf("text of %q = %q, want %q", tt.answer, got.String(), tt.text)
		}
	}
}

// An answer that MessageText writes is read back as the same answer.
func FuzzReadBack(f *testing.F) {
	f.Add("text", "x</tool_call>y")
	f.Add("I write <tool_call>{} for that.", "`")
	f.Add("&lt;tool_call> &amp;lt;/tool_result>", "\n\"")
	f.Fuzz(func(t *testing.T, text, content string) {
		text, content = toValidText(text), toValidText(content)
		if strings.ContainsAny(text, "`~") { // calls in code are text
			return
		}
		arguments := `{"path":"a","content":` + quoteJSONEscaped(content) + `}`
		written := MessageText(chat.Message{Role: chat.RoleAssistant, Text: text, ToolCalls: []chat.ToolCall{{Name: "write_file", Arguments: arguments}}})
		var gotText, gotArguments string
		_, err := newTestPlan(t, nil).Shaper().shapeAll(written, func(ev chat.Event) {
			switch ev.Kind {
			case chat.EventText:
				gotText += ev.Text
			case chat.EventToolCall:
				gotArguments += ev.Text
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimRight(text, " \n\r\t")
		if strings.TrimRight(gotText, " \n\r\t") != want {
			t.Errorf("text that is read back = %q, want %q", gotText, want)
		}
		if diff := cmp.Diff(parseArguments(arguments), parseArguments(gotArguments)); diff != "" {
			t.Errorf("arguments (-want +got):\n%s", diff)
		}
	})
}

// shapeAll shapes one answer.
func (s *Shaper) shapeAll(answer string, pass func(chat.Event)) (string, error) {
	if _, err := s.Shape(chat.Event{Kind: chat.EventText, Text: answer}, pass); err != nil {
		return "", err
	}
	return s.Shape(chat.Event{Kind: chat.EventDone}, pass)
}
