package conversation_test

import (
	"net/http"
	"slices"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

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
				t.Fatalf("Ask(…) = %+v, want an error", got)
			}
			s.await(func() bool { return len(s.sim.Deleted()) == 1 && len(s.sim.Sessions()) == 0 })
		})
	}
}

// The session of a question that may have reached the model is kept, because it may have the answer. A session with
// content is kept when it refuses a question.
func TestRefusalKeepsUsedSessions(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("q-one")))
	s.sim.Script(simulator.Fail("套餐余量不足"), simulator.ProxyRefusal(502))
	s.askRefused(whole(alice, user("q-one"), assistant(first.text), user("q-two")), chat.CodeInsufficientQuota)
	s.askRefused(whole(alice, user("other")), chat.CodeBackendError)
	s.ask(whole(alice, user("q-one"), assistant(first.text), user("q-two"))) // gives the clean-up some time
	if deleted := s.sim.Deleted(); len(deleted) != 0 {
		t.Errorf("deleted sessions = %v, want none", deleted)
	}
}

// The first session of a name gets its next question.
func TestRefusedFirstQuestionOfAName(t *testing.T) {
	s := plainSite(t)
	s.sim.Script(simulator.Fail("套餐余量不足"))
	s.askRefused(byName(alice, "n", user("one")), chat.CodeInsufficientQuota)
	created := s.sim.Sessions()
	got := s.ask(byName(alice, "n", user("two")))
	if len(created) != 1 || got.session != created[0].ID {
		t.Errorf("session = %d, want the only one of %+v", got.session, created)
	}
}

// A session that replaces a lost one and whose first question is refused is deleted, too. Its id leads to the old
// one.
func TestRefusedReplacement(t *testing.T) {
	s := plainSite(t)
	old := s.ask(byID(alice, s.ask(whole(alice, user("q-one"))).session, user("q-two"))).session
	s.sim.Script(simulator.Lost(), simulator.Fail("套餐余量不足"))
	s.askRefused(byID(alice, old, user("q-three")), chat.CodeInsufficientQuota)
	s.await(func() bool { return len(s.sim.Deleted()) == 1 })
	if slices.Contains(s.sim.Deleted(), old) {
		t.Errorf("deleted sessions = %v, want only the replacement, not %d", s.sim.Deleted(), old)
	}
	s.checkAnswer(s.ask(byID(alice, old, user("q-four"))), old, chat.PlacementContinued, "q-four")
}

// The error page of a proxy does not say what the platform did. The session is released unverified: the next turn
// continues it only when the platform has the same records as before.
func TestProxyFailure(t *testing.T) {
	for _, tc := range []struct {
		name  string
		reply simulator.Reply
		want  chat.Placement
	}{
		{"the platform has answered", simulator.ProxyFailure(http.StatusBadGateway, "hidden"), chat.PlacementReplayed},
		{"the platform has answered, 503", simulator.ProxyFailure(http.StatusServiceUnavailable, "hidden"), chat.PlacementReplayed},
		{"the platform was not reached", simulator.ProxyRefusal(http.StatusBadGateway), chat.PlacementContinued},
		{"the platform may still answer", simulator.ProxyRefusal(http.StatusGatewayTimeout), chat.PlacementForked},
		{"the platform says so itself", simulator.Reply{Status: 500, ContentType: "application/json", Body: `{"code":1,"data":null,"msg":"busy"}`}, chat.PlacementContinued},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(whole(alice, user("q-one")))
			next := whole(alice, user("q-one"), assistant(first.text), user("q-two"))
			s.sim.Script(tc.reply)
			if got, err := s.try(t.Context(), next); err == nil {
				t.Fatalf("Ask(…) = %+v, want an error", got)
			}
			calls := s.sim.Calls(simulator.RouteRecords)
			got := s.ask(next)
			if got.placement != tc.want {
				t.Errorf("placement = %s, want %s", got.placement, tc.want)
			}
			if turn := s.last(); tc.want != chat.PlacementContinued && len(turn.History) > 0 {
				t.Errorf("history before the question = %v, want none", turn.History)
			}
			wantRead := tc.reply.ContentType == "text/html" && tc.reply.Status < 504
			if isRead := s.sim.Calls(simulator.RouteRecords) > calls; isRead != wantRead {
				t.Errorf("records are read = %t, want %t", isRead, wantRead)
			}
		})
	}
}

// By id the session is continued, and its exchanges are counted again.
func TestProxyFailureByID(t *testing.T) {
	s := plainSite(t)
	id := s.ask(byID(alice, s.ask(whole(alice, user("q-one"))).session, user("q-two"))).session
	s.sim.Script(simulator.ProxyFailure(http.StatusBadGateway, "hidden"))
	s.askRefused(byID(alice, id, user("q-three")), chat.CodeBackendError)
	calls := s.sim.Calls(simulator.RouteRecords)
	s.checkAnswer(s.ask(byID(alice, id, user("q-four"))), id, chat.PlacementContinued, "q-four")
	if n := s.sim.Calls(simulator.RouteRecords) - calls; n != 1 {
		t.Errorf("reads of records = %d, want 1", n)
	}
}
