package gateway

import (
	"context"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

// Owner says whose sessions a call may see. The zero value sees none.
type Owner = conversation.Owner

// OwnerOf returns the owner that sees the sessions of one caller.
func OwnerOf(caller string) Owner { return conversation.OwnerOf(caller) }

// Everyone returns the owner that sees the sessions of all callers: the administrator.
func Everyone() Owner { return conversation.Everyone() }

// ListSessions lists the sessions that the owner sees, latest used first, and returns how many
// there are.
func (g *Gateway) ListSessions(ctx context.Context, owner Owner, offset, limit int) ([]chat.SessionInfo, int, error) {
	return g.conversations.ListSessions(ctx, owner, offset, limit)
}

// GetSession returns one session that the owner sees.
func (g *Gateway) GetSession(ctx context.Context, owner Owner, id int64) (chat.SessionInfo, error) {
	return g.conversations.GetSession(ctx, owner, id)
}

// ListMessages returns a page of a session's records, oldest first. Pages count from 1.
func (g *Gateway) ListMessages(ctx context.Context, owner Owner, id int64, page int) (chat.RecordPage, error) {
	return g.conversations.ListMessages(ctx, owner, id, page)
}

// CreateSession creates a session before there is a question for it.
func (g *Gateway) CreateSession(ctx context.Context, caller chat.Caller, model string) (chat.SessionInfo, error) {
	m, ok := g.catalogue.find(ctx, model)
	if !ok {
		return chat.SessionInfo{}, g.catalogue.unknownModelError(model)
	}
	return g.conversations.CreateSession(ctx, caller, m.ID)
}

// DeleteSession deletes a session that the owner sees, on the platform too if achuan
// created it.
func (g *Gateway) DeleteSession(ctx context.Context, owner Owner, id int64) error {
	return g.conversations.DeleteSession(ctx, owner, id)
}
