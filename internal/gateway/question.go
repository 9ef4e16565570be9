package gateway

import (
	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/emulate"
)

// newQuestion returns the question of one choice for the conversation engine.
func newQuestion(r *chat.Request, plan *emulate.Plan, choice int) conversation.Question {
	s := newShaper(r, plan)
	q := conversation.Question{
		Request: r, Choice: choice, Prompt: plan.Prompt, Preamble: plan.Preamble, Shaper: s,
		Render:    func(m chat.Message) string { return s.plan.MessageText(m) },
		NewShaper: func() conversation.Shaper { return newShaper(r, plan) },
	}
	if plan.NeedsShaper() {
		q.Repairs = emulate.MaxRepairs
	}
	return q
}
