package conversation

import (
	"context"

	"achuan/internal/chat"
)

// Platform is what the engine needs of the chat platform, for one account. The
// platform package's Client is the real one. Errors are *chat.Error; a session
// that the platform does not know is one with SessionLost set.
type Platform interface {
	// CreateSession makes a session; the reply holds the platform's own preset.
	CreateSession(ctx context.Context, model string) (chat.Session, error)
	// UpdateSession sets the session to s.Settings and returns what is in force. What
	// its owner has set elsewhere, such as its title, stays.
	UpdateSession(ctx context.Context, s chat.Session) (chat.Session, error)
	// FindSession looks a session up in the account's list. SessionLost says that the
	// list surely does not show it, which does not prove that the session is lost.
	FindSession(ctx context.Context, id int64) (chat.Session, error)
	// Records returns a page of a session's records, newest first, from page 1.
	Records(ctx context.Context, id int64, page int) (chat.RecordPage, error)
	// DeleteSession deletes a session.
	DeleteSession(ctx context.Context, id int64) error
	// Ask sends a question. The stream lives as long as ctx.
	Ask(ctx context.Context, q chat.Question) (chat.Stream, error)
}
