//go:build race

package e2e

// raced says that the program is to be built with the race detector.
const raced = true
