//go:build race

package conversation_test

import "flag"

// The race detector makes SQLite ten times slower, so there are fewer checks. -rapid.checks on the command line takes
// precedence.
func init() {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
}
