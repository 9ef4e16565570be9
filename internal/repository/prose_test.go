package repository

import (
	"go/ast"
	"go/scanner"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// The language of this repository is plain technical English: subject, verb, object, active voice, and the words that
// the field uses. These tests refuse phrases and names that an earlier, compressed style used, and long lines.

// refusedPhrases must not occur in a comment or on a page.
var refusedPhrases = []*regexp.Regexp{
	phrase(`(gone|go|goes|going) on with`), // continued
	phrase(`to be had`),                    // available
	phrase(`c[oa]mes? to nothing`),         // fails
	phrase(`as may be`),
	phrase(`at the most`), // at most
	phrase(`nobody's`),    // that no session owns, …
	phrase(`(which|whose) [^.;:]{0,40}is none`),
	phrase(`never else`),     // only when
	phrase(`whoever comes`),  // the next client
	phrase(`comes? back to`), // uses again
	phrase(`for want of`),    // because … is missing
	phrase(`is (not|nothing) to be`),
	phrase(`what [^.;:]{0,40} c[oa]mes? to`), // the result
	phrase(`owed`),                           // pending
	phrase(`of this house`),                  // of this repository
}

// phrase compiles a pattern that matches whole words, in any letter case.
func phrase(pattern string) *regexp.Regexp { return regexp.MustCompile(`(?i)\b` + pattern + `\b`) }

// refusedNames are identifiers of the earlier style.
var refusedNames = []string{
	"goOn", "handBack", "letGo", "mayLook", "owed", "playback", "presence", "putBack", "sayPlace", "settleLast", "tape",
	"Unknow",
}

// maxColumns is the maximum width of a line, with tabs of four columns. A line with a string literal may be longer,
// because breaking a long text or a JSON body makes it harder to read and to find. Its comment may not.
const (
	maxColumns = 120
	tabColumns = 4
)

// textSuffixes are the ends of the names of files, other than Go files, that people read.
var textSuffixes = []string{
	".md", ".yml", ".yaml", ".toml", ".sql", ".sh", ".js", ".mjs", ".service", ".conf", "file", ".ci/run", ".ci/postgres",
}

// No comment, name or page uses the earlier style, and no line is too long.
func TestPlainEnglish(t *testing.T) {
	findings := map[string][]string{}
	for _, p := range packages(t) {
		if p.name() == "internal/repository" {
			continue // it names the phrases
		}
		for _, s := range p.sources(t) {
			findings[p.name()] = append(findings[p.name()], s.phrases()...)
			findings[p.name()] = append(findings[p.name()], s.names()...)
			findings[p.name()] = append(findings[p.name()], longLines(s.path, read(t, s.path))...)
		}
	}
	for _, suffix := range textSuffixes {
		for _, page := range find(t, suffix) {
			findings[page] = refused(page, read(t, page))
		}
	}
	for _, place := range slices.Sorted(maps.Keys(findings)) {
		if found := findings[place]; len(found) > 0 {
			t.Errorf("%s has these, want none:\n\t%s", place, strings.Join(found, "\n\t"))
		}
	}
}

// phrases returns the refused phrases in the comments of the file.
func (s source) phrases() []string {
	var found []string
	for _, group := range s.file.Comments {
		found = append(found, refused(s.at(group), group.Text())...)
	}
	return found
}

// refused returns the refused phrases in a text, each with the name of the place. A phrase may continue on the next line.
func refused(place, text string) []string {
	var found []string
	words := strings.Join(strings.Fields(text), " ")
	for _, p := range refusedPhrases {
		for _, match := range p.FindAllString(words, -1) {
			found = append(found, place+": phrase "+match)
		}
	}
	return found
}

// names returns the refused names that the file declares or uses.
func (s source) names() []string {
	var found []string
	ast.Inspect(s.file, func(n ast.Node) bool {
		if ident, ok := n.(*ast.Ident); ok && slices.Contains(refusedNames, ident.Name) {
			found = append(found, s.at(n)+": name "+ident.Name)
		}
		return true
	})
	return found
}

// longLines returns the lines of a Go file that are wider than maxColumns.
func longLines(path, text string) []string {
	lines := strings.Split(text, "\n")
	hasString, hasLongComment := map[int]bool{}, map[int]bool{}
	set := token.NewFileSet()
	file := set.AddFile(path, -1, len(text))
	var scan scanner.Scanner
	scan.Init(file, []byte(text), nil, scanner.ScanComments)
	for {
		pos, tok, literal := scan.Scan()
		if tok == token.EOF {
			break
		}
		first := file.Line(pos)
		for i, part := range strings.Split(literal, "\n") {
			switch tok {
			case token.STRING:
				hasString[first+i] = true
			case token.COMMENT:
				indent := 0
				if i == 0 {
					indent = columns(lines[first-1][:file.Position(pos).Column-1])
				}
				hasLongComment[first+i] = indent+columns(part) > maxColumns
			}
		}
	}
	var found []string
	for i, line := range lines {
		if columns(line) > maxColumns && (!hasString[i+1] || hasLongComment[i+1]) {
			found = append(found, file.Position(file.LineStart(i+1)).String()+": line is too long: "+strings.TrimSpace(line))
		}
	}
	return found
}

// columns returns the width of a text on a screen.
func columns(text string) int {
	return utf8.RuneCountInString(text) + strings.Count(text, "\t")*(tabColumns-1)
}

func TestRefused(t *testing.T) {
	tests := []struct{ text, want string }{
		{"The session is gone\non with.", "p: phrase gone on with"},
		{"It waits for 60 s at the most.", "p: phrase at the most"},
		{"It waits for at most 60 s.", ""},
		{"It is allowed, and it followed.", ""},
		{"A place whose session is none.", "p: phrase whose session is none"},
	}
	for _, tt := range tests {
		if got := strings.Join(refused("p", tt.text), ", "); got != tt.want {
			t.Errorf("refused(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}

func TestLongLines(t *testing.T) {
	long := strings.Repeat("x", maxColumns-3)
	tests := []struct {
		name, text string
		want       int
	}{
		{"comment of 120 columns", "package p\n// " + long + "\n", 0},
		{"comment of 121 columns", "package p\n// x" + long + "\n", 1},
		{"comment behind a tab", "package p\n\n\t// " + long + "\n", 1},
		{"code", "package p\nvar a" + long + " int\n", 1},
		{"string", "package p\nvar a = \"" + long + "\"\n", 0},
		{"lines in backquotes", "package p\nvar a = `\nx" + long + "xyz\n`\n", 0},
		{"comment behind a long string", "package p\nvar a = \"" + long + "\" // why\n", 1},
		{"comment with several lines", "package p\n/*\nx" + long + "xyz\n*/\n", 1},
		{"Chinese text", "package p\n// " + strings.Repeat("文", maxColumns-3) + "\n", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := longLines("p.go", tt.text); len(got) != tt.want {
				t.Errorf("longLines() = %v, want %d lines", got, tt.want)
			}
		})
	}
}
