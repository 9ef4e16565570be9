package app

import (
	"context"

	"achuan/internal/config"
)

// StartTrial starts a server with these settings for the checks of achuan doctor. It listens on a free loopback port
// and has a store in memory, so that it does not disturb a running server. stop stops it and waits for its end.
func StartTrial(ctx context.Context, s *config.Settings, o Options) (url string, stop func(), err error) {
	trial := *s
	trial.Listen, trial.DatabaseURL, trial.TracesURL = "127.0.0.1:0", "sqlite::memory:", ""
	a, err := New(ctx, &trial, o)
	if err != nil {
		return "", nil, err
	}
	running, end := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- a.Run(running) }()
	return "http://" + a.listener.Addr().String(), func() {
		end()
		<-done
	}, nil
}
