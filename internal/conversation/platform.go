package conversation

import (
	"context"

	"achuan/internal/chat"
)

// Platform is what the engine needs of the chat platform, for one account. The Client of package
// platform implements it. Errors are *chat.Error; SessionLost is set when the platform does not
// know the session.
type Platform interface {
	// CreateSession creates a session. The reply holds the platform's own preset.
	CreateSession(ctx context.Context, model string) (chat.Session, error)
	// UpdateSession sets the session to s.Settings and returns what is in force. It keeps what
	// the session's owner has set elsewhere, such as the title.
	UpdateSession(ctx context.Context, s chat.Session) (chat.Session, error)
	// FindSession finds a session in the account's list. SessionLost says that the list certainly
	// does not show it, which does not prove that the session is lost.
	FindSession(ctx context.Context, id int64) (chat.Session, error)
	// Records returns a page of a session's records, newest first, from page 1.
	Records(ctx context.Context, id int64, page int) (chat.RecordPage, error)
	// DeleteSession deletes a session.
	DeleteSession(ctx context.Context, id int64) error
	// Ask sends a question. The stream ends when ctx ends.
	Ask(ctx context.Context, q chat.Question) (chat.Stream, error)
}
