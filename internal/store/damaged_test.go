package store

import (
	"context"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// A row that cannot be read is a session whose content is not known, and no error.
func TestDamagedRows(t *testing.T) {
	everywhere(t, func(t *testing.T, _ world, s *Store) {
		ctx := t.Context()
		for name, damage := range map[string]any{
			"preset": `{"Model":`, "settings": "x", "object": `{"id":1`, "head": []byte("short"), "last": make([]byte, 33),
		} {
			put(t, s, sample(1, "h"))
			check(t, s.write(ctx, func(ctx context.Context, c conn) error {
				_, err := c.exec(ctx, "UPDATE sessions SET "+name+" = $1 WHERE id = 1", damage)
				return err
			}))
			got := session(t, s, 1)
			if got.State != conversation.StateDirty || !got.EndUnknown || got.SettingsKnown || got.Object != nil || got.Head != (conversation.Hash{}) {
				t.Errorf("%s: Session(1) = %+v, want dirty, unseen and without content", name, got)
			}
			if _, _, err := s.Sessions(ctx, conversation.Everyone(), 0, 5); err != nil {
				t.Errorf("%s: Sessions: %v", name, err)
			}
			taken, err := s.Take(ctx, 1, taking(1), conversation.ByID)
			if err != nil || !taken.EndUnknown {
				t.Errorf("%s: Take = %+v, %v, want an unseen session", name, taken, err)
			}
			check(t, s.Release(ctx, token(1), 1, conversation.Hash{}))
			if found, _, err := s.Match(ctx, claim("h", 2)); err != nil || found != nil && found.Exchanges != conversation.Uncounted {
				t.Errorf("%s: Match = %+v, %v, want none or one without content", name, found, err)
			}
			check(t, s.Release(ctx, token(2), 0, conversation.Hash{}))
			same(t, len(must[[]conversation.Session](t)(s.TakeExpired(ctx, time.Now(), time.Time{}, token(3), 5))), 1)
			check(t, s.Delete(ctx, 1, token(3)))
		}
	})
}
