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

// Each of these tests has a sequence of requests that an engine handles wrongly if it matches less than the whole
// transcript.

func TestTranscriptGoesOn(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, system("be brief"), user("one")))
	second := s.ask(whole(alice, system("be brief"), user("one"), assistant(first.text), user("two")))
	s.continued(second, first.session, "two")
	third := s.ask(whole(alice, system("be long"), user(" one\r\n"), assistant("<think>hm</think>\n"+first.text), user("two"),
		assistant(second.text+"\n"), user("three"), user("four")))
	if third.session != first.session || third.placement != chat.PlacementContinued {
		t.Errorf("third answer = %s in session %d, want continued in %d", third.placement, third.session, first.session)
	}
	s.checkLastText(" user]]\nthree\n", " user]]\nfour\n")
	if turn := s.last(); turn.Prompt != "be long" || len(turn.History) != 2 {
		t.Errorf("last turn = prompt %q after %v, want %q after 2 exchanges", turn.Prompt, turn.History, "be long")
	}
	// Without a system message the session gets the platform's own prompt again.
	fourth := s.ask(whole(alice, user("one"), assistant(first.text), user("two"), assistant(second.text), user("three"), user("four"),
		assistant(third.text), user("five")))
	s.continued(fourth, first.session, "five")
	if turn := s.last(); turn.Prompt != simulator.DefaultPreset {
		t.Errorf("prompt = %q, want %q", turn.Prompt, simulator.DefaultPreset)
	}
}

// Two clients of one key send the same first message and get the same answer. Each gets a session of its own and
// continues it.
func TestTwoChatsThatBeginAlike(t *testing.T) {
	s := plainSite(t)
	s.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return &simulator.Reply{Text: "the same"} })
	one, two := s.ask(whole(alice, user("hello"))), s.ask(whole(alice, user("hello")))
	if one.session == two.session {
		t.Fatalf("two chats have the session %d, want one each", one.session)
	}
	third := s.ask(whole(alice, user("hello"), assistant("the same"), user("I am Ada")))
	fourth := s.ask(whole(alice, user("hello"), assistant("the same"), user("I am Bob")))
	if third.session == fourth.session || third.placement != chat.PlacementContinued ||
		fourth.placement != chat.PlacementContinued {
		t.Fatalf("answers = %+v and %+v, want both continued, in different sessions", third, fourth)
	}
	got := s.ask(whole(alice, user("hello"), assistant("the same"), user("I am Ada"), assistant("the same"), user("who?")))
	s.continued(got, third.session, "who?")
}

// A caller never continues a session of another caller, whatever the transcript is.
func TestCallersHaveTheirOwnSessions(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	got := s.ask(whole(bob, user("hello"), assistant(first.text), user("next")))
	s.fresh(got, chat.PlacementReplayed, first.session)
}

// When two requests continue the same transcript at once, one continues the session and the other is forked.
func TestRacingContinuations(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	next := func(text string) *chat.Request { return whole(alice, user("hello"), assistant(first.text), user(text)) }
	gate := make(chan struct{})
	winner := s.hold(next("left"), gate)
	leave(t, winner)
	loser := s.ask(next("right"))
	s.fresh(loser, chat.PlacementForked, first.session)
	close(gate)
	s.drain()
	if winner.Session() != first.session || winner.Placement() != chat.PlacementContinued {
		t.Errorf("first request = %s in session %d, want continued in %d", winner.Placement(), winner.Session(), first.session)
	}
	s.oneAtATime()
}

func TestRegenerateAndEdit(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("one")))
	second := s.ask(whole(alice, user("one"), assistant(first.text), user("two")))
	again := s.ask(whole(alice, user("one"), assistant(first.text), user("two")))
	s.fresh(again, chat.PlacementForked, first.session)
	edited := s.ask(whole(alice, user("ONE"), assistant(first.text), user("two")))
	s.fresh(edited, chat.PlacementReplayed, first.session, again.session)
	// Neither has changed the first chat.
	got := s.ask(whole(alice, user("one"), assistant(first.text), user("two"), assistant(second.text), user("three")))
	s.continued(got, first.session, "three")
}

// A user stops an answer before its end and asks for another one.
func TestStopThenRegenerate(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("one")))
	ask := func() *chat.Request {
		r := whole(alice, user("one"), assistant(first.text), user("two"))
		r.Streamed = true
		return r
	}
	gate := make(chan struct{})
	leaveAfterText(t, s.hold(ask(), gate))
	again := s.ask(ask())
	s.fresh(again, chat.PlacementForked, first.session)
	close(gate)
	s.drain()
	s.asked(3)
	s.oneAtATime()
}

// A request with a retry mark does not attach to the answer of another client that asks the same question and has not
// left.
func TestRetryMarkWhileAnotherAsksTheSame(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	a := s.hold(whole(alice, user("hello")), gate)
	heard, live := s.listen(a)
	<-heard
	got := s.ask(marked(whole(alice, user("hello"))))
	if got.placement != chat.PlacementNew || got.session == a.Session() {
		t.Errorf("repetition = %s in session %d, want new, not in %d", got.placement, got.session, a.Session())
	}
	close(gate)
	if first := <-live; first != "begun" {
		t.Errorf("answer of the first client = %q, want begun", first)
	}
}

// An app sends `user` with each chat.
func TestAppThatAlwaysSendsUser(t *testing.T) {
	s := plainSite(t)
	one := s.ask(byName(alice, "ada", user("one")))
	two := s.ask(byName(alice, "ada", user("one"), assistant(one.text), user("two")))
	s.continued(two, one.session, "two")
	// A request of this name has had a history, so from now on a single message is a new chat.
	other := s.ask(byName(alice, "ada", user("another chat")))
	s.fresh(other, chat.PlacementNew, one.session)
	for _, tc := range []struct {
		messages []chat.Message
		session  int64
	}{
		{[]chat.Message{user("one"), assistant(one.text), user("two"), assistant(two.text), user("three")}, one.session},
		{[]chat.Message{user("another chat"), assistant(other.text), user("more")}, other.session},
	} {
		s.continued(s.ask(byName(alice, "ada", tc.messages...)), tc.session, tc.messages[len(tc.messages)-1].Text)
	}
	// Chats of the name are not continued without the name.
	got := s.ask(whole(alice, user("another chat"), assistant(other.text), user("more")))
	s.fresh(got, chat.PlacementReplayed, one.session, other.session)
}

// A transcript whose history the session does not have is sent by id, and is continued without the id.
func TestForeignHistoryByIDThenWithout(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	invented := []chat.Message{user("never said"), assistant("never answered"), user("next")}
	second := s.ask(byID(alice, first.session, invented...))
	s.continued(second, first.session, "next")
	got := s.ask(whole(alice, append(invented, assistant(second.text), user("more"))...))
	s.fresh(got, chat.PlacementReplayed, first.session)
	// The true content of the session does not match it any more either.
	got = s.ask(whole(alice, user("hello"), assistant(first.text), user("next"), assistant(second.text), user("more")))
	s.fresh(got, chat.PlacementReplayed, first.session)
}

// After a crash between the PUT and the question, the settings of the session are not known, and no transcript
// matches it.
func TestCrashBetweenSettingsAndQuestion(t *testing.T) {
	s := fileSite(t)
	first := s.ask(whole(alice, user("hello")))
	next := func(c chat.Message) *chat.Request {
		return whole(alice, c, user("hello"), assistant(first.text), user("next"))
	}
	a := s.begin(next(system("be brief"))) // placed with its settings, but not asked
	if turn, _ := s.sim.Session(first.session); turn.Prompt != "be brief" || a.Session() != first.session {
		t.Fatalf("session = %d with the prompt %q, want %d with %q", a.Session(), turn.Prompt, first.session, "be brief")
	}
	s.crash()
	got := s.ask(next(system("be long")))
	s.fresh(got, chat.PlacementForked, first.session)
	if turn := s.last(); turn.Prompt != "be long" {
		t.Errorf("prompt = %q, want %q", turn.Prompt, "be long")
	}
	updates := s.sim.Calls(simulator.RouteUpdateSession)
	s.ask(byID(alice, first.session, user("more"))) // rebuilt, because achuan has not seen its end
	if s.sim.Calls(simulator.RouteUpdateSession) == updates {
		t.Errorf("updates of settings = %d, want more: the settings were not known", updates)
	}
}

// After the restore of an old backup, a session may contain more than its head says.
func TestRestoreOfAnOldBackup(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("one")))
	s.sim.AppendRecord(first.session, "two", "of after the backup")
	s.unverify()
	got := s.ask(whole(alice, user("one"), assistant(first.text), user("other two")))
	s.fresh(got, chat.PlacementReplayed, first.session)
	// A session without other questions is continued, and its records are compared only once.
	s.unverify()
	records := s.sim.Calls(simulator.RouteRecords)
	second := s.ask(whole(alice, user("one"), assistant(first.text), user("other two"), assistant(got.text), user("three")))
	s.continued(second, got.session, "three")
	third := s.ask(whole(alice, user("one"), assistant(first.text), user("other two"), assistant(got.text), user("three"), assistant(second.text), user("four")))
	s.continued(third, got.session, "four")
	if n := s.sim.Calls(simulator.RouteRecords) - records; n != 1 {
		t.Errorf("reads of records = %d, want 1", n)
	}
}

// A session that was idle is compared with the platform's records, because its owner may have used it on the
// platform's own site.
func TestOwnerTypesElsewhere(t *testing.T) {
	s := plainSite(t)
	s.options.VerifyIdle = time.Nanosecond // idle at once
	s.restart()
	for _, tc := range []struct {
		name      string
		continues bool
		do        func(id int64)
	}{
		{"nothing", true, func(int64) {}},
		{"another question", false, func(id int64) { s.sim.AppendRecord(id, "typed", "answered") }},
		{"forgotten", false, s.sim.Forget},
	} {
		t.Run(tc.name, func(t *testing.T) {
			hello := user("hello, " + tc.name)
			first := s.ask(whole(alice, hello))
			tc.do(first.session)
			got := s.ask(whole(alice, hello, assistant(first.text), user("next")))
			isSame, isContinued := got.session == first.session, got.placement == chat.PlacementContinued
			if isSame != tc.continues || isContinued != tc.continues {
				t.Errorf("answer = %s in session %d, want continued in %d = %t", got.placement, got.session, first.session, tc.continues)
			}
		})
	}
}

// The platform stores another text than it streams, so the client and the session have different texts.
func TestStoredTextThatDiffers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		reply  simulator.Reply
		text   string
		match  bool
		broken bool
	}{
		{"another text", simulator.Reply{Text: "streamed", AIText: new("stored")}, "streamed", false, false},
		{"a shorter one", simulator.Reply{Text: "streamed", AIText: new("stream")}, "streamed", false, false},
		{"a longer one, whose end is passed on", simulator.Reply{Deltas: []string{"str"}, AIText: new("streamed")}, "streamed", true, false},
		{"no record", simulator.Reply{Text: "streamed", NoObject: true}, "streamed", true, false},
		{"a failure after text", simulator.SayThenFail("streamed", "上游异常"), "streamed", false, true},
		{"a cut", simulator.CutShort("streamed"), "streamed", false, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			s.sim.Script(tc.reply)
			first, err := s.try(t.Context(), whole(alice, user("hello")))
			if (err != nil) != tc.broken || first.text != tc.text {
				t.Fatalf("answer = %q, %v, want %q, broken = %t", first.text, err, tc.text, tc.broken)
			}
			s.drain()
			got := s.ask(whole(alice, user("hello"), assistant(first.text), user("next")))
			if (got.session == first.session) != tc.match {
				t.Errorf("answer = %s in session %d, want in %d = %t", got.placement, got.session, first.session, tc.match)
			}
		})
	}
}

// A question that the platform refuses leaves the head of the session unchanged.
func TestRefusedQuestionKeepsTheHead(t *testing.T) {
	for name, reply := range map[string]simulator.Reply{
		"quota": simulator.Fail("套餐余量不足"), "length": simulator.Fail("文本过长"), "effort": simulator.Fail("当前模型不支持推理等级配置"),
		"429": simulator.HTTPStatus(http.StatusTooManyRequests, "text/plain", "slow"), "provider 429": simulator.Fail("上游异常提示(HttpCode:429)：x"),
		"no stream": simulator.PlainText("busy"), "HTML": simulator.HTTPStatus(http.StatusBadGateway, "text/html", "<html>"),
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(whole(alice, user("hello")))
			reply.Refused = true
			s.sim.Script(reply)
			next := whole(alice, user("hello"), assistant(first.text), user("next"))
			if got, err := s.try(t.Context(), next); err == nil {
				t.Fatalf("Ask(…) = %+v, want an error", got)
			}
			s.continued(s.ask(next), first.session, "next")
		})
	}
}

// A transcript that ends in an answer is replayed.
func TestTranscriptThatEndsInAnAnswer(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	got := s.ask(whole(alice, user("hello"), assistant(first.text)))
	s.fresh(got, chat.PlacementReplayed, first.session)
	s.checkLastText(" user]]\nhello\n", " assistant]]\n", " end]]")
}

// Among several sessions with the same head, one with the settings of the request is continued, or else the latest
// used.
func TestEqualSettingsComeFirst(t *testing.T) {
	s := plainSite(t)
	s.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return &simulator.Reply{Text: "the same"} })
	brief := s.ask(whole(alice, system("be brief"), user("hello")))
	long := s.ask(whole(alice, system("be long"), user("hello")))
	got := s.ask(whole(alice, system("be brief"), user("hello"), assistant("the same"), user("next")))
	s.continued(got, brief.session, "next")
	got = s.ask(whole(alice, system("be odd"), user("hello"), assistant("the same"), user("next")))
	s.continued(got, long.session, "next")
}

// crash abandons the engine without ending its turns, as kill -9 does, and starts another engine on the file of the
// store.
func (s *site) crash() {
	s.t.Helper()
	s.stop()
	if err := s.keep.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.open()
	s.start()
}

// Each choice has its own session, and its own answer continues it.
func TestSeveralChoices(t *testing.T) {
	s := plainSite(t)
	r := whole(alice, user("hello"))
	r.N = 2
	var got [2]result
	for i := range got {
		a, err := s.engine.Ask(t.Context(), conversation.Question{Request: r, Choice: i})
		if err != nil {
			t.Fatal(err)
		}
		s.sim.Script(simulator.Say(fmt.Sprint("choice ", i)))
		if got[i], err = finish(a); err != nil {
			t.Fatal(err)
		}
	}
	if got[0].session == got[1].session {
		t.Fatalf("two choices have the session %d, want one each", got[0].session)
	}
	for i := range got {
		s.continued(s.ask(whole(alice, user("hello"), assistant(fmt.Sprint("choice ", i)), user("next"))), got[i].session, "next")
	}
}
