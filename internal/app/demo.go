package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"achuan/internal/config"
	"achuan/internal/httpapi"
	"achuan/internal/simulator"
	"achuan/internal/simulator/demo"
	"achuan/internal/telemetry"
)

// demoPace is the time between the simulator's frames: about human reading speed.
const demoPace = 25 * time.Millisecond

// demoLife is how long the made-up account's token is good for.
const demoLife = 365 * 24 * time.Hour

// simulated is a simulator that serves on a listener of its own.
type simulated struct {
	*simulator.Simulator
	server   *http.Server
	listener net.Listener
	failed   chan error
}

func startSimulator(ctx context.Context, listen string, pace time.Duration, o Options) (*simulated, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	s := &simulated{
		Simulator: demo.New(simulator.Options{Pace: pace}),
		listener:  listener, failed: make(chan error, 1),
	}
	s.server = httpapi.HTTPServer(s.Simulator, o.Logger)
	go func() { s.failed <- s.server.Serve(listener) }()
	return s, nil
}

func (s *simulated) stop() {
	s.Close()
	_ = s.server.Close() // nothing of it is worth waiting for
	<-s.failed
}

// url is the completions URL of the simulated platform.
func (s *simulated) url() string {
	return "http://" + s.listener.Addr().String() + "/api/chat/completions"
}

// serveDemo serves in front of a simulator, with a made-up account.
func serveDemo(ctx context.Context, settings *config.Settings, o Options) error {
	sim, err := startSimulator(ctx, "127.0.0.1:0", demoPace, o)
	if err != nil {
		return err
	}
	defer sim.stop()
	demoSettings := *settings
	demoSettings.APIURL = sim.url()
	demoSettings.JWT = simulator.NewToken(simulator.DefaultUser, time.Now(), demoLife)
	a, err := New(ctx, &demoSettings, o)
	if err != nil {
		return err
	}
	a.opts.Ready = func(address string) {
		a.hint(address)
		if o.Ready != nil {
			o.Ready(address)
		}
	}
	return a.Run(ctx)
}

// hint prints what to try.
func (a *App) hint(address string) {
	address = config.Reachable(address) // also where all addresses are served
	authorization := ""
	if len(a.settings.APIKeys) > 0 {
		authorization = " -H \"Authorization: Bearer $ACHUAN_KEY\""
	}
	fmt.Fprintf(a.opts.Stdout, `achuan serves a simulated platform at http://%[1]s/v1 (no account is needed). Try:

  curl -N http://%[1]s/v1/chat/completions%[2]s -H "Content-Type: application/json" \
    -d '{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"Hello! My name is Ada."}]}'

`, address, authorization)
}

// Simulate serves the simulated platform on its own until ctx ends.
func Simulate(ctx context.Context, listen string, pace time.Duration, o Options) error {
	sim, err := startSimulator(ctx, listen, pace, o)
	if err != nil {
		return err
	}
	o.Logger.Info("simulating", telemetry.KeyAddress, sim.listener.Addr().String())
	fmt.Fprintf(o.Stdout, "ACHUAN_API_URL=%s\nACHUAN_JWT=%s\n", sim.url(), simulator.NewToken(simulator.DefaultUser, time.Now(), demoLife))
	if o.Ready != nil {
		o.Ready(sim.listener.Addr().String())
	}
	select {
	case <-ctx.Done():
		sim.stop()
		return nil
	case err := <-sim.failed:
		sim.failed <- err
		sim.stop()
		return err
	}
}
