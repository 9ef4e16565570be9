package conversation_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// startReplica starts another engine on the store of the site, and stops it at the end of the test.
func (s *site) startReplica() (*conversation.Engine, *flaky) {
	keep := &flaky{Store: s.keep}
	options := s.options
	options.Store = keep
	replica := conversation.New(options)
	ctx, cancel := context.WithCancel(context.WithoutCancel(s.t.Context()))
	var running sync.WaitGroup
	running.Go(func() { replica.Run(ctx) })
	s.t.Cleanup(func() { cancel(); running.Wait() })
	return replica, keep
}

// While the store is away for longer than a lease, no replica can extend its leases. A turn that ran all the time
// still has its session when the store is available again, even if an idle replica reaches the store first. The
// session continues, and a repetition by key gets the answer.
func TestOutageLongerThanALease(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lease time.Duration
		// The outage begins after before. The turn ends after after, which is long enough for both replicas to look
		// for expired leases.
		before, outage, after time.Duration
	}{
		{"at the start of the turn", 2 * time.Second, 0, 3 * time.Second, 2 * time.Second},
		{"after a lease", 800 * time.Millisecond, 800 * time.Millisecond, 2400 * time.Millisecond, 1600 * time.Millisecond},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := leasedPostgresSite(t, tc.lease)
			replica, keepOfReplica := s.startReplica()
			first := s.ask(whole(alice, user("hello")))
			transcript := []chat.Message{user("hello"), assistant(first.text), user("next")}
			gate := make(chan struct{})
			done := s.finishLater(s.hold(keyed("k", whole(alice, transcript...)), gate))
			s.await(func() bool { return s.sim.InFlight() == 1 })

			<-time.After(tc.before)
			s.flaky.down.Store(true)
			keepOfReplica.down.Store(true)
			<-time.After(tc.outage)
			keepOfReplica.down.Store(false)
			<-time.After(tc.lease / 4) // the idle replica reaches the store first
			s.flaky.down.Store(false)
			<-time.After(tc.after)
			s.checkTaken(first.session)
			close(gate)
			if got := <-done; got.session != first.session || got.text != "begun" {
				t.Fatalf("answer = %+v, want begun in session %d", got, first.session)
			}

			a, err := replica.Ask(t.Context(), plain(keyed("k", whole(alice, transcript...))))
			if err != nil {
				t.Fatal(err)
			}
			got, err := finish(a)
			if err != nil || got.placement != chat.PlacementAttached || got.session != first.session || got.text != "begun" {
				t.Errorf("repetition at the other replica = %+v, %v, want begun, attached to session %d", got, err, first.session)
			}
			s.asked(2)
			s.continued(s.ask(whole(alice, append(transcript, assistant("begun"), user("more"))...)), first.session, "more")
			s.nothingTaken()
		})
	}
}
