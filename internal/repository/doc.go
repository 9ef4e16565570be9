// Package repository holds the rules of this repository as tests: which package may import which, how packages are
// documented, how long a file may be, which types stay out of exported signatures, which words the text avoids, and
// which facts the pages and the code must agree on. It has no code except tests, and no package may import it.
//
// A rule that a linter can check belongs in .golangci.yml instead.
package repository
