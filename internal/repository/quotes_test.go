package repository

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// A page quotes a message of the program in straight double quotes, outside of code, in English, with two words or
// more: exit code 1, "another achuan process uses it". It quotes a refused setting as code: `ACHUAN_JWT: not set`. It
// quotes only the part without values, so that the text stands in one string literal.
//
// The names of panels and alerts are quoted in the same way.
var (
	fencedCode    = regexp.MustCompile("(?ms)^```.*?^```")
	codeSpan      = regexp.MustCompile("`[^`\n]*`")
	quotedText    = regexp.MustCompile(`["“]([^"“”\n]+)["”]`)
	englishWords  = regexp.MustCompile(`^[A-Za-z]+[,:]?( [A-Za-z]+[,:]?)+[.…]?$`)
	quotedSetting = regexp.MustCompile("`(?:ACHUAN_[A-Z_]+|PORT): ([^`\n]+)`")
)

// quotesOf returns the messages that a page quotes.
func quotesOf(page string) []string {
	page = fencedCode.ReplaceAllString(page, "")
	var quotes []string
	for _, match := range quotedSetting.FindAllStringSubmatch(page, -1) {
		quotes = append(quotes, match[1])
	}
	for _, match := range quotedText.FindAllStringSubmatch(codeSpan.ReplaceAllString(page, "`code`"), -1) {
		if englishWords.MatchString(match[1]) {
			quotes = append(quotes, strings.TrimRight(match[1], " .…"))
		}
	}
	return quotes
}

// literalsOf returns every string literal of the program, one on each line.
func literalsOf(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, p := range packages(t) {
		for _, s := range p.sources(t) {
			if s.test || p.name() == "internal/repository" {
				continue
			}
			ast.Inspect(s.file, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						t.Fatalf("Unquote(%s) at %s = %v, want nil", literal.Value, s.at(n), err)
					}
					all.WriteString(text + "\n")
				}
				return true
			})
		}
	}
	return all.String()
}

// The changelog is not read: it may quote a message that has changed since.
func TestQuotedMessagesExist(t *testing.T) {
	known := literalsOf(t) + read(t, "deploy/grafana/achuan.json") + read(t, "deploy/prometheus/alerts.yml")
	found := 0
	for _, page := range find(t, ".md") {
		if page == "CHANGELOG.md" {
			continue
		}
		for _, quote := range quotesOf(read(t, page)) {
			found++
			if !strings.Contains(known, quote) {
				t.Errorf("%s quotes %q, want a text of the program or of deploy/", page, quote)
			}
		}
	}
	if found < 10 {
		t.Errorf("quoted messages = %d, want at least 10", found)
	}
}

func TestQuotesOf(t *testing.T) {
	const page = "exit code 1, \"in use by “another” one\", `ACHUAN_JWT: not set`, \"one\", \"a `code` span\"\n" +
		"```sh\necho \"not a quote\"\n```\n“another process uses it”, \"The end of it.\", \"没有 two words\"\n"
	want := "not set|another process uses it|The end of it"
	if got := strings.Join(quotesOf(page), "|"); got != want {
		t.Errorf("quotesOf() = %q, want %q", got, want)
	}
}
