// Package lazyregexp compiles a regular expression when it is first used, so that a start of the program does not
// pay for expressions that only some requests need. An expression that every start needs is better in a plain
// variable of type *regexp.Regexp.
package lazyregexp

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// New returns a function that compiles the expression at its first call and returns it at each. It may be called
// from several goroutines at once. A wrong expression panics: in a test program at once, else at the first call.
func New(expression string) func() *regexp.Regexp {
	compile := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
	if isTest() {
		compile()
	}
	return compile
}

// isTest reports whether the program is one of go test. Package testing is not asked, because it would add its
// flags to the program.
func isTest() bool {
	program := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	return strings.HasSuffix(program, ".test")
}
