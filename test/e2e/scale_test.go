//go:build linux

package e2e

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// The heavy tests run a small number of rounds each time, and a large one when an
// environment variable asks for it; docs/performance.md has the figures of such runs.
const (
	crashesVariable = "ACHUAN_E2E_DATABASE_CRASHES" // PostgreSQL stopped with `immediate` under load
	floodVariable   = "ACHUAN_E2E_FLOOD"            // a duration: hostile requests under a memory limit
)

// countFrom returns the number that an environment variable names, or usual.
func countFrom(t testing.TB, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		t.Fatalf("%s=%s, want a number from 1 to 1000", variable, text)
	}
	return n
}

// durationFrom returns the duration that an environment variable names, or usual.
func durationFrom(t testing.TB, variable string, usual time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > time.Hour {
		t.Fatalf("%s=%s, want a duration from 1s to 1h", variable, text)
	}
	return d
}

// boundedBy is bounded for a test that takes longer: for each of its rounds so much more.
func boundedBy(t testing.TB, rounds int, each time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*mostTime+time.Duration(rounds)*each)
	t.Cleanup(cancel)
	return ctx
}
