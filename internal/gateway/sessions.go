package gateway

import (
	"context"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// Everyone as the owner of sessions means all callers: what an admin sees.
const Everyone = conversation.Everyone

// Sessions lists a caller's sessions, latest used first, and tells how many there
// are.
func (g *Gateway) Sessions(ctx context.Context, caller string, offset, limit int) ([]chat.SessionInfo, int, error) {
	return g.conversations.List(ctx, caller, offset, limit)
}

// Session looks up one session of a caller.
func (g *Gateway) Session(ctx context.Context, caller string, id int64) (chat.SessionInfo, error) {
	return g.conversations.Show(ctx, caller, id)
}

// SessionMessages returns a page of a session's records, oldest first.
func (g *Gateway) SessionMessages(ctx context.Context, caller string, id int64, page int) (chat.RecordPage, error) {
	return g.conversations.Messages(ctx, caller, id, page)
}

// CreateSession makes a session before there is a question for it.
func (g *Gateway) CreateSession(ctx context.Context, caller chat.Caller, model string) (chat.SessionInfo, error) {
	if _, ok := g.catalogue.find(ctx, model); !ok {
		return chat.SessionInfo{}, g.catalogue.unknown(model)
	}
	return g.conversations.Make(ctx, caller, model)
}

// DeleteSession deletes a session of a caller, on the platform too if achuan made it.
func (g *Gateway) DeleteSession(ctx context.Context, caller string, id int64) error {
	return g.conversations.Remove(ctx, caller, id)
}
