package platform

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// step is what one call of split returns.
type step struct{ Reasoning, Text string }

func TestThinkSplitter(t *testing.T) {
	for _, tt := range []struct {
		name   string
		pieces []string
		want   []step // one for each piece and one for the end
	}{
		{"no tag", []string{"Hello", " you "}, []step{{"", "Hello"}, {"", " you "}, {}}},
		{"leading white space stays", []string{" \n", "a"}, []step{{}, {"", " \na"}, {}}},
		{"white space alone", []string{" \n"}, []step{{}, {"", " \n"}}},
		{"empty", nil, []step{{}}},
		{"block", []string{"<think>a</think>b"}, []step{{"a", "b"}, {}}},
		{"block after white space", []string{"\n <think>a</think>b"}, []step{{"a", "b"}, {}}},
		{"inner and following white space", []string{"<think> \n", " a b", " \n", "</think>", "\n\n", " c "},
			[]step{{}, {"a b", ""}, {}, {}, {}, {"", "c "}, {}}},
		{"white space between reasoning is held, not lost", []string{"<think>a", "\n\n", "b"}, []step{{"a", ""}, {}, {"\n\nb", ""}, {}}},
		{"tags in pieces", []string{"<", "thi", "nk", ">a<", "/", "think", ">", "b"}, []step{{}, {}, {}, {"a", ""}, {}, {}, {}, {"", "b"}, {}}},
		{"nearly an open tag", []string{"<thi", "ng>"}, []step{{}, {"", "<thing>"}, {}}},
		{"open tag cut by the end", []string{" <thin"}, []step{{}, {"", " <thin"}}},
		{"nearly a close tag", []string{"<think>a </thi", "ng>"}, []step{{"a", ""}, {" </thing>", ""}, {}}},
		{"close tag begins anew", []string{"<think>a</", "</think>b"}, []step{{"a", ""}, {"</", "b"}, {}}},
		{"missing close tag", []string{"<think>a", " b\n"}, []step{{"a", ""}, {" b", ""}, {"\n", ""}}},
		{"missing close tag, part of it there", []string{"<think>a </think"}, []step{{"a", ""}, {" </think", ""}}},
		{"empty block", []string{"<think>\n</think>\nb"}, []step{{"", "b"}, {}}},
		{"block alone", []string{"<think>a</think>\n"}, []step{{"a", ""}, {}}},
		{"block without content, unclosed", []string{"<think> \n"}, []step{{}, {}}},
		{"only the first block counts", []string{"<think>a</think>b<think>c</think>"}, []step{{"a", "b<think>c</think>"}, {}}},
		{"a block later on is text", []string{"a <think>b</think>"}, []step{{"", "a <think>b</think>"}, {}}},
		{"tags inside the block", []string{"<think>a<think>b</think>c"}, []step{{"a<think>b", "c"}, {}}},
		{"a close tag alone", []string{"a\n</think>\n\nb"}, []step{{"", "a\n\n\nb"}, {}}},
		{"a close tag first", []string{" </th", "ink>\n\nb"}, []step{{}, {"", "b"}, {}}},
		{"a close tag in pieces", []string{"a </", "thi", "nk>b</", "c</think"}, []step{{"", "a "}, {}, {"", "b"}, {"", "</c"}, {"", "</think"}}},
		{"a second close tag", []string{"<think>a</think>b</think>c", "</think>"}, []step{{"a", "bc"}, {}, {}}},
		{"a close tag in code", []string{"`</think>` and\n```\n</think>\n```\n</think>."}, []step{{"", "`</think>` and\n```\n</think>\n```\n."}, {}}},
		{"a fence right behind the block", []string{"<think>a</think>```\n</think>\n```"}, []step{{"a", "```\n</think>\n```"}, {}}},
		{"a close tag behind code", []string{"`a` ``b``</think>."}, []step{{"", "`a` ``b``."}, {}}},
		{"a block in the text, and a close tag", []string{"a <think>b</think></think>"}, []step{{"", "a <think>b</think>"}, {}}},
		{"another case is no tag", []string{"<THINK>a"}, []step{{"", "<THINK>a"}, {}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s thinkSplitter
			var got []step
			so := ""
			for _, piece := range tt.pieces {
				so += piece
				reasoning, text := s.split(so, false)
				got = append(got, step{reasoning, text})
			}
			reasoning, text := s.split(so, true)
			got = append(got, step{reasoning, text})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("split (-want +got):\n%s", diff)
			}
		})
	}
}

// splitAll is a simple implementation of thinkSplitter for a whole answer.
func splitAll(answer string) (reasoning, text string) {
	const space = " \t\n\v\f\r"
	if rest, ok := strings.CutPrefix(strings.TrimLeft(answer, space), closeTag); ok {
		return "", withoutLoneTags(strings.TrimLeft(rest, space))
	}
	block, ok := strings.CutPrefix(strings.TrimLeft(answer, space), openTag)
	if !ok {
		return "", withoutLoneTags(answer)
	}
	inner, rest, closed := strings.Cut(block, closeTag)
	inner = strings.TrimLeft(inner, space)
	if closed {
		inner = strings.TrimRight(inner, space)
	}
	return inner, withoutLoneTags(strings.TrimLeft(rest, space))
}

// withoutLoneTags removes the closing tags without an opening tag from a text.
func withoutLoneTags(text string) string {
	var out strings.Builder
	opened, fenced := 0, false
	for line := range strings.Lines(text) {
		start := strings.TrimLeft(line, " \t>")
		isFence := strings.HasPrefix(start, "```") || strings.HasPrefix(start, "~~~")
		fenced = fenced != isFence
		ticks := 0
		for i := 0; i < len(line); i++ {
			switch rest := line[i:]; {
			case strings.HasPrefix(rest, openTag):
				opened++
			case rest[0] == '`' && !isFence && (i == 0 || line[i-1] != '`'):
				ticks++
			case strings.HasPrefix(rest, closeTag) && !fenced && ticks%2 == 0:
				if opened == 0 {
					i += len(closeTag) - 1
					continue
				}
				opened--
			}
			out.WriteByte(line[i])
		}
	}
	return out.String()
}

// FuzzThink holds the splitter to its contract wherever the answer is cut.
func FuzzThink(f *testing.F) {
	f.Add("<think> a </think>\n b", []byte{0})
	f.Add("\n<think>想</thi</think>\n\n好 <think>", []byte{2, 0, 5})
	f.Add(" <thin", []byte{1})
	f.Add("<think>a \n", []byte{})
	f.Add("a\n</think>\n`</think>`\n```\n</think>\n```</think>``\n<think></think></think>", []byte{3})
	f.Add("</think>\n</th</think>", []byte{1})
	f.Fuzz(func(t *testing.T, answer string, cuts []byte) {
		var s thinkSplitter
		var reasoning, text strings.Builder
		for at, i := 0, 0; at < len(answer); i++ {
			n := len(answer)
			if len(cuts) > 0 {
				n = 1 + int(cuts[i%len(cuts)])
			}
			at = min(at+n, len(answer))
			r, x := s.split(answer[:at], false)
			reasoning.WriteString(r)
			text.WriteString(x)
		}
		r, x := s.split(answer, true)
		gotReasoning, gotText := reasoning.String()+r, text.String()+x
		if wantReasoning, wantText := splitAll(answer); gotReasoning != wantReasoning || gotText != wantText {
			t.Errorf("split = %q and %q, want %q and %q", gotReasoning, gotText, wantReasoning, wantText)
		}
	})
}
