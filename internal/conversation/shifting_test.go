package conversation_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// addSessions adds sessions to the account, so that its list has several pages.
func (s *site) addSessions(n int) {
	for range n {
		s.sim.AddSession(model)
	}
}

// A session that achuan did not create is continued, even if the list shifts while it is read, so that no page
// shows the session.
func TestForeignSessionInAListThatShifts(t *testing.T) {
	for _, tc := range []struct {
		name  string
		shift func(s *site, id int64)
	}{
		{"one before it is deleted", func(s *site, _ int64) {
			all := s.sim.Sessions()
			s.sim.Forget(all[len(all)-1].ID)
		}},
		{"it is used elsewhere", func(s *site, id int64) { s.sim.AppendRecord(id, "typed", "elsewhere") }},
	} {
		for _, known := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, known %t", tc.name, known), func(t *testing.T) {
				s := newSite(t, simulator.Options{ListByUse: true}, false)
				id := s.sim.AddSession(model)
				if known {
					s.ask(byID(chat.Anonymous, id, user("first")))
				}
				s.addSessions(30) // so that it is the first on the second page
				shift := simulator.Afterwards(func(*http.Request) { tc.shift(s, id) })
				s.sim.InterceptOnce(simulator.RouteListSessions, shift)
				got := s.ask(byID(chat.Anonymous, id, user("next")))
				s.checkAnswer(got, id, chat.PlacementContinued, "next")
			})
		}
	}
}

// A session that the list does not show is lost only when the platform says so.
func TestForeignSessionThatIsNotListed(t *testing.T) {
	s := plainSite(t)
	id := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, id, user("first")))
	hide := s.sim.Intercept(simulator.RouteListSessions, simulator.Respond(200, "application/json",
		`{"code":0,"data":{"page":1,"size":30,"total":0,"pages":0,"records":[]},"msg":""}`))
	s.checkAnswer(s.ask(byID(chat.Anonymous, id, user("next"))), id, chat.PlacementContinued, "next")
	hide()
	s.sim.Forget(id)
	s.fresh(s.ask(byID(chat.Anonymous, id, user("again"))), chat.PlacementNew, id)
}

// When records are added while a session is rebuilt, each record is replayed exactly once.
func TestRebuildWhileRecordsChange(t *testing.T) {
	s := plainSite(t)
	id := s.ask(byID(alice, s.ask(whole(alice, user("q"))).session, user("q"))).session
	for i := range 24 {
		s.sim.AppendRecord(id, fmt.Sprintf("«%d»", i), "a")
	}
	s.sim.Script(simulator.CutShort("half"))
	s.askRefused(byID(alice, id, user("«24»")), chat.CodeBackendTruncated)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	s.sim.InterceptOnce(simulator.RouteRecords, simulator.Afterwards(func(*http.Request) { s.sim.AppendRecord(id, "«25»", "a") }))
	s.fresh(s.ask(byID(alice, id, user("«26»"))), chat.PlacementReplayed, id)
	for i := range 27 {
		if n := strings.Count(s.last().Text, fmt.Sprintf("«%d»", i)); n != 1 {
			t.Errorf("question %d is replayed %d times, want 1", i, n)
		}
	}
}

// When the records change all the time, the request fails. The conversation is not replayed in part.
func TestRebuildWhileRecordsAlwaysChange(t *testing.T) {
	s := plainSite(t)
	id := s.ask(byID(alice, s.ask(whole(alice, user("q"))).session, user("q"))).session
	for range 12 {
		s.sim.AppendRecord(id, "q", "a")
	}
	s.sim.Script(simulator.CutShort("half"))
	s.askRefused(byID(alice, id, user("q")), chat.CodeBackendTruncated)
	s.await(func() bool { return s.sim.InFlight() == 0 })
	turns := len(s.sim.Turns())
	stop := s.sim.Intercept(simulator.RouteRecords, simulator.Afterwards(func(*http.Request) { s.sim.AppendRecord(id, "q", "a") }))
	s.askRefused(byID(alice, id, user("next")), chat.CodeBackendUnavailable)
	if n := len(s.sim.Turns()); n != turns {
		t.Errorf("new questions = %d, want 0", n-turns)
	}
	stop()
	s.fresh(s.ask(byID(alice, id, user("next"))), chat.PlacementReplayed, id)
}

// An update of settings keeps what the owner has set on the platform's own site.
func TestUpdateKeepsTitleAndPin(t *testing.T) {
	s := plainSite(t)
	id := s.ask(whole(alice, user("hello"))).session
	s.sim.Edit(id, func(o *simulator.Settings) { o.Name, o.TopSort = "my title", 1 })
	lists := s.sim.Calls(simulator.RouteListSessions)
	s.ask(byID(alice, id, system("be brief"), user("next")))
	got, _ := s.sim.Session(id)
	if got.Name != "my title" || got.TopSort != 1 || got.Prompt != "be brief" {
		t.Errorf("settings = %+v, want the owner's title and pin, and the new prompt", got.Settings)
	}
	if n := s.sim.Calls(simulator.RouteListSessions) - lists; n != 1 {
		t.Errorf("listings = %d, want 1", n)
	}
	// The settings do not change, so the list is not read.
	s.ask(byID(alice, id, system("be brief"), user("more")))
	if n := s.sim.Calls(simulator.RouteListSessions) - lists; n != 1 {
		t.Errorf("listings = %d, want 1", n)
	}
}
