package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"achuan/internal/simulator"
)

// clientKey is the key that achuan asks for.
const clientKey = "bench-key"

// startAll starts all servers. The caller must call stop.
func startAll(ctx context.Context, o *options, dir, achuan string) (_ *bench, err error) {
	b := &bench{
		opts: o, dir: dir, began: time.Now(), values: map[*row]map[string][]float64{}, usages: map[loadOf][]usage{},
	}
	defer func() {
		if err != nil {
			b.stop()
		}
	}()
	if achuan, err = filepath.Abs(achuan); err != nil {
		return nil, err
	}
	floor := filepath.Join(dir, "floor")
	if err := build(ctx, floor); err != nil {
		return nil, err
	}
	if err := b.startSimulator(ctx); err != nil {
		return nil, err
	}
	if err := b.startServer(ctx, nameFloor, "", &program{path: floor}); err != nil {
		return nil, err
	}
	if o.has(groupNew) {
		if err := b.startServer(ctx, nameSessions, "", &program{path: floor, args: []string{"-sessions"}}); err != nil {
			return nil, err
		}
	}
	if err := b.startServer(ctx, nameAchuan, clientKey, achuanProgram(achuan, "")); err != nil {
		return nil, err
	}
	if o.postgres != "" {
		if err := b.startServer(ctx, namePostgres, clientKey, achuanProgram(achuan, o.postgres)); err != nil {
			return nil, err
		}
	}
	for _, p := range o.others {
		t := newTarget(p.name, p.url, p.pids...)
		t.key, t.model = p.key, p.model
		b.targets = append(b.targets, t)
	}
	return b, b.addBinarySizes()
}

// achuanProgram returns achuan with everything on. databaseURL "" is SQLite in the server's folder.
func achuanProgram(path, databaseURL string) *program {
	return &program{path: path, args: []string{"serve"}, environ: []string{
		"ACHUAN_API_KEYS=bench:" + clientKey, "ACHUAN_ADMIN_KEY=bench-admin-key", "ACHUAN_DATABASE_URL=" + databaseURL,
	}}
}

func (b *bench) startSimulator(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	address := b.opts.listen
	if strings.HasSuffix(address, ":0") {
		if address, err = freeAddress(ctx); err != nil {
			return err
		}
	}
	p := &program{path: self, dir: b.dir, args: []string{
		"-simulator", "-listen", address, "-context", strconv.Itoa(b.opts.contextCount),
	}}
	if b.sim, err = p.startAt(ctx, address); err != nil {
		return err
	}
	b.stops = append(b.stops, b.sim.stop)
	b.direct = newTarget(nameDirect, "http://"+b.sim.address+"/api/chat", b.sim.pid)
	b.direct.isDirect, b.direct.key = true, newToken()
	return nil
}

// startServer starts a server in a folder of its own, with an account of its own, and adds it to the targets.
func (b *bench) startServer(ctx context.Context, name, key string, p *program) error {
	p.dir = filepath.Join(b.dir, "data-"+name)
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		return err
	}
	p.environ = append(p.environ, "ACHUAN_API_URL=http://"+b.sim.address+"/api/chat/completions", "ACHUAN_JWT="+newToken())
	s, err := p.start(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	b.stops = append(b.stops, s.stop)
	t := newTarget(name, "http://"+s.address+"/v1", s.pid)
	t.key, t.program = key, p
	b.targets = append(b.targets, t)
	return nil
}

// newToken returns a token of a random account: a database of an earlier run knows other sessions with the same ids.
func newToken() string {
	return simulator.NewToken(rand.Int64N(1<<40), time.Now(), 24*time.Hour) //nolint:gosec // nothing is secret here
}

// stop stops all servers that bench has started.
func (b *bench) stop() {
	for _, stop := range b.stops {
		stop()
	}
}

// addBinarySizes adds the sizes of the programs that bench has started.
func (b *bench) addBinarySizes() error {
	for _, t := range b.targets {
		if t.program == nil || t.name == nameSessions || t.name == namePostgres {
			continue
		}
		info, err := os.Stat(t.program.path)
		if err != nil {
			return err
		}
		b.add(rowBinary, t, float64(info.Size())/1e6)
	}
	return nil
}

// build builds the floor with the flags of achuan's releases.
func build(ctx context.Context, path string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "achuan/bench/floor")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOEXPERIMENT=jsonv2")
	c.Stderr = os.Stderr
	return c.Run()
}
