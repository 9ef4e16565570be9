package conversation_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// The database is away for longer than a lease while two processes are alive: neither ends
// the takings of the other, the turn ends as any, and its key has its answer.
func TestReplicasOutliveAnOutage(t *testing.T) {
	const lease = 800 * time.Millisecond
	s := leasedPostgresSite(t, lease)
	far := &flaky{Store: s.keep}
	options := s.options
	options.Store = far
	other := conversation.New(options)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { other.Run(ctx) })
	defer running.Wait()
	defer cancel()
	first := s.ask(whole(alice, user("hello")))
	request := func() conversation.Question {
		return plain(keyed("k", whole(alice, user("hello"), assistant(first.text), user("next"))))
	}
	gate := make(chan struct{})
	a := s.hold(request().Request, gate)
	done := make(chan error)
	go func() {
		_, err := finish(a)
		done <- err
	}()
	s.await(func() bool { return s.sim.InFlight() == 1 })
	<-time.After(lease) // both have looked what has expired by then
	for _, store := range []*flaky{s.flaky, far} {
		store.down.Store(true)
	}
	<-time.After(3 * lease)
	far.down.Store(false) // it is the first that is back
	<-time.After(lease / 4)
	s.flaky.down.Store(false)
	<-time.After(2 * lease) // each has looked what has expired
	got, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), first.session)
	if err != nil {
		t.Fatal(err)
	}
	if got.State != conversation.StateTaken {
		t.Errorf("state of session %d = %s, want it taken while its turn runs", got.ID, got.State)
	}
	close(gate)
	if err := <-done; err != nil {
		t.Errorf("Events = %v, want a whole answer", err)
	}
	b, err := other.Ask(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := finish(b); err != nil || again.session != first.session {
		t.Errorf("repetition = %+v, %v, want the answer in session %d", again, err, first.session)
	}
	s.asked(2)
	s.nothingTaken()
}
