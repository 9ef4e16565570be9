package conversation_test

import (
	"net/http"
	"slices"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// A proxy's error page tells nothing of what the platform did. The session goes back
// unverified: the next turn continues it only when the platform's records are those
// that it had before.
func TestProxyFailure(t *testing.T) {
	for _, tc := range []struct {
		name  string
		reply simulator.Reply
		want  chat.Placement
	}{
		{"the platform has answered", simulator.ProxyFailure(http.StatusBadGateway, "hidden"), chat.PlacementReplayed},
		{"the platform has answered, 503", simulator.ProxyFailure(http.StatusServiceUnavailable, "hidden"), chat.PlacementReplayed},
		{"the platform was not reached", simulator.ProxyRefusal(http.StatusBadGateway), chat.PlacementContinued},
		{"the platform may be at work", simulator.ProxyRefusal(http.StatusGatewayTimeout), chat.PlacementForked},
		{"the platform says so itself", simulator.Reply{Status: 500, ContentType: "application/json", Body: `{"code":1,"data":null,"msg":"busy"}`}, chat.PlacementContinued},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(whole(alice, user("q-one")))
			next := whole(alice, user("q-one"), assistant(first.text), user("q-two"))
			s.sim.Script(tc.reply)
			if got, err := s.try(t.Context(), next); err == nil {
				t.Fatalf("got %+v, want an error", got)
			}
			calls := s.sim.Calls(simulator.RouteRecords)
			got := s.ask(next)
			if got.placement != tc.want {
				t.Errorf("placement = %s, want %s", got.placement, tc.want)
			}
			if turn := s.last(); tc.want != chat.PlacementContinued && len(turn.History) > 0 {
				t.Errorf("the model saw %v before the question, want nothing", turn.History)
			}
			if unsure := tc.reply.ContentType == "text/html" && tc.reply.Status < 504; unsure != (s.sim.Calls(simulator.RouteRecords) > calls) {
				t.Errorf("compared with the records: %v, want %v", !unsure, unsure)
			}
		})
	}
}

// By id the session goes on, with the exchanges counted anew.
func TestProxyFailureByID(t *testing.T) {
	s := plainSite(t)
	id := s.ask(byID(alice, s.ask(whole(alice, user("q-one"))).session, user("q-two"))).session
	s.sim.Script(simulator.ProxyFailure(http.StatusBadGateway, "hidden"))
	s.refused(byID(alice, id, user("q-three")), chat.CodeBackendError)
	calls := s.sim.Calls(simulator.RouteRecords)
	s.expect(s.ask(byID(alice, id, user("q-four"))), id, chat.PlacementContinued, "q-four")
	if n := s.sim.Calls(simulator.RouteRecords) - calls; n != 1 {
		t.Errorf("%d calls for records, want 1", n)
	}
}

// A question that the platform refuses leaves no empty session on the account.
func TestRefusedFirstQuestion(t *testing.T) {
	failPut := func(s *site) {
		s.sim.Intercept(simulator.RouteUpdateSession, simulator.Refuse(1, "no"))
	}
	answers := func(r ...simulator.Reply) func(*site) { return func(s *site) { s.sim.Script(r...) } }
	filter := simulator.Fail("您的提交内容包含不允许的文本")
	for _, tc := range []struct {
		name    string
		prepare func(*site)
		request *chat.Request
	}{
		{"filter", answers(filter), whole(alice, user("q"))},
		{"rate", answers(simulator.HTTPStatus(429, "text/html", "<html>")), whole(alice, user("q"))},
		{"points, as text", answers(simulator.PlainText("套餐余量不足")), whole(alice, user("q"))},
		{"login", answers(simulator.LoginExpired(simulator.LoginCode2)), whole(alice, user("q"))},
		{"settings refused", failPut, whole(alice, user("q"))},
		{"replay", answers(filter), whole(alice, user("p"), assistant("a"), user("q"))},
		{"invented id", answers(filter), byID(chat.Anonymous, foreignID, user("q"))},
		{"in the scope of a name", answers(filter), byName(alice, "n", user("p"), assistant("a"), user("q"))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			tc.prepare(s)
			if got, err := s.try(t.Context(), tc.request); err == nil {
				t.Fatalf("got %+v, want an error", got)
			}
			s.await(func() bool { return len(s.sim.Deleted()) == 1 && len(s.sim.Sessions()) == 0 })
		})
	}
}

// A question that may have been asked leaves its session: it may hold the answer.
// So does a refusal in a session that holds something.
func TestRefusalKeepsWhatIsUsed(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("q-one")))
	s.sim.Script(simulator.Fail("套餐余量不足"), simulator.ProxyRefusal(502))
	s.refused(whole(alice, user("q-one"), assistant(first.text), user("q-two")), chat.CodeInsufficientQuota)
	s.refused(whole(alice, user("other")), chat.CodeBackendError)
	s.ask(whole(alice, user("q-one"), assistant(first.text), user("q-two"))) // and the clean-up had its time
	if deleted := s.sim.Deleted(); len(deleted) != 0 {
		t.Errorf("deleted %v, want none", deleted)
	}
}

// The first session of a name serves its next question.
func TestRefusedFirstQuestionOfAName(t *testing.T) {
	s := plainSite(t)
	s.sim.Script(simulator.Fail("套餐余量不足"))
	s.refused(byName(alice, "n", user("one")), chat.CodeInsufficientQuota)
	made := s.sim.Sessions()
	got := s.ask(byName(alice, "n", user("two")))
	if len(made) != 1 || got.session != made[0].ID {
		t.Errorf("answered in session %d, want that of %+v", got.session, made)
	}
}

// A session that was to replace a lost one and was refused does not stay either, and
// its id leads to the old one.
func TestRefusedReplacement(t *testing.T) {
	s := plainSite(t)
	old := s.ask(byID(alice, s.ask(whole(alice, user("q-one"))).session, user("q-two"))).session
	s.sim.Script(simulator.Lost(), simulator.Fail("套餐余量不足"))
	s.refused(byID(alice, old, user("q-three")), chat.CodeInsufficientQuota)
	s.await(func() bool { return len(s.sim.Deleted()) == 1 })
	if slices.Contains(s.sim.Deleted(), old) {
		t.Errorf("deleted %v, want the replacement only", s.sim.Deleted())
	}
	s.expect(s.ask(byID(alice, old, user("q-four"))), old, chat.PlacementContinued, "q-four")
}
