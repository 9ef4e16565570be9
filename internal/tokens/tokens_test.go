package tokens

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/tiktoken-go/tokenizer/codec"
	"pgregory.net/rapid"
)

var library = sync.OnceValue(codec.NewO200kBase)

// checkCount fails when pieceLength does not split a text as the expression says, or when Count does not return as
// many tokens as the library counts in the pieces.
func checkCount(t interface {
	Fatalf(format string, args ...any)
}, text string) {
	want := 0
	for rest := string([]rune(text)); rest != ""; {
		length := expectedLength(rest)
		if got := pieceLength(rest); got != length {
			t.Fatalf("pieceLength(%q) = %d, want %d", rest, got, length)
		}
		want += libraryCount(t, rest[:length])
		rest = rest[length:]
	}
	if got := Count(text); got != want {
		t.Fatalf("Count(%q) = %d, want %d", text, got, want)
	}
}

// expression is that of o200k_base without its negative look-ahead, which Go's engine does not know. It spells out
// the runes of \s, because Go's \s knows those of ASCII only.
var expression = regexp.MustCompile(strings.ReplaceAll(
	`^(?:[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?`+
		`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?`+
		`|\p{N}{1,3}| ?[^SPACE\p{L}\p{N}]+[\r\n/]*|[SPACE]*[\r\n]+|([SPACE]+))`, "SPACE", `\t-\r\x{85}\p{Z}`))

// expectedLength returns the length of the piece that begins a text, by the expression.
func expectedLength(text string) int {
	match := expression.FindStringSubmatchIndex(text)
	if match == nil {
		return 0
	}
	end := match[1]
	// \s+(?!\S) matches one space less than \s+ before another rune, if it matches any.
	if isSpaces := match[2] >= 0; isSpaces && end < len(text) {
		if _, last := utf8.DecodeLastRuneInString(text[:end]); last < end {
			return end - last
		}
	}
	return end
}

// libraryCount returns the number of tokens of a piece by the library. Against the expression, the library skips
// U+007F and splits spaces after their first line break. Therefore it is not asked for such pieces.
func libraryCount(t interface {
	Fatalf(format string, args ...any)
}, piece string) int {
	spaces := strings.TrimSpace(piece) == ""
	if spaces && strings.ContainsAny(strings.TrimRight(piece, "\r\n"), "\r\n") || strings.Contains(piece, "\x7f") {
		return o200k().countPiece(piece)
	}
	n, err := library().Count(piece)
	if err != nil {
		t.Fatalf("the library cannot count %q: %v", piece, err)
	}
	return n
}

// samples have what the rules of the expression and of the merging treat differently.
var samples = []string{
	"", "hello world", "你好", "敏捷的棕色狐狸跳过了懒狗。", "中文English混排，带标点！", "こんにちは、カタカナ", "안녕하세요 세계",
	"Привет, мир", "مرحبا بالعالم", "ไทย", "ǅungla ǅ", "ªº", "Ⅷ ½ 12345678 ١٢٣", "🙂 👨‍👩‍👧‍👦 🇨🇳 ❤️",
	"I'm you'LL we've they'd it's isn't 'Re 're'x O'ſx o'K 'l 'v '", "CamelCaseHTTPServer aB Ab AB ab", "e\u0301 \u0301 \u0301ABC A\u0301B a\u0301B ",
	"  two  spaces\t\ttabs \n\n lines \r\n\r\n \n x", "   ", "\n", " \n ", "x   ", "x   \n", "x  y", "\u00a0\u3000x\u2028 y\u0085",
	"a/b//c\n/d ///\n\n// ...\r\n/", " ,;\n", "func main() { fmt.Println(\"hi\") }\n\treturn nil, err\n", `{"a": [1, 2.5e-3, null, true], "名字": "\u00e9"}`,
	"<|endoftext|> <|endofprompt|>", "\x80", "a\xffb\xc3", "\xe4\xbd", "\ufffd", "\x00\x01",
	strings.Repeat("x", 300), strings.Repeat("敏", 100), strings.Repeat("ab", 130) + "C", strings.Repeat("=", 200), strings.Repeat(" ", 300),
	strings.Repeat("😀", 60), strings.Repeat("0123456789", 30), strings.Repeat("lorem Ipsum-", 40), strings.Repeat("\n", 100), strings.Repeat("ABCDEFGHIJ", 20),
}

func TestCount(t *testing.T) {
	for _, text := range samples {
		checkCount(t, text)
	}
}

// The library counts these otherwise, against the expression.
func TestCountWhereTheLibraryErrs(t *testing.T) {
	for text, want := range map[string]int{"\x7f": 1, "a \x7f": 3, "\n\t\n": 1, "\n \n x": 2} {
		if got := Count(text); got != want {
			t.Errorf("Count(%q) = %d, want %d", text, got, want)
		}
	}
}

// Each rune is counted as the library counts it, alone and between others.
func TestCountEachRune(t *testing.T) {
	for r := range unicode.MaxRune + 1 {
		if r%7 == 0 || r < 0x3000 {
			checkCount(t, "A"+string(r)+"b "+string(r)+string(r)+"'s")
		}
	}
}

// The pages and the code of this repository are the corpus.
func TestCountRepository(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git") {
			return fs.SkipDir
		}
		if extension := filepath.Ext(path); extension != ".md" && extension != ".txtar" && extension != ".json" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		checkCount(t, string(text[:min(len(text), 64<<10)]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("%d files were counted, want 20 or more", files)
	}
}

func TestCountGenerated(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.SliceOfN(rapid.OneOf(
			rapid.SampledFrom(samples),
			rapid.String(),
			rapid.StringMatching(`[ \n\r\t]{0,4}[A-Za-z'/.,]{0,6}`),
			rapid.StringMatching(`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}\p{Ll}\p{N}\p{Z}\p{P}]{0,8}`),
		), 0, 6).Draw(t, "pieces")
		checkCount(t, strings.Join(pieces, ""))
	})
}

func FuzzCount(f *testing.F) {
	for _, text := range samples {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkCount(t, text[:min(len(text), 2048)]) })
}

// Counting allocates nothing, except for words of more than 128 bytes.
func TestCountAllocations(t *testing.T) {
	text := strings.Join(samples[1:20], " ")
	Count(text)
	if n := testing.AllocsPerRun(100, func() { Count(text) }); n != 0 {
		t.Errorf("Count makes %v allocations, want 0", n)
	}
}

// The library is measured too, as the one that Count replaces.
func BenchmarkCount(b *testing.B) {
	texts := map[string]string{
		"english": strings.Repeat("The quick brown fox jumps over the lazy dog. ", 11),
		"chinese": strings.Repeat("敏捷的棕色狐狸跳过了懒狗。", 13),
		"code":    strings.Repeat("if err != nil {\n\treturn nil, fmt.Errorf(\"read: %w\", err)\n}\n", 9),
		"word":    strings.Repeat("aGVsbG8", 73),
		"letter":  strings.Repeat("x", 512),
	}
	for name, text := range texts {
		text = text[:min(len(text), 512)]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Count(text)
			}
		})
		b.Run(name+"/library", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_, _ = library().Count(text) // the mode of this codec knows no error
			}
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decompress(compressed); err != nil {
			b.Fatal(err)
		}
	}
}
