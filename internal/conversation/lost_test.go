package conversation_test

import (
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

func TestLostSessionIsReplaced(t *testing.T) {
	warm := func(r *chat.Request) { r.Temperature = new(0.9) }
	for _, tc := range []struct {
		name    string
		change  func(*chat.Request)
		updates int // of the lost session
	}{
		{"told by the question", func(*chat.Request) {}, 0},
		{"told by the update", warm, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			old := s.ask(whole(alice, user("q-one"))).session
			s.sim.Forget(old)
			updates := s.sim.Calls(simulator.RouteUpdateSession)
			r := byID(alice, old, user("q-one"), assistant("a-one"), user("q-two"))
			tc.change(r)
			got := s.ask(r)
			s.fresh(got, chat.PlacementReplayed, old)
			s.saw("q-one", "a-one", "q-two")
			if n := s.sim.Calls(simulator.RouteUpdateSession) - updates; n != tc.updates+1 {
				t.Errorf("%d updates, want %d", n, tc.updates+1)
			}
			if turn := s.last(); turn.ContextCount != 65 {
				t.Errorf("context %d", turn.ContextCount)
			}
			for _, id := range []int64{old, got.session} {
				s.expect(s.ask(byID(alice, id, user("more"))), got.session, chat.PlacementContinued, "more")
			}
			// Lost again: the first id leads through both aliases.
			s.sim.Forget(got.session)
			third := s.ask(byID(alice, old, user("hello")))
			s.fresh(third, chat.PlacementNew, old, got.session)
			for _, id := range []int64{old, got.session, third.session} {
				s.expect(s.ask(byID(alice, id, user("more"))), third.session, chat.PlacementContinued, "more")
			}
		})
	}
}

// The answer names the old session until its first event, then the new one.
func TestAnswerNamesTheNewSession(t *testing.T) {
	s := plainSite(t)
	old := s.ask(whole(alice, user("hello"))).session
	s.sim.Forget(old)
	a := s.begin(byID(alice, old, user("next")))
	if a.Session() != old || a.Placement() != chat.PlacementContinued {
		t.Errorf("%s in %d", a.Placement(), a.Session())
	}
	got, err := finish(a)
	if err != nil {
		t.Fatal(err)
	}
	s.fresh(got, chat.PlacementNew, old)
}

// A session that achuan did not make leaves no alias.
func TestLostForeignSession(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, id, user("hello")))
	s.sim.Forget(id)
	one := s.ask(byID(chat.Anonymous, id, user("again")))
	s.fresh(one, chat.PlacementNew, id)
	two := s.ask(byID(chat.Anonymous, id, user("and again")))
	s.fresh(two, chat.PlacementNew, id, one.session)
}

func TestLostTwiceIsAnError(t *testing.T) {
	s := plainSite(t)
	old := s.ask(whole(alice, user("hello"))).session
	s.sim.Script(simulator.Lost(), simulator.Lost())
	e := s.refused(byID(alice, old, user("next")), chat.CodeBackendError)
	if e.SessionLost || e.Kind != chat.KindBackend {
		t.Errorf("%+v", e)
	}
	if n := s.sim.Scripted(); n != 0 {
		t.Errorf("%d replies left", n)
	}
	got := s.ask(byID(alice, old, user("again")))
	s.expect(got, got.session, chat.PlacementContinued, "again")
}

// What failed decides whether the session goes on or is rebuilt.
func TestAfterAFailure(t *testing.T) {
	for _, tc := range []struct {
		name    string
		reply   simulator.Reply
		code    chat.Code
		rebuilt bool
		seen    []string // of the failed exchange, in what a rebuilt session is told
	}{
		{"refused by the filter", simulator.Fail("您的提交内容包含不允许的文本"), chat.CodeContentFilter, false, nil},
		{"refused for the rate", simulator.Fail("上游异常提示(HttpCode:429)：busy"), chat.CodeRateLimitExceeded, false, nil},
		{"ended with an error", simulator.SayThenFail("par", "boom"), chat.CodeBackendError, false, nil},
		{"cut short", simulator.CutShort("whole answer"), chat.CodeBackendTruncated, true, []string{"q-two", "whole answer"}},
		{"cut in its reasoning", simulator.CutShort("<think>hidden</think>\n\nwhole answer"), chat.CodeBackendTruncated, true,
			[]string{"q-two\n", " assistant]]\nwhole answer"}},
		{"cut and not stored", simulator.Reply{Text: "gone", NoObject: true, NoDone: true, NoRecord: true}, chat.CodeBackendTruncated, true, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(whole(alice, user("q-one")))
			records := len(s.sim.Records(first.session))
			s.sim.Script(tc.reply)
			s.refused(byID(alice, first.session, user("q-two")), tc.code)
			s.await(func() bool { return s.sim.InFlight() == 0 })
			if n := len(s.sim.Records(first.session)) - records; n < len(tc.seen)/2 {
				t.Fatalf("%d records more", n)
			}

			got := s.ask(byID(alice, first.session, user("q-three")))
			if !tc.rebuilt {
				s.expect(got, first.session, chat.PlacementContinued, "q-three")
				return
			}
			s.fresh(got, chat.PlacementReplayed, first.session)
			s.saw(append(append([]string{"q-one\n", first.text + "\n"}, tc.seen...), " user]]\nq-three\n", " end]]")...)
			for _, id := range []int64{first.session, got.session} {
				s.expect(s.ask(byID(alice, id, user("more"))), got.session, chat.PlacementContinued, "more")
			}
		})
	}
}

// A foreign session is rebuilt with its owner's settings, and its id goes on.
func TestForeignSessionIsRebuilt(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.sim.Edit(id, func(o *simulator.Settings) { o.Prompt, o.Temperature = "its owner's", 0.3 })
	s.sim.Script(simulator.CutShort("whole answer"))
	s.refused(byID(chat.Anonymous, id, user("q-one")), chat.CodeBackendTruncated)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	got := s.ask(byID(chat.Anonymous, id, user("q-two")))
	s.fresh(got, chat.PlacementReplayed, id)
	s.saw("q-one", "whole answer", "q-two")
	if turn := s.last(); turn.Prompt != "its owner's" || turn.Temperature != 0.3 || turn.ContextCount != 65 {
		t.Errorf("settings %+v", turn.Settings)
	}
	s.expect(s.ask(byID(chat.Anonymous, id, user("more"))), got.session, chat.PlacementContinued, "more")
}

// All pages of the records are replayed, oldest first.
func TestLongSessionIsRebuilt(t *testing.T) {
	s := plainSite(t)
	id := s.ask(whole(alice, user("q-first"))).session
	for range 60 {
		s.sim.AppendRecord(id, "filler", "noted")
	}
	s.sim.AppendRecord(id, "q-last", "a-last")
	s.sim.Script(simulator.CutShort("cut"))
	s.refused(byID(alice, id, user("q-cut")), chat.CodeBackendTruncated)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	s.ask(byID(alice, id, user("q-now")))
	s.saw("q-first", "filler", "q-last", "a-last", "q-cut", "cut", "q-now")
	if n := s.sim.Calls(simulator.RouteRecords); n < 2 {
		t.Errorf("%d pages read", n)
	}
}

// A new session replaces an old one when it has answered. When it fails, the history stays
// in the old one, and the new id becomes an alias of that.
func TestRebuildThatFails(t *testing.T) {
	for _, tc := range []struct {
		name  string
		reply simulator.Reply
		code  chat.Code
	}{
		{"refused", simulator.Fail("上游异常提示(HttpCode:503)：busy"), chat.CodeBackendUnavailable},
		{"failed", simulator.SayThenFail("half", "boom"), chat.CodeBackendError},
		{"cut, and not stored", simulator.Reply{Text: "gone", NoObject: true, NoDone: true, NoRecord: true}, chat.CodeBackendTruncated},
		{"lost", simulator.Lost(), chat.CodeBackendError},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			old := s.ask(byName(alice, "n", user("q-one"))).session
			s.sim.Script(simulator.CutShort("a-two"), tc.reply)
			s.refused(byName(alice, "n", user("q-two")), chat.CodeBackendTruncated)
			s.await(func() bool { return s.sim.InFlight() == 0 })
			a := s.begin(byName(alice, "n", user("q-three")))
			made := a.Session()
			if _, err := finish(a); chat.AsError(err).Code != tc.code {
				t.Fatalf("%v, want %s", err, tc.code)
			}
			got := s.ask(byName(alice, "n", user("q-four")))
			s.fresh(got, chat.PlacementReplayed, old, made)
			s.saw("q-one", "q-two", "a-two", "q-four")
			for _, id := range []int64{old, made, got.session} {
				s.expect(s.ask(byID(alice, id, user("more"))), got.session, chat.PlacementContinued, "more")
			}
		})
	}
}
