package conversation_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// While the store is away for longer than a lease, nobody can extend what he holds. When
// it is back, a turn that ran all the time is still its session's, whichever replica
// comes first: the session goes on, and a repetition by key gets the answer.
func TestOutageLongerThanALease(t *testing.T) {
	const lease = 2 * time.Second
	s := leasedPostgresSite(t, lease)
	elsewhere := &flaky{Store: s.keep}
	options := s.options
	options.Store = elsewhere
	other := conversation.New(options)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { other.Run(ctx) })
	defer running.Wait()
	defer cancel()

	first := s.ask(whole(alice, user("hello")))
	gate := make(chan struct{})
	question := func() *chat.Request {
		return keyed("k", whole(alice, user("hello"), assistant(first.text), user("next")))
	}
	a := s.hold(question(), gate)
	var got result
	var failed error
	var asking sync.WaitGroup
	asking.Go(func() { got, failed = finish(a) })
	s.await(func() bool { return s.sim.InFlight() == 1 })

	s.flaky.down.Store(true)
	elsewhere.down.Store(true)
	<-time.After(lease * 3 / 2)
	elsewhere.down.Store(false)
	<-time.After(lease / 4) // the idle replica finds the store first
	s.flaky.down.Store(false)
	<-time.After(lease) // and judges leases at least once
	close(gate)
	asking.Wait()
	if failed != nil || got.session != first.session || got.text != "begun" {
		t.Fatalf("the turn = %+v, %v, want the answer in session %d", got, failed, first.session)
	}
	again, err := other.Ask(t.Context(), conversation.Question{Request: question()})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := finish(again); err != nil || r.placement != chat.PlacementAttached || r.text != "begun" {
		t.Errorf("repetition at another replica = %+v, %v, want the stored answer", r, err)
	}
	s.asked(2)
	s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"), assistant("begun"), user("more"))), first.session, "more")
	s.nothingTaken()
}
