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

// The sequences that break engines which match by less than all of a transcript,
// one test each.

// continued checks that an answer came from that session, which was sent what is
// new alone.
func (s *site) continued(got result, session int64, asked string) {
	s.t.Helper()
	s.expect(got, session, chat.PlacementContinued, asked)
}

func TestTranscriptGoesOn(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, system("be brief"), user("one")))
	second := s.ask(whole(alice, system("be brief"), user("one"), assistant(first.text), user("two")))
	s.continued(second, first.session, "two")
	third := s.ask(whole(alice, system("be long"), user(" one\r\n"), assistant("<think>hm</think>\n"+first.text), user("two"),
		assistant(second.text+"\n"), user("three"), user("four")))
	if third.session != first.session || third.placement != chat.PlacementContinued {
		t.Errorf("%s in %d", third.placement, third.session)
	}
	s.saw(" user]]\nthree\n", " user]]\nfour\n")
	if turn := s.last(); turn.Prompt != "be long" || len(turn.History) != 2 {
		t.Errorf("prompt %q, history %v", turn.Prompt, turn.History)
	}
	// Without a system message the platform's own prompt is back.
	fourth := s.ask(whole(alice, user("one"), assistant(first.text), user("two"), assistant(second.text), user("three"), user("four"),
		assistant(third.text), user("five")))
	s.continued(fourth, first.session, "five")
	if turn := s.last(); turn.Prompt != simulator.DefaultPreset {
		t.Errorf("prompt %q", turn.Prompt)
	}
}

// Two clients of one key begin alike and get the same answer: two sessions, of
// which each client continues one.
func TestTwoChatsThatBeginAlike(t *testing.T) {
	s := plainSite(t)
	s.sim.OnTurn(func(simulator.Turn) *simulator.Reply { return &simulator.Reply{Text: "the same"} })
	one, two := s.ask(whole(alice, user("hello"))), s.ask(whole(alice, user("hello")))
	if one.session == two.session {
		t.Fatal("one session for two chats")
	}
	third := s.ask(whole(alice, user("hello"), assistant("the same"), user("I am Ada")))
	fourth := s.ask(whole(alice, user("hello"), assistant("the same"), user("I am Bob")))
	if third.session == fourth.session || third.placement != chat.PlacementContinued ||
		fourth.placement != chat.PlacementContinued {
		t.Fatalf("%+v and %+v", third, fourth)
	}
	got := s.ask(whole(alice, user("hello"), assistant("the same"), user("I am Ada"), assistant("the same"), user("who?")))
	s.continued(got, third.session, "who?")
}

// A caller never continues another caller's session, whatever the transcripts are.
func TestCallersAreApart(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	got := s.ask(whole(bob, user("hello"), assistant(first.text), user("next")))
	s.fresh(got, chat.PlacementReplayed, first.session)
}

// Of two continuations that race, one continues and the other forks at once.
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
		t.Errorf("the first was %s in %d", winner.Placement(), winner.Session())
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
	// The first chat is untouched by both.
	got := s.ask(whole(alice, user("one"), assistant(first.text), user("two"), assistant(second.text), user("three")))
	s.continued(got, first.session, "three")
}

// A person stops an answer half-way and asks for another.
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
	if n := len(s.sim.Turns()); n != 3 {
		t.Errorf("%d questions", n)
	}
	s.oneAtATime()
}

// leaveAfterText reads an answer until its first text has been taken, and goes.
func leaveAfterText(t *testing.T, a *conversation.Answer) {
	t.Helper()
	had := false
	for ev, err := range a.Events() {
		if err != nil {
			t.Fatal(err)
		}
		if had {
			return
		}
		had = ev.Kind == chat.EventText
	}
	t.Fatal("no text")
}

// A retry mark does not take the answer of another client that asks the same and
// is still there.
func TestRetryMarkWhileAnotherAsksTheSame(t *testing.T) {
	s := plainSite(t)
	gate := make(chan struct{})
	s.sim.Script(simulator.Stream(simulator.Deltas("be"), simulator.Wait(gate), simulator.Deltas("gun"), simulator.Object(), simulator.Done()))
	live, heard := make(chan result), make(chan struct{})
	a := s.begin(whole(alice, user("hello")))
	go func() {
		var got result
		for ev, err := range a.Events() {
			if err != nil {
				t.Error(err)
			}
			if ev.Kind == chat.EventText && got.text == "" {
				close(heard)
			}
			got.text += ev.Text
		}
		live <- got
	}()
	<-heard
	retry := whole(alice, user("hello"))
	retry.Retried = true
	got := s.ask(retry)
	if got.placement != chat.PlacementNew || got.session == a.Session() {
		t.Errorf("%s in %d", got.placement, got.session)
	}
	close(gate)
	if first := <-live; first.text != "begun" {
		t.Errorf("the first got %q", first.text)
	}
}

// An app that sends `user` with every new chat.
func TestAppThatSendsUserAlways(t *testing.T) {
	s := plainSite(t)
	one := s.ask(byName(alice, "ada", user("one")))
	two := s.ask(byName(alice, "ada", user("one"), assistant(one.text), user("two")))
	s.continued(two, one.session, "two")
	// The name has come with a history: a lone message is a new chat from now on.
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
	// The scope keeps them apart from chats without the name.
	got := s.ask(whole(alice, user("another chat"), assistant(other.text), user("more")))
	s.fresh(got, chat.PlacementReplayed, one.session, other.session)
}

// A foreign history is sent by id, and then goes on without the id.
func TestForeignHistoryByIDThenWithout(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	made := []chat.Message{user("never said"), assistant("never answered"), user("next")}
	second := s.ask(byID(alice, first.session, made...))
	s.continued(second, first.session, "next")
	got := s.ask(whole(alice, append(made, assistant(second.text), user("more"))...))
	s.fresh(got, chat.PlacementReplayed, first.session)
	// Nor does what the session truly holds lead there any more.
	got = s.ask(whole(alice, user("hello"), assistant(first.text), user("next"), assistant(second.text), user("more")))
	s.fresh(got, chat.PlacementReplayed, first.session)
}

// A crash between the PUT and the question: the settings are not believed, and the
// session is not matched.
func TestCrashBetweenSettingsAndQuestion(t *testing.T) {
	s := fileSite(t)
	first := s.ask(whole(alice, user("hello")))
	next := func(c chat.Message) *chat.Request {
		return whole(alice, c, user("hello"), assistant(first.text), user("next"))
	}
	a := s.begin(next(system("be brief"))) // placed, set up, not asked
	if turn, _ := s.sim.Session(first.session); turn.Prompt != "be brief" || a.Session() != first.session {
		t.Fatalf("prompt %q, session %d", turn.Prompt, a.Session())
	}
	s.crash()
	got := s.ask(next(system("be long")))
	s.fresh(got, chat.PlacementForked, first.session)
	if turn := s.last(); turn.Prompt != "be long" {
		t.Errorf("prompt %q", turn.Prompt)
	}
	updates := s.sim.Calls(simulator.RouteUpdateSession)
	s.ask(byID(alice, first.session, user("more"))) // rebuilt: its last end was not seen
	if s.sim.Calls(simulator.RouteUpdateSession) == updates {
		t.Error("the settings were believed")
	}
}

// After the restore of an old backup a head may be of a session that has gone on.
func TestRestoreOfAnOldBackup(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("one")))
	s.sim.AppendRecord(first.session, "two", "of after the backup")
	s.unverify()
	got := s.ask(whole(alice, user("one"), assistant(first.text), user("other two")))
	s.fresh(got, chat.PlacementReplayed, first.session)
	// A session that has not continued elsewhere is continued, and compared only once.
	s.unverify()
	records := s.sim.Calls(simulator.RouteRecords)
	second := s.ask(whole(alice, user("one"), assistant(first.text), user("other two"), assistant(got.text), user("three")))
	s.continued(second, got.session, "three")
	third := s.ask(whole(alice, user("one"), assistant(first.text), user("other two"), assistant(got.text), user("three"), assistant(second.text), user("four")))
	s.continued(third, got.session, "four")
	if n := s.sim.Calls(simulator.RouteRecords) - records; n != 1 {
		t.Errorf("%d looks at records, want 1", n)
	}
}

// The owner types into the session on the platform's own site; ten idle minutes
// later it is compared.
func TestOwnerTypesElsewhere(t *testing.T) {
	s := plainSite(t)
	s.options.VerifyIdle = time.Nanosecond // idle at once
	s.restart()
	for _, tc := range []struct {
		name  string
		happy bool
		do    func(id int64)
	}{
		{"nothing happened", true, func(int64) {}},
		{"a question more", false, func(id int64) { s.sim.AppendRecord(id, "typed", "answered") }},
		{"forgotten", false, s.sim.Forget},
	} {
		t.Run(tc.name, func(t *testing.T) {
			hello := user("hello, " + tc.name)
			first := s.ask(whole(alice, hello))
			tc.do(first.session)
			got := s.ask(whole(alice, hello, assistant(first.text), user("next")))
			if (got.session == first.session) != tc.happy || (got.placement == chat.PlacementContinued) != tc.happy {
				t.Errorf("%s in %d, was in %d", got.placement, got.session, first.session)
			}
		})
	}
}

// What the platform stored is not what it streamed: the client has one text, the
// session another.
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
				t.Fatalf("%q, %v", first.text, err)
			}
			s.drain()
			got := s.ask(whole(alice, user("hello"), assistant(first.text), user("next")))
			if (got.session == first.session) != tc.match {
				t.Errorf("%s in %d, was in %d", got.placement, got.session, first.session)
			}
		})
	}
}

// What was refused before any work has changed nothing.
func TestRefusedQuestionsPutTheHeadBack(t *testing.T) {
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
			if _, err := s.try(t.Context(), next); err == nil {
				t.Fatal("not refused")
			}
			s.continued(s.ask(next), first.session, "next")
		})
	}
}

// A transcript that ends in an answer is replayed, and goes on from there.
func TestTranscriptThatEndsInAnAnswer(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	got := s.ask(whole(alice, user("hello"), assistant(first.text)))
	s.fresh(got, chat.PlacementReplayed, first.session)
	s.saw(" user]]\nhello\n", " assistant]]\n", " end]]")
}

// Of several sessions with the head, one set as asked comes first, then the latest.
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

// crash gives up the engine without ending its turns, as kill -9 does, and starts
// another on what the store's file holds.
func (s *site) crash() {
	s.t.Helper()
	s.stop()
	if err := s.keep.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.open()
	s.start()
}

func TestContextCount(t *testing.T) {
	for _, tc := range []struct {
		name string
		most int // exchanges that the platform adds, at most
	}{{"as asked", 65}, {"less than asked", 3}} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSite(t, simulator.Options{MaxContextCount: tc.most}, false)
			transcript := []chat.Message{user("q-0")}
			first := s.ask(whole(alice, transcript...))
			last := first
			for i := 1; i <= tc.most; i++ {
				transcript = append(transcript, assistant(last.text), user(fmt.Sprint("q-", i)))
				last = s.ask(whole(alice, transcript...))
				if last.session != first.session {
					t.Fatalf("question %d went to another session: %s", i, last.placement)
				}
			}
			if n := len(s.last().History); n != tc.most {
				t.Fatalf("the model saw %d exchanges, want %d", n, tc.most)
			}
			// One more, and the first would fall out.
			transcript = append(transcript, assistant(last.text), user("one more"))
			got := s.ask(whole(alice, transcript...))
			s.fresh(got, chat.PlacementReplayed, first.session)
			s.saw("q-0", first.text, fmt.Sprint("q-", tc.most), "one more")
			transcript = append(transcript, assistant(got.text), user("and on"))
			s.continued(s.ask(whole(alice, transcript...)), got.session, "and on")
		})
	}
}

// The same for a session by name, whose history only the platform has.
func TestContextCountByName(t *testing.T) {
	s := newSite(t, simulator.Options{MaxContextCount: 2}, false)
	first := s.ask(byName(alice, "n", user("q-0")))
	for i := 1; i <= 2; i++ {
		s.continued(s.ask(byName(alice, "n", user(fmt.Sprint("q-", i)))), first.session, fmt.Sprint("q-", i))
	}
	got := s.ask(byName(alice, "n", user("q-3")))
	s.fresh(got, chat.PlacementReplayed, first.session)
	s.saw("q-0", "q-1", "q-2", "q-3")
	s.continued(s.ask(byID(alice, first.session, user("by the old id"))), got.session, "by the old id")
}

// What an owner types elsewhere takes room too.
func TestContextCountAfterOthersTyped(t *testing.T) {
	for name, place := range map[string]func(first int64, m chat.Message) *chat.Request{
		"by name": func(_ int64, m chat.Message) *chat.Request { return byName(alice, "n", m) },
		"by id":   func(first int64, m chat.Message) *chat.Request { return byID(alice, first, m) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, simulator.Options{MaxContextCount: 3}, false)
			first := s.ask(byName(alice, "n", user("q-0")))
			s.continued(s.ask(place(first.session, user("q-1"))), first.session, "q-1")
			s.sim.AppendRecord(first.session, "typed-1", "a")
			s.sim.AppendRecord(first.session, "typed-2", "a")
			s.unverify()
			got := s.ask(place(first.session, user("q-2")))
			s.fresh(got, chat.PlacementReplayed, first.session)
			s.saw("q-0", "q-1", "typed-1", "typed-2", "q-2")
		})
	}
}

// Each choice is a session of its own, and each goes on by its own answer.
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
		t.Fatal("one session for two choices")
	}
	for i := range got {
		s.continued(s.ask(whole(alice, user("hello"), assistant(fmt.Sprint("choice ", i)), user("next"))), got[i].session, "next")
	}
}

// asksAgain is a shaper that has each answer repaired so many times.
type asksAgain struct{ times int }

func (a *asksAgain) Shape(ev chat.Event, pass func(chat.Event)) (string, error) {
	if ev.Kind == chat.EventDone && a.times > 0 {
		a.times--
		return "again, please", nil
	}
	if ev.Kind == chat.EventDone || a.times == 0 {
		pass(ev)
	}
	return "", nil
}

// Repairs are exchanges of the session, not of the transcript: the chat goes on in
// one session, and moves before the first exchange falls out.
func TestRepairsCount(t *testing.T) {
	s := newSite(t, simulator.Options{MaxContextCount: 5}, false)
	var transcript []chat.Message
	var sessions []int64
	for i := range 4 {
		transcript = append(transcript, user(fmt.Sprint("q-", i)))
		a, err := s.engine.Ask(t.Context(), conversation.Question{
			Request: whole(alice, transcript...), Repairs: 1, Shaper: &asksAgain{times: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := finish(a)
		if err != nil {
			t.Fatal(err)
		}
		transcript = append(transcript, assistant(got.text))
		sessions = append(sessions, got.session)
		if turn := s.last(); turn.Text != "again, please" || len(turn.History) == 0 {
			t.Fatalf("the last question was %q after %d exchanges", turn.Text, len(turn.History))
		}
	}
	// Exchanges before each question: 0, 2, 4 and, with a repair to come, one too many.
	if sessions[0] != sessions[1] || sessions[1] != sessions[2] || sessions[2] == sessions[3] {
		t.Errorf("sessions %v", sessions)
	}
}

// A replay that the platform finds too long is said so, never shortened.
func TestReplayThatDoesNotFit(t *testing.T) {
	s := newSite(t, simulator.Options{MaxText: 1000}, false)
	long := assistant(fmt.Sprintf("%01200d", 7))
	e := s.refused(whole(alice, user("hello"), long, user("next")), chat.CodeContextLengthExceeded)
	if e.Kind != chat.KindInvalid {
		t.Errorf("kind %d", e.Kind)
	}
	s.asked(0)
}
