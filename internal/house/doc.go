// Package house holds the rules of this repository as tests: who may import
// whom, how packages are documented, how long files get, what stays out of
// exported signatures, which commands exist. It has no code of its own and
// nothing may import it.
//
// A rule that a linter knows belongs in .golangci.yml instead.
package house
