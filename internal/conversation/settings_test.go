package conversation_test

import (
	"testing"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// The settings of a request hold only for it. The next request has the preset again.
func TestSettingsFollowTheRequest(t *testing.T) {
	s := plainSite(t)
	r := whole(alice, system("be brief"), user("hello"))
	r.Temperature = new(0.5)
	id := s.ask(r).session
	steps := []struct {
		name    string
		request *chat.Request
		prompt  string
		model   string
		updates int
	}{
		{"the same again", byID(alice, id, system("be brief"), user("2")), "be brief", model, 1},
		{"no system message any more", byID(alice, id, user("3")), simulator.DefaultPreset, model, 1},
		{"nothing changes", byID(alice, id, user("4")), simulator.DefaultPreset, model, 0},
		{"another model", byID(alice, id, user("5")), simulator.DefaultPreset, otherModel, 1},
	}
	steps[3].request.Model = otherModel
	for _, step := range steps {
		before := s.sim.Calls(simulator.RouteUpdateSession)
		s.ask(step.request)
		turn := s.last()
		if turn.SessionID != id || turn.Prompt != step.prompt || turn.Model != step.model ||
			turn.Temperature != 0 || turn.ContextCount != 65 {
			t.Errorf("%s: question in session %d with %+v, want session %d, prompt %q, model %s, temperature 0, context count 65",
				step.name, turn.SessionID, turn.Settings, id, step.prompt, step.model)
		}
		if n := s.sim.Calls(simulator.RouteUpdateSession) - before; n != step.updates {
			t.Errorf("%s: updates = %d, want %d", step.name, n, step.updates)
		}
	}
}

// When the platform reduces the context count, achuan does not try to raise it again.
func TestContextCountOfThePlatform(t *testing.T) {
	s := newSite(t, simulator.Options{MaxContextCount: 20}, false)
	id := s.ask(whole(alice, user("hello"))).session
	s.ask(byID(alice, id, user("next")))
	if n := s.sim.Calls(simulator.RouteUpdateSession); n != 1 || s.last().ContextCount != 20 {
		t.Errorf("updates = %d, context count = %d, want 1 and 20", n, s.last().ContextCount)
	}
}

// After an update whose outcome is not known, the next request updates the settings again.
func TestUpdateWithoutReply(t *testing.T) {
	s := plainSite(t)
	id := s.ask(whole(alice, user("hello"))).session
	restore := s.sim.Intercept(simulator.RouteUpdateSession, simulator.Unanswered())
	s.askRefused(byID(alice, id, system("lost?"), user("2")), chat.CodeBackendUnreachable)
	restore()
	if changed, _ := s.sim.Session(id); changed.Prompt != "lost?" {
		t.Fatalf("prompt on the platform = %q, want %q", changed.Prompt, "lost?")
	}
	s.ask(byID(alice, id, user("3")))
	if turn := s.last(); turn.SessionID != id || turn.Prompt != simulator.DefaultPreset {
		t.Errorf("question in session %d with the prompt %q, want %d with %q", turn.SessionID, turn.Prompt, id, simulator.DefaultPreset)
	}
}

func TestSettingsOfANewSession(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*chat.Request)
		want   func(*simulator.Settings)
	}{
		{"none", func(*chat.Request) {}, func(*simulator.Settings) {}},
		{"a prompt", func(r *chat.Request) {
			r.Messages = append([]chat.Message{system("be"), {Role: chat.RoleDeveloper, Text: "brief"}}, r.Messages...)
		}, func(o *simulator.Settings) { o.Prompt = "be\n\nbrief" }},
		{"temperature 0", func(r *chat.Request) { r.Temperature = new(0.0) }, func(o *simulator.Settings) { o.Temperature = 0.01 }},
		{"temperature", func(r *chat.Request) { r.Temperature = new(0.7) }, func(o *simulator.Settings) { o.Temperature = 0.7 }},
		{"the rest", func(r *chat.Request) {
			r.PresencePenalty, r.FrequencyPenalty, r.MaxTokens = new(0.5), new(-0.5), new(100)
		}, func(o *simulator.Settings) { o.PresencePenalty, o.FrequencyPenalty, o.MaxToken = 0.5, -0.5, 100 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			added, _ := s.sim.Session(s.sim.AddSession(model))
			want := added.Settings
			want.ContextCount, want.Name = 65, "hello"
			tc.want(&want)
			r := whole(alice, user("hello"))
			tc.change(r)
			s.ask(r)
			if got := s.last(); got.Settings != want || got.Text != "hello" {
				t.Errorf("question = %q with the settings\n%+v, want hello with\n%+v", got.Text, got.Settings, want)
			}
			if n := s.sim.Calls(simulator.RouteUpdateSession); n != 1 {
				t.Errorf("updates = %d, want 1", n)
			}
		})
	}
}
