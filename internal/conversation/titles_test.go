package conversation_test

import (
	"testing"

	"achuan/internal/simulator"
)

// A new session gets its title in the update that it needs anyway, and keeps the one that its owner gives it.
func TestSessionTitles(t *testing.T) {
	for name, want := range map[string]string{"on": "hello there", "prefix": "api: hello there", "off": "新对话"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, simulator.Options{}, false)
			s.options.NoTitles = name == "off"
			if name == "prefix" {
				s.options.TitlePrefix = "api: "
			}
			s.restart()
			got := s.ask(whole(alice, user("hello there")))
			titleOf := func() string {
				session, _ := s.sim.Session(got.session)
				return session.Name
			}
			if titleOf() != want {
				t.Errorf("title = %q, want %q", titleOf(), want)
			}
			for _, route := range []simulator.Route{
				simulator.RouteCreateSession, simulator.RouteUpdateSession, simulator.RouteCompletions,
			} {
				if n := s.sim.Calls(route); n != 1 {
					t.Errorf("%d calls of %s for a new session, want 1", n, route)
				}
			}
			s.sim.Edit(got.session, func(x *simulator.Settings) { x.Name = "my own" })
			hot := 0.7
			r := whole(alice, user("hello there"), assistant(got.text), user("next"))
			r.Temperature = &hot
			s.continued(s.ask(r), got.session, "next")
			if titleOf() != "my own" {
				t.Errorf("title after an update = %q, want that of the owner", titleOf())
			}
		})
	}
}
