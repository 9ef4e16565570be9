// Command bench measures the built achuan from outside, over the loopback interface:
//
//	ACHUAN_BIN=bin/achuan go run ./bench
//
// Three servers get the same load: the simulator itself, the floor (see bench/floor) and achuan. The last two send
// their requests to that simulator. Each server is a process of its own, so bench can read its CPU time and memory
// from /proc (Linux only). In each round the servers take turns, so that a disturbance affects all three.
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

// runTimeout ends a run that hangs.
const runTimeout = 90 * time.Second

// contextCount is the contextCount of a new session on the platform.
var contextCount int

func main() {
	asSimulator := flag.Bool("simulator", false, "run as the simulator (bench starts itself with this flag)")
	flag.IntVar(&contextCount, "context", 10,
		"contextCount of a new session on the platform; below 65, achuan sends a request of its own to raise it")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	command := run
	if *asSimulator {
		command = serveSimulator
	}
	err := command(ctx)
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
		return errors.New("bench needs Linux and the path of a built achuan in ACHUAN_BIN (see make bench)")
	}
	achuan, err := filepath.Abs(achuan)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "achuan-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder that stays in the temporary folder does no harm

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

// build builds the floor with the flags of achuan's releases.
func build(ctx context.Context, path string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "achuan/bench/floor")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=jsonv2")
	c.Stderr = os.Stderr
	return c.Run()
}
