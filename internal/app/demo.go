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

// demoPace is the time between two frames of the simulator, at about the speed of human reading.
const demoPace = 25 * time.Millisecond

// demoTokenLife is how long the JWT of the made-up account is valid.
const demoTokenLife = 365 * 24 * time.Hour

// simulatorServer is a simulated platform that serves HTTP.
type simulatorServer struct {
	*simulator.Simulator
	server   *http.Server
	listener net.Listener
	failed   chan error
}

// startSimulator starts a simulated platform at the address listen.
func startSimulator(ctx context.Context, listen string, pace time.Duration, o Options) (*simulatorServer, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	s := &simulatorServer{
		Simulator: demo.New(simulator.Options{Pace: pace}),
		listener:  listener, failed: make(chan error, 1),
	}
	s.server = httpapi.HTTPServer(s.Simulator, o.Logger)
	go func() { s.failed <- s.server.Serve(listener) }()
	return s, nil
}

func (s *simulatorServer) stop() {
	s.Close()
	_ = s.server.Close() // answers of a simulator need not finish
	<-s.failed
}

// completionsURL is the URL for ACHUAN_API_URL.
func (s *simulatorServer) completionsURL() string {
	return "http://" + s.listener.Addr().String() + "/api/chat/completions"
}

// serveDemo serves the API in front of a simulated platform with a made-up account.
func serveDemo(ctx context.Context, settings *config.Settings, o Options) error {
	sim, err := startSimulator(ctx, "127.0.0.1:0", demoPace, o)
	if err != nil {
		return err
	}
	defer sim.stop()
	demoSettings := *settings
	demoSettings.APIURL = sim.completionsURL()
	demoSettings.JWT = simulator.NewToken(simulator.DefaultUser, time.Now(), demoTokenLife)
	a, err := New(ctx, &demoSettings, o)
	if err != nil {
		return err
	}
	a.opts.Ready = func(address string) {
		a.printHint(address)
		if o.Ready != nil {
			o.Ready(address)
		}
	}
	return a.Run(ctx)
}

// printHint prints a command to try.
func (a *App) printHint(address string) {
	address = config.DialAddress(address) // 0.0.0.0 is not an address for clients
	authorization := ""
	if len(a.settings.APIKeys) > 0 {
		authorization = " -H \"Authorization: Bearer $ACHUAN_KEY\""
	}
	fmt.Fprintf(a.opts.Stdout, `achuan serves a simulated platform at http://%[1]s/v1 (no account is needed). Try:

  curl -N http://%[1]s/v1/chat/completions%[2]s -H "Content-Type: application/json" \
    -d '{"model":"gpt-5.1-high","stream":true,"messages":[{"role":"user","content":"Hello! My name is Ada."}]}'

`, address, authorization)
}

// Simulate serves only the simulated platform, until ctx ends. It prints the settings for achuan serve.
func Simulate(ctx context.Context, listen string, pace time.Duration, o Options) error {
	sim, err := startSimulator(ctx, listen, pace, o)
	if err != nil {
		return err
	}
	o.Logger.Info("simulating", telemetry.KeyAddress, sim.listener.Addr().String())
	jwt := simulator.NewToken(simulator.DefaultUser, time.Now(), demoTokenLife)
	fmt.Fprintf(o.Stdout, "ACHUAN_API_URL=%s\nACHUAN_JWT=%s\n", sim.completionsURL(), jwt)
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
