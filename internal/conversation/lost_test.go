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
		{"found by the question", func(*chat.Request) {}, 0},
		{"found by the update", warm, 1},
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
			s.checkLastText("q-one", "a-one", "q-two")
			if n := s.sim.Calls(simulator.RouteUpdateSession) - updates; n != tc.updates+1 {
				t.Errorf("updates = %d, want %d", n, tc.updates+1)
			}
			if turn := s.last(); turn.ContextCount != 65 {
				t.Errorf("context count = %d, want 65", turn.ContextCount)
			}
			for _, id := range []int64{old, got.session} {
				s.checkAnswer(s.ask(byID(alice, id, user("more"))), got.session, chat.PlacementContinued, "more")
			}
			// After a second loss, the first id leads through both aliases.
			s.sim.Forget(got.session)
			third := s.ask(byID(alice, old, user("hello")))
			s.fresh(third, chat.PlacementNew, old, got.session)
			for _, id := range []int64{old, got.session, third.session} {
				s.checkAnswer(s.ask(byID(alice, id, user("more"))), third.session, chat.PlacementContinued, "more")
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
		t.Errorf("answer before its first event = %s in session %d, want continued in %d", a.Placement(), a.Session(), old)
	}
	got, err := finish(a)
	if err != nil {
		t.Fatal(err)
	}
	s.fresh(got, chat.PlacementNew, old)
}

// A lost session that achuan did not create has no alias.
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
	e := s.askRefused(byID(alice, old, user("next")), chat.CodeBackendError)
	if e.SessionLost || e.Kind != chat.KindBackend {
		t.Errorf("error = %+v, want kind %d without SessionLost", e, chat.KindBackend)
	}
	if n := s.sim.Scripted(); n != 0 {
		t.Errorf("Scripted() = %d replies, want 0", n)
	}
	got := s.ask(byID(alice, old, user("again")))
	s.checkAnswer(got, got.session, chat.PlacementContinued, "again")
}

// It depends on the failure whether the session is continued or rebuilt.
func TestAfterAFailure(t *testing.T) {
	for _, tc := range []struct {
		name    string
		reply   simulator.Reply
		code    chat.Code
		rebuilt bool
		seen    []string // texts of the failed exchange that a rebuilt session gets
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
			s.askRefused(byID(alice, first.session, user("q-two")), tc.code)
			s.await(func() bool { return s.sim.InFlight() == 0 })
			if n := len(s.sim.Records(first.session)) - records; n < len(tc.seen)/2 {
				t.Fatalf("new records = %d, want at least %d", n, len(tc.seen)/2)
			}

			got := s.ask(byID(alice, first.session, user("q-three")))
			if !tc.rebuilt {
				s.checkAnswer(got, first.session, chat.PlacementContinued, "q-three")
				return
			}
			s.fresh(got, chat.PlacementReplayed, first.session)
			s.checkLastText(append(append([]string{"q-one\n", first.text + "\n"}, tc.seen...), " user]]\nq-three\n", " end]]")...)
			for _, id := range []int64{first.session, got.session} {
				s.checkAnswer(s.ask(byID(alice, id, user("more"))), got.session, chat.PlacementContinued, "more")
			}
		})
	}
}

// A session that achuan did not create is rebuilt with its owner's settings, and its id leads to the new session.
func TestForeignSessionIsRebuilt(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.sim.Edit(id, func(o *simulator.Settings) { o.Prompt, o.Temperature = "its owner's", 0.3 })
	s.sim.Script(simulator.CutShort("whole answer"))
	s.askRefused(byID(chat.Anonymous, id, user("q-one")), chat.CodeBackendTruncated)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	got := s.ask(byID(chat.Anonymous, id, user("q-two")))
	s.fresh(got, chat.PlacementReplayed, id)
	s.checkLastText("q-one", "whole answer", "q-two")
	if turn := s.last(); turn.Prompt != "its owner's" || turn.Temperature != 0.3 || turn.ContextCount != 65 {
		t.Errorf("settings = %+v, want its owner's with the context count 65", turn.Settings)
	}
	s.checkAnswer(s.ask(byID(chat.Anonymous, id, user("more"))), got.session, chat.PlacementContinued, "more")
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
	s.askRefused(byID(alice, id, user("q-cut")), chat.CodeBackendTruncated)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	s.ask(byID(alice, id, user("q-now")))
	s.checkLastText("q-first", "filler", "q-last", "a-last", "q-cut", "cut", "q-now")
	if n := s.sim.Calls(simulator.RouteRecords); n < 2 {
		t.Errorf("reads of records = %d, want at least 2", n)
	}
}

// A new session replaces an old one when it has answered. When it fails, the history stays in the old one, and the
// new id becomes an alias of the old one.
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
			s.askRefused(byName(alice, "n", user("q-two")), chat.CodeBackendTruncated)
			s.await(func() bool { return s.sim.InFlight() == 0 })
			a := s.begin(byName(alice, "n", user("q-three")))
			created := a.Session()
			if _, err := finish(a); chat.AsError(err).Code != tc.code {
				t.Fatalf("Events() = %v, want the code %s", err, tc.code)
			}
			got := s.ask(byName(alice, "n", user("q-four")))
			s.fresh(got, chat.PlacementReplayed, old, created)
			s.checkLastText("q-one", "q-two", "a-two", "q-four")
			for _, id := range []int64{old, created, got.session} {
				s.checkAnswer(s.ask(byID(alice, id, user("more"))), got.session, chat.PlacementContinued, "more")
			}
		})
	}
}
