package conversation_test

import (
	"testing"

	"achuan/internal/chat"
)

// Requests for titles and similar side tasks are asked in throwaway sessions, whatever id or name they have.
func TestSideTasks(t *testing.T) {
	openWebUI := user("### Task:\nGenerate a title.\n### Chat History:\n<chat_history>\nUSER: hello\n</chat_history>")
	for _, tc := range []struct {
		name       string
		messages   []chat.Message
		isSideTask bool
	}{
		{"Open WebUI", []chat.Message{openWebUI}, true},
		{"opencode", []chat.Message{system("You are a title generator. You output ONLY a thread title. Nothing else."), user("Generate a title:"), user("hello")}, true},
		{"NextChat", []chat.Message{user("hello"), assistant("hi"), user("使用四到五个字直接返回这句话的简要主题，不要解释")}, true},
		{"a user who asks for a title", []chat.Message{user("Generate a title for my talk")}, false},
		{"a user who quotes Open WebUI", []chat.Message{user("What does `### Task:` mean?")}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(byName(alice, "n", user("hello")))
			got := s.ask(byName(alice, "n", tc.messages...))
			if isElsewhere := got.session != first.session; isElsewhere != tc.isSideTask && len(tc.messages) == 1 {
				t.Errorf("session = %d, want another than %d = %t", got.session, first.session, tc.isSideTask)
			}
			if tc.isSideTask {
				s.await(func() bool { return len(s.sim.Deleted()) == 1 })
				s.continued(s.ask(byName(alice, "n", user("more"))), first.session, "more")
				if h := s.last().History; len(h) != 1 {
					t.Errorf("history of the chat = %v, want its one exchange", h)
				}
			}
		})
	}
	t.Run("switched off", func(t *testing.T) {
		s := plainSite(t)
		s.options.KeepSideTasks = true
		s.restart()
		first := s.ask(byName(alice, "n", user("hello")))
		s.continued(s.ask(byName(alice, "n", openWebUI)), first.session, openWebUI.Text)
	})
}
