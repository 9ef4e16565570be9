// Command bench measures the built achuan from outside, as one process that
// serves beside another, on loopback:
//
//	ACHUAN_BIN=bin/achuan go run ./bench
//
// Three servers get the same load: the simulator called directly, the floor (see
// bench/floor) and achuan, the latter two in front of that same simulator. Each
// is a process of its own, so that its CPU time and memory can be read from /proc
// (Linux only). The rounds take turns, so that a noisy minute hits all three.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"achuan/internal/simulator"
)

// mostTime ends a run that hangs.
const mostTime = 90 * time.Second

// contextCount is what the platform gives new sessions, before they are changed.
var contextCount int

func main() {
	asSimulator := flag.Bool("simulator", false, "be the simulator of a run (bench starts itself so)")
	flag.IntVar(&contextCount, "context", 10, "the contextCount that the platform gives new sessions; below 65 achuan has to raise it, in a request of its own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, mostTime)
	do := run
	if *asSimulator {
		do = simulate
	}
	err := do(ctx)
	cancel()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	achuan := os.Getenv("ACHUAN_BIN")
	if achuan == "" || runtime.GOOS != "linux" {
		return errors.New("this needs Linux, and ACHUAN_BIN: the path of a built achuan (make bench)")
	}
	achuan, err := filepath.Abs(achuan)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "achuan-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover of ours in the system's folder harms nobody

	floor := filepath.Join(dir, "floor")
	if err := build(ctx, floor); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	sim, err := start(ctx, dir, nil, self, "-simulator", "-context", strconv.Itoa(contextCount))
	if err != nil {
		return err
	}
	defer sim.stop()
	environ := []string{
		"ACHUAN_API_URL=http://" + sim.address + "/api/chat/completions",
		"ACHUAN_JWT=" + simulator.NewToken(simulator.DefaultUser, time.Now(), time.Hour),
		"ACHUAN_LISTEN=127.0.0.1:0",
	}
	targets := []*target{newTarget("direct", sim, true)}
	for _, server := range [][]string{{"floor", floor}, {"achuan", achuan, "serve"}} {
		p, err := start(ctx, dir, environ, server[1], server[2:]...)
		if err != nil {
			return fmt.Errorf("%s: %w", server[0], err)
		}
		defer p.stop()
		targets = append(targets, newTarget(server[0], p, false))
	}
	began := time.Now()
	if err := measure(ctx, sim, targets); err != nil {
		return err
	}
	return report(os.Stdout, targets, time.Since(began))
}

// build builds the floor as achuan's releases are built.
func build(ctx context.Context, path string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "achuan/bench/floor")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=jsonv2")
	c.Stderr = os.Stderr
	return c.Run()
}
