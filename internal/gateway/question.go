package gateway

import (
	"context"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/emulate"
)

// newQuestion returns the question of one choice for the conversation engine.
func (g *Gateway) newQuestion(
	ctx context.Context, r *chat.Request, plan *emulate.Plan, m model, choice int,
) conversation.Question {
	newShaper := func() *shaper {
		s := newShaper(r, plan)
		if m.Draws {
			output := g.pictures
			if r.Draws {
				output = PictureOutput{Keep: output.Keep}
			}
			s.pictures = output.filter(r.PictureBase)
		}
		return s
	}
	s := newShaper()
	q := conversation.Question{
		Request: r, Choice: choice, Prompt: plan.Prompt, Preamble: plan.Preamble, Shaper: s,
		Renderer:  planRenderer{s},
		NewShaper: func() conversation.Shaper { return newShaper() },
		MaxFiles:  m.MaxFiles, Draws: m.Draws,
		TextFiles:   func() (int64, bool) { return g.catalogue.textFiles(ctx, r.Model) },
		CountTokens: func() int { return countRequest(r) },
	}
	if plan.NeedsShaper() {
		q.Repairs = emulate.MaxRepairs
	}
	return q
}

// planRenderer writes messages for the model of a request. The shaper may replace its plan when the
// session had tools.
type planRenderer struct{ shaper *shaper }

func (r planRenderer) Render(m chat.Message) chat.Content {
	return chat.Content{Text: r.shaper.plan.MessageText(m), Files: m.Files}
}
