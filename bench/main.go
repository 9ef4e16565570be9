package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
)

func main() {
	o, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o *options) error {
	// The generator and the simulator must not be the bottleneck, and their memory does not matter.
	debug.SetGCPercent(400)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if o.isSimulator {
		return serveSimulator(ctx, o)
	}
	achuan := os.Getenv("ACHUAN_BIN")
	if achuan == "" || runtime.GOOS != "linux" {
		return errors.New("bench needs Linux and the path of a built achuan in ACHUAN_BIN (see make bench)")
	}
	dir, err := os.MkdirTemp("", "achuan-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a folder that stays in the temporary folder does no harm
	b, err := startAll(ctx, o, dir, achuan)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := b.measureAll(ctx); err != nil {
		return firstCause(ctx, err)
	}
	return b.report(os.Stdout)
}

// firstCause returns the error of ctx, if any, because it causes all other errors.
func firstCause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("timed out or stopped: %w", ctx.Err())
	}
	return err
}
