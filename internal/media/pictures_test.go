package media

import (
	"fmt"
	"strings"
	"testing"
)

// filterPieces filters a text that comes in these pieces, and describes the result: texts are joined.
func filterPieces(f *PictureFilter, pieces ...string) string {
	var b strings.Builder
	emit := func(p Piece) {
		b.WriteString(p.Text)
		if p.URL != "" {
			fmt.Fprintf(&b, "{%s}", p.URL)
		}
	}
	for _, p := range pieces {
		f.Add(p, emit)
	}
	f.End(emit)
	return b.String()
}

const (
	a = "https://cdn.example.test/a.jpg"
	b = "https://cdn.example.test/b.png"
)

// Each family of answers gives the same text and pictures, wherever it is cut.
func TestPictureFilter(t *testing.T) {
	taskLines := "> 任务 ID：`7f3a`\n> [预览](https://p.example.test/1)\n> 排队中\n> 生成中\n> 进度 12..34..56..78..100\n"
	for _, c := range []struct{ name, give, want, dropped string }{
		{"family A", "Here it is:\n\n![image](" + a + ")", "Here it is:\n\n![image](" + a + "){" + a + "}", "Here it is:\n\n{" + a + "}"},
		{"family B", "\n\n![image](" + a + ")\n\n\n![image](" + b + ")\n", "\n\n![image](" + a + "){" + a + "}\n\n\n![image](" + b + "){" + b + "}\n",
			"\n\n{" + a + "}\n\n\n{" + b + "}\n"},
		{"family C", "```json\n{\"prompt\": \"a cat\", \"ratio\": \"1:1\", \"n\": 1}\n```\n" + taskLines + "\n![gen_01](" + a + ")\n[点击下载](" + a + ")\n",
			"```json\n{\"prompt\": \"a cat\", \"ratio\": \"1:1\", \"n\": 1}\n```\n\n![gen_01](" + a + "){" + a + "}\n[点击下载](" + a + ")\n",
			"```json\n{\"prompt\": \"a cat\", \"ratio\": \"1:1\", \"n\": 1}\n```\n\n{" + a + "}\n[点击下载](" + a + ")\n"},
		{"title and brackets", "![a [b]](<" + a + "> \"title\")!", "![a [b]](<" + a + "> \"title\"){" + a + "}!", "{" + a + "}!"},
		{"a quote", "> a cat is a small lion\n> - someone\n", "> a cat is a small lion\n> - someone\n", ""},
		{"a quote at the end", "x\n> a cat", "x\n> a cat", ""},
		{"progress at the end", "x\n> 进度 12..34", "x\n", ""},
		{"a sign in a line", "2 > 1 进度\n", "2 > 1 进度\n", ""},
		{"no pictures", "Wow! [a](" + a + ") ![b] ![c](d.png) ![e](ftp://x/y) ![f](data:image/png;base64,AA==) !", "Wow! [a](" + a + ") ![b] ![c](d.png) ![e](ftp://x/y) ![f](data:image/png;base64,AA==) !", ""},
		{"open pictures", "![a](https://exa", "![a](https://exa", ""},
		{"two lines", "![a\nb](" + a + ")", "![a\nb](" + a + ")", ""},
		{"long texts", "![" + strings.Repeat("x", 2000) + "](" + a + ")", "![" + strings.Repeat("x", 2000) + "](" + a + ")", ""},
		{"long URLs", "![a](https://" + strings.Repeat("x", 9000) + ")", "![a](https://" + strings.Repeat("x", 9000) + ")", ""},
		{"long quotes", "> 进度" + strings.Repeat("x", 9000) + "\n", "> 进度" + strings.Repeat("x", 9000) + "\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.dropped == "" {
				c.dropped = c.want
			}
			for _, f := range []struct {
				drop bool
				want string
			}{{false, c.want}, {true, c.dropped}} {
				for i := range len(c.give) + 1 {
					got := filterPieces(&PictureFilter{DropMarkdown: f.drop}, c.give[:i], c.give[i:])
					if got != f.want {
						t.Fatalf("filter cut at %d, drop = %t: got %q, want %q", i, f.drop, got, f.want)
					}
				}
				if got := filterPieces(&PictureFilter{DropMarkdown: f.drop}, strings.Split(c.give, "")...); got != f.want {
					t.Errorf("filter of single characters, drop = %t: got %q, want %q", f.drop, got, f.want)
				}
			}
		})
	}
}

// The filter passes a text on at once, and a picture as soon as it is whole.
func TestPictureFilterHoldsLittle(t *testing.T) {
	f := new(PictureFilter)
	var got []string
	emit := func(p Piece) { got = append(got, p.Text+p.URL) }
	for _, text := range []string{"Hel", "lo! ", "![a](" + a, ")", " more"} {
		f.Add(text, emit)
		got = append(got, "|")
	}
	want := "Hel | lo!  | | ![a](" + a + ") " + a + " |  more |"
	if strings.Join(got, " ") != want {
		t.Errorf("pieces = %q, want %q", strings.Join(got, " "), want)
	}
}

func FuzzPictureFilter(f *testing.F) {
	f.Add("![image]("+a+")\n> 进度 1..2\n> x", 7)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		cut = max(0, min(cut, len(text)))
		whole, parts := filterPieces(new(PictureFilter), text), filterPieces(new(PictureFilter), text[:cut], text[cut:])
		if whole != parts {
			t.Errorf("filter cut at %d = %q, want %q", cut, parts, whole)
		}
	})
}
