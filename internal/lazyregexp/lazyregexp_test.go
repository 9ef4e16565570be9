package lazyregexp

import (
	"os"
	"testing"
)

func TestNew(t *testing.T) {
	word := New(`\w+`)
	if got := word().FindString("- one two"); got != "one" {
		t.Errorf("the first word is %q, want one", got)
	}
	if first, second := word(), word(); first != second {
		t.Error("two calls compiled the expression twice, want once")
	}
}

// A wrong expression cannot pass the tests of a package, even if none of them uses it.
func TestWrongExpression(t *testing.T) {
	if !panics(func() { New(`(`) }) {
		t.Error("New of a wrong expression did not panic in a test, want a panic")
	}
}

func TestNewCompilesLater(t *testing.T) {
	program := os.Args[0]
	defer func() { os.Args[0] = program }()
	os.Args[0] = "/usr/bin/achuan"
	wrong := New(`(`)
	if !panics(func() { wrong() }) {
		t.Error("the first use of a wrong expression did not panic, want a panic")
	}
}

func panics(f func()) (panicked bool) {
	defer func() { panicked = recover() != nil }()
	f()
	return false
}
