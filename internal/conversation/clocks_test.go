package conversation_test

import (
	"sync/atomic"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// The clocks of the process, the store and the platform may differ by any time: a repetition is
// answered from the records, and a question is not asked twice.
func TestRepetitionWhereClocksDiffer(t *testing.T) {
	for name, ahead := range map[string]struct{ store, platform time.Duration }{
		"store ahead":     {store: time.Hour},
		"store behind":    {store: -time.Hour},
		"platform ahead":  {platform: time.Hour},
		"platform behind": {platform: -time.Hour},
	} {
		for kind, request := range map[string]func(s *site) *chat.Request{
			"by transcript": func(*site) *chat.Request { return whole(alice, user("hello")) },
			"foreign id": func(s *site) *chat.Request { // nobody has counted its exchanges
				id := s.sim.AddSession(model)
				s.sim.AppendRecord(id, "typed", "elsewhere")
				return byID(chat.Anonymous, id, user("hello"))
			},
		} {
			t.Run(name+", "+kind, func(t *testing.T) {
				var s *site
				platformTime := func() time.Time { return time.Now().Add(ahead.platform) }
				s = newSite(t, simulator.Options{Now: platformTime}, false)
				s.clock.Store(int64(ahead.store))
				r := request(s)
				gate := make(chan struct{})
				again := *r
				a := s.hold(r, gate)
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					_, _ = finish(a) // its process ends first
				}()
				s.await(func() bool { return s.sim.InFlight() == 1 })
				s.restart()
				<-ended
				calls := s.sim.Calls(simulator.RouteRecords)
				go func() {
					s.await(func() bool { return s.sim.Calls(simulator.RouteRecords) > calls })
					close(gate)
				}()
				for range 2 {
					got := s.ask(marked(&again))
					if got.placement != chat.PlacementAttached || got.session != a.Session() || got.text != "begun" {
						t.Errorf("repetition = %+v, want the answer of session %d", got, a.Session())
					}
					s.restart()
				}
				s.asked(1)
			})
		}
	}
}

// A session that was idle for long is compared with the platform by the store's clock.
func TestIdleByTheStoresClock(t *testing.T) {
	for name, passes := range map[string]time.Duration{"a minute": time.Minute, "an hour": time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(whole(alice, user("hello")))
			s.clock.Add(int64(passes))
			s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
			isCompared := s.sim.Calls(simulator.RouteRecords) > 0
			if want := passes > conversation.MaxTurn; isCompared != want {
				t.Errorf("compared with the platform: %t, want %t", isCompared, want)
			}
		})
	}
}

// A question that the owner typed on the website before the turn is not one that came after it: the
// repetition waits for the answer of the interrupted turn.
func TestRepetitionAfterTheOwnerTyped(t *testing.T) {
	var behind atomic.Int64
	behind.Store(int64(20 * time.Second))
	s := newSite(t, simulator.Options{
		Now: func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) },
	}, false)
	first := s.ask(whole(alice, user("hello")))
	s.sim.AppendRecord(first.session, "typed", "elsewhere")
	behind.Store(0)

	gate := make(chan struct{})
	r := whole(alice, user("hello"), assistant(first.text), user("next"))
	again := *r
	a := s.hold(r, gate)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = finish(a) // its process ends first
	}()
	s.await(func() bool { return s.sim.InFlight() == 1 })
	s.restart()
	<-ended
	calls := s.sim.Calls(simulator.RouteRecords)
	go func() {
		s.await(func() bool { return s.sim.Calls(simulator.RouteRecords) > calls })
		close(gate)
	}()
	if got := s.ask(marked(&again)); got.placement != chat.PlacementAttached || got.session != first.session {
		t.Errorf("repetition = %+v, want the answer of session %d", got, first.session)
	}
	s.asked(2)
}
