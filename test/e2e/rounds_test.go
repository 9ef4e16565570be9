//go:build linux

package e2e

import (
	"context"
	"os"
	"strconv"
	"testing"
	"time"
)

// Environment variables set the number of rounds of the long tests. By default they run few rounds. docs/performance.md
// has the figures of long runs.
const (
	crashesVariable = "ACHUAN_E2E_DATABASE_CRASHES" // number of crashes of PostgreSQL under load
	floodVariable   = "ACHUAN_E2E_FLOOD"            // duration of hostile requests under a memory limit
)

// countFromEnv returns the value of an environment variable, or defaultCount.
func countFromEnv(t testing.TB, variable string, defaultCount int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return defaultCount
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		t.Fatalf("%s=%s, want a number from 1 to 1000", variable, text)
	}
	return n
}

// durationFromEnv returns the value of an environment variable, or defaultDuration.
func durationFromEnv(t testing.TB, variable string, defaultDuration time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return defaultDuration
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > time.Hour {
		t.Fatalf("%s=%s, want a duration from 1s to 1h", variable, text)
	}
	return d
}

// longTestContext is testContext with roundTimeout more for each round.
func longTestContext(t testing.TB, rounds int, roundTimeout time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 3*processTimeout+time.Duration(rounds)*roundTimeout)
	t.Cleanup(cancel)
	return ctx
}
