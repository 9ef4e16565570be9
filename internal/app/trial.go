package app

import (
	"context"

	"achuan/internal/config"
)

// Trial serves these settings for a while to whoever asked for it, and to nobody
// else that could have known: on a free port of this machine, without the store, so
// that a server that runs is not disturbed. stop ends it and waits.
func Trial(ctx context.Context, s *config.Settings, o Options) (url string, stop func(), err error) {
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
