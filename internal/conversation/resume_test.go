package conversation_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// dying returns an engine on the same store whose process dies when expireLeases is called: nobody
// extends its leases, and it writes nothing after that.
func (s *site) dying() *conversation.Engine {
	o, keep := s.options, &flaky{Store: s.keep}
	o.Store = keep
	s.dead = append(s.dead, keep)
	other := conversation.New(o)
	s.t.Cleanup(func() {
		other.Abort(&chat.Error{Kind: chat.KindUnavailable, Code: chat.CodeShuttingDown})
		_ = other.Drain(s.t.Context())
	})
	return other
}

// die asks in a process that dies in the middle of the answer.
func (s *site) die(q conversation.Question, gate <-chan struct{}) int64 {
	s.t.Helper()
	s.sim.Script(simulator.Stream(simulator.Deltas("<think>hm</think>be"), simulator.Wait(gate), simulator.Deltas("gun"),
		simulator.Object(), simulator.Done()))
	a, err := s.dying().Ask(s.t.Context(), q)
	if err != nil {
		s.t.Fatal(err)
	}
	go func() {
		for range a.Events() { // it dies with its client
		}
	}()
	s.await(func() bool { return s.sim.InFlight() == 1 })
	s.expireLeases()
	return a.Session()
}

// age makes all takings older.
func (s *site) age(by time.Duration) {
	s.t.Helper()
	s.execInSchema(fmt.Sprintf("UPDATE SCHEMA.sessions SET taken = taken - %d", by.Microseconds()))
}

func plain(r *chat.Request) conversation.Question {
	return conversation.Question{Request: r, Prompt: r.System()}
}

// The repetition of a request whose process died gets the answer that the platform has
// stored, whether that is there yet or not, and the conversation goes on where it is.
func TestRepetitionAfterACrash(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first func(s *site) *chat.Request // may ask something first
		next  func(s *site, session int64, answer string) *chat.Request
	}{
		{"first question", func(*site) *chat.Request { return whole(alice, user("hello")) },
			func(_ *site, _ int64, a string) *chat.Request {
				return whole(alice, user("hello"), assistant(a), user("next"))
			}},
		{"continuation", func(s *site) *chat.Request {
			got := s.ask(whole(alice, user("one")))
			return whole(alice, user("one"), assistant(got.text), user("hello"))
		}, func(s *site, _ int64, a string) *chat.Request {
			return whole(alice, user("one"), assistant(s.sim.Turns()[0].Answer), user("hello"), assistant(a), user("next"))
		}},
		{"several messages", func(*site) *chat.Request { return whole(alice, user("one"), assistant("two"), user("hello")) },
			func(_ *site, _ int64, a string) *chat.Request {
				return whole(alice, user("one"), assistant("two"), user("hello"), assistant(a), user("next"))
			}},
		{"by id", func(s *site) *chat.Request {
			return byID(alice, s.ask(whole(alice, user("one"))).session, user("hello"))
		},
			func(_ *site, id int64, _ string) *chat.Request { return byID(alice, id, user("next")) }},
		{"by name", func(*site) *chat.Request { return byName(alice, "n", user("hello")) },
			func(*site, int64, string) *chat.Request { return byName(alice, "n", user("next")) }},
		{"by a name with history", func(*site) *chat.Request {
			return byName(alice, "n", user("one"), assistant("two"), user("hello"))
		}, func(_ *site, _ int64, a string) *chat.Request {
			return byName(alice, "n", user("one"), assistant("two"), user("hello"), assistant(a), user("next"))
		}},
	} {
		for how, repeated := range map[string]func(*chat.Request) *chat.Request{
			"unmarked": func(r *chat.Request) *chat.Request { return r },
			"marked":   marked,
			"keyed":    func(r *chat.Request) *chat.Request { return keyed("k", r) },
		} {
			for _, isStored := range []bool{true, false} {
				name := tc.name + ", " + how
				if !isStored {
					name += ", not stored yet"
				}
				t.Run(name, func(t *testing.T) {
					s := postgresSite(t)
					first := tc.first(s)
					if how == "keyed" {
						keyed("k", first)
					}
					before := len(s.sim.Turns())
					gate := make(chan struct{})
					session := s.die(plain(first), gate)
					again := *first
					if isStored {
						close(gate)
						s.await(func() bool { return s.sim.InFlight() == 0 })
					}
					a := s.begin(repeated(&again))
					if !isStored {
						calls := s.sim.Calls(simulator.RouteRecords)
						go func() {
							s.await(func() bool { return s.sim.Calls(simulator.RouteRecords) > calls })
							close(gate)
						}()
					}
					got, err := finish(a)
					if err != nil {
						t.Fatal(err)
					}
					if got.placement != chat.PlacementAttached || got.session != session || got.text != "begun" {
						t.Errorf("repetition = %+v, want the answer of session %d", got, session)
					}
					s.asked(before + 1)
					next := s.ask(tc.next(s, session, got.text))
					s.continued(next, session, "next")
					s.nothingTaken()
				})
			}
		}
	}
}

// A question that never reached the platform is asked, once the longest turn is over.
func TestRepetitionOfWhatWasNeverAsked(t *testing.T) {
	for name, request := range map[string]func(*site) *chat.Request{
		"first question": func(*site) *chat.Request { return whole(alice, user("hello")) },
		"continuation": func(s *site) *chat.Request {
			got := s.ask(whole(alice, user("hello")))
			return whole(alice, user("hello"), assistant(got.text), user("hello"))
		},
		"by id": func(s *site) *chat.Request {
			return byID(alice, s.ask(whole(alice, user("hello"))).session, user("hello"))
		},
		"by name": func(*site) *chat.Request { return byName(alice, "n", user("hello")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := postgresSite(t)
			r := request(s)
			before := len(s.sim.Turns())
			other := s.dying()
			a, err := other.Ask(t.Context(), plain(r))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Discard()
			s.age(11 * time.Minute)
			s.expireLeases()
			again := *r
			got := s.ask(&again)
			s.asked(before + 1)
			if got.placement == chat.PlacementAttached {
				t.Errorf("repetition = %+v, want a question that is asked", got)
			}
			if got.session == a.Session() {
				t.Errorf("session = %d, want another one: the process that took it may only be paused", got.session)
			}
			s.nothingTaken()
		})
	}
}

// A process that died while it set the session up had not sent the question: a repetition
// is asked at once and does not wait for a record.
func TestRepetitionOfWhatWasBeingSetUp(t *testing.T) {
	for _, isKnown := range []bool{true, false} {
		t.Run(fmt.Sprintf("settings known %t", isKnown), func(t *testing.T) {
			s := postgresSite(t)
			first := s.ask(whole(alice, user("hello")))
			r := whole(alice, user("hello"), assistant(first.text), user("go on"))
			r.Temperature = new(0.7)
			if !isKnown {
				refuse := func(w http.ResponseWriter, _ *http.Request, _ http.HandlerFunc) {
					w.WriteHeader(http.StatusForbidden)
				}
				s.sim.InterceptOnce(simulator.RouteUpdateSession, refuse)
				if _, err := s.try(t.Context(), r); err == nil {
					t.Fatal("a turn whose settings were refused has an answer")
				}
			}
			defer s.dieInSetUp(r)()
			again := *r
			asked := time.Now()
			s.ask(&again)
			if took := time.Since(asked); took > time.Minute {
				t.Errorf("the repetition took %s, want an answer at once", took)
			}
			s.asked(2)
		})
	}
}

// A new session is stored as one whose question was not sent, so a repetition does not wait.
func TestRepetitionOfWhatWasBeingCreated(t *testing.T) {
	s := postgresSite(t)
	r := whole(alice, system("Be brief."), user("hello"))
	defer s.dieInSetUp(r)()
	again := *r
	asked := time.Now()
	s.fresh(s.ask(&again), chat.PlacementNew, 0)
	if took := time.Since(asked); took > time.Minute {
		t.Errorf("the repetition took %s, want an answer at once", took)
	}
	s.asked(1)
}

// dieInSetUp lets another process die while it changes the settings for a request. The caller calls finish at the end.
func (s *site) dieInSetUp(r *chat.Request) (finish func()) {
	arrived, gate := make(chan struct{}), make(chan struct{})
	wait := func(w http.ResponseWriter, r *http.Request, usual http.HandlerFunc) {
		close(arrived)
		<-gate
		usual(w, r)
	}
	s.sim.InterceptOnce(simulator.RouteUpdateSession, wait)
	other := s.dying()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if a, err := other.Ask(s.t.Context(), plain(r)); err == nil {
			a.Discard()
		}
	}()
	<-arrived
	s.expireLeases()
	return func() {
		close(gate)
		<-ended
	}
}

// A repetition by id or name that waited for the session of a process that died is
// answered from the records, too.
func TestRepetitionThatWaitedForTheSession(t *testing.T) {
	for name, request := range map[string]func(*site) *chat.Request{
		"by id": func(s *site) *chat.Request {
			return byID(alice, s.ask(whole(alice, user("hello"))).session, user("go on"))
		},
		"by name": func(*site) *chat.Request { return byName(alice, "n", user("hello")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := postgresSite(t)
			r := request(s)
			before := len(s.sim.Turns())
			gate := make(chan struct{})
			s.sim.Script(simulator.Stream(simulator.Deltas("be"), simulator.Wait(gate), simulator.Deltas("gun"), simulator.Object(), simulator.Done()))
			a, err := s.dying().Ask(t.Context(), plain(r))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				for range a.Events() { // it dies with its client
				}
			}()
			s.await(func() bool { return s.sim.InFlight() == 1 })
			again := *r
			type outcome struct {
				result
				err error
			}
			repeated := make(chan outcome)
			go func() {
				got, err := s.try(t.Context(), &again)
				repeated <- outcome{got, err}
			}()
			s.awaitWaiter()
			s.expireLeases()
			close(gate)
			if got := <-repeated; got.err != nil || got.session != a.Session() || got.text != "begun" {
				t.Errorf("repetition = %+v, want the answer of session %d", got, a.Session())
			}
			s.asked(before + 1)
		})
	}
}

// A newer record of another question shows that the question was never asked.
func TestRepetitionAfterAnotherQuestion(t *testing.T) {
	s := postgresSite(t)
	a, err := s.dying().Ask(t.Context(), plain(whole(alice, user("hello"))))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Discard()
	s.expireLeases()
	s.sim.AppendRecord(a.Session(), "typed elsewhere", "answer")
	s.fresh(s.ask(whole(alice, user("hello"))), chat.PlacementNew, a.Session())
	s.asked(1)
}

// An earlier question of the same words is not taken for the one that was interrupted.
func TestRepetitionOfEqualQuestions(t *testing.T) {
	s := postgresSite(t)
	first := s.ask(whole(alice, user("go on")))
	r := whole(alice, user("go on"), assistant(first.text), user("go on"))
	gate := make(chan struct{})
	session := s.die(plain(r), gate)
	close(gate)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	again := *r
	got := s.ask(&again)
	if got.session != session || got.text != "begun" || first.session != session {
		t.Errorf("repetition = %+v, want the second answer of session %d", got, session)
	}
	s.asked(2)
}

// repairer has the first answer repaired.
type repairer struct{ asked bool }

func (r *repairer) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	if ev.Kind == chat.EventDone && !r.asked {
		r.asked = true
		return "repair it", nil
	}
	if r.asked {
		pass(ev)
	}
	return "", nil
}

func repaired(r *chat.Request) conversation.Question {
	return conversation.Question{
		Request: r, Repairs: 1, Shaper: &repairer{}, NewShaper: func() conversation.Shaper { return &repairer{} },
	}
}

// Repairs that the platform has stored are not asked again; one that was not asked is.
func TestRepetitionWithRepairs(t *testing.T) {
	for _, isRepaired := range []bool{true, false} {
		s := postgresSite(t)
		gate := make(chan struct{})
		session := s.die(repaired(whole(alice, user("hello"))), gate)
		want := 2
		if isRepaired {
			s.sim.AppendRecord(session, "hello", "wrong")
			s.sim.AppendRecord(session, "repair it", "right")
			want = 1
		}
		a, err := s.engine.Ask(t.Context(), repaired(whole(alice, user("hello"))))
		if err != nil {
			t.Fatal(err)
		}
		if !isRepaired {
			s.sim.Script(simulator.Say("right"))
			calls := s.sim.Calls(simulator.RouteRecords)
			go func() {
				s.await(func() bool { return s.sim.Calls(simulator.RouteRecords) > calls })
				close(gate)
			}()
		}
		got, err := finish(a)
		if err != nil || got.text != "right" || got.placement != chat.PlacementAttached || got.session != session {
			t.Errorf("repaired %t: %+v, %v", isRepaired, got, err)
		}
		s.asked(want)
		if isRepaired {
			close(gate)
		}
	}
}

// A turn that the end of its process aborts is answered by the next one.
func TestRepetitionAfterAnAbort(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	a := s.hold(whole(alice, user("hello")), gate)
	done := make(chan error)
	go func() {
		_, err := finish(a)
		done <- err
	}()
	s.await(func() bool { return s.sim.InFlight() == 1 })
	s.restart()
	if err := <-done; chat.AsError(err).Code != chat.CodeShuttingDown {
		t.Fatal(err)
	}
	close(gate)
	got := s.ask(whole(alice, user("hello")))
	if got.placement != chat.PlacementAttached || got.session != a.Session() || got.text != "begun" {
		t.Errorf("repetition = %+v, want the answer of session %d", got, a.Session())
	}
	s.asked(1)
}

// A session that the platform lost meanwhile has no answer: the question is asked.
func TestRepetitionAfterACrashAndALoss(t *testing.T) {
	s := postgresSite(t)
	gate := make(chan struct{})
	session := s.die(plain(whole(alice, user("hello"))), gate)
	s.sim.Forget(session)
	close(gate)
	s.fresh(s.ask(whole(alice, user("hello"))), chat.PlacementNew, session)
}

// An answer that a client was given is given once more to a marked repetition: within a
// minute, by whichever process.
func TestMarkedRepetitionOfAWholeAnswer(t *testing.T) {
	for name, elsewhere := range map[string]bool{"here": false, "another process": true} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			r := func() *chat.Request { return streamed(whole(alice, user("hello"))) }
			s.sim.Script(simulator.Say("<think>hm</think>hi"))
			first := s.ask(r())
			if elsewhere {
				s.restart()
			}
			for range 2 {
				got := s.ask(marked(r()))
				if got.placement != chat.PlacementAttached || got.session != first.session || got.text != first.text {
					t.Errorf("repetition = %+v, want %+v", got, first)
				}
			}
			s.asked(1)
			if got := s.ask(r()); got.placement != chat.PlacementNew {
				t.Errorf("unmarked repetition = %s, want new", got.placement)
			}
			s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
		})
	}
	t.Run("repaired, another process", func(t *testing.T) {
		s := plainSite(t)
		s.sim.Script(simulator.Say("wrong"), simulator.Say("right"))
		for i := range 2 {
			r := whole(alice, user("hello"))
			r.Retried = i > 0
			a, err := s.engine.Ask(t.Context(), repaired(r))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := finish(a); err != nil || got.text != "right" {
				t.Errorf("%+v, %v", got, err)
			}
			s.restart()
		}
		s.asked(2)
	})
	t.Run("another question has come", func(t *testing.T) {
		s := plainSite(t)
		first := s.ask(whole(alice, user("hello")))
		s.restart()
		s.sim.AppendRecord(first.session, "typed elsewhere", "answer")
		if got := s.ask(marked(whole(alice, user("hello")))); got.placement != chat.PlacementNew {
			t.Errorf("repetition = %s, want new", got.placement)
		}
	})
}

// The choices of a reply that failed are not asked again by any repetition.
func TestLostReply(t *testing.T) {
	for name, isWhole := range map[string]bool{"whole": true, "running": false} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			gate := make(chan struct{})
			a := s.hold(streamed(whole(alice, user("hello"))), gate)
			if isWhole {
				close(gate)
				if _, err := finish(a); err != nil {
					t.Fatal(err)
				}
				a.MarkReplyFailed()
			} else {
				for ev := range a.Events() {
					if ev.Kind == chat.EventText {
						a.MarkReplyFailed()
						break
					}
				}
				defer close(gate)
			}
			b := s.begin(whole(alice, user("hello")))
			if b.Placement() != chat.PlacementAttached || b.Session() != a.Session() {
				t.Errorf("repetition = %s, want attached", b.Placement())
			}
			b.Discard()
			s.asked(1)
		})
	}
}

// The ten minutes of a turn without a client do not run while another is attached.
func TestAttachedClientKeepsTheTurn(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	a := s.hold(keyed("k", whole(alice, user("hello"))), gate)
	leave(t, a)
	if !a.IsTimed() {
		t.Error("a turn without a client is not timed")
	}
	b := s.begin(keyed("k", whole(alice, user("hello"))))
	c := s.begin(keyed("k", whole(alice, user("hello"))))
	b.Discard()
	if a.IsTimed() {
		t.Error("a turn with an attached client is timed")
	}
	c.Discard()
	if !a.IsTimed() {
		t.Error("a turn without any client is not timed")
	}
	close(gate)
	if got := s.ask(keyed("k", whole(alice, user("hello")))); got.text != "begun" {
		t.Errorf("%+v", got)
	}
}
