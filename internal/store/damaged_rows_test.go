package store

import (
	"context"
	"testing"
	"time"

	"achuan/internal/conversation"
)

// A damaged row is a session with unknown content, not an error.
func TestDamagedRows(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		for name, damage := range map[string]any{
			"preset": `{"Model":`, "settings": "x", "object": `{"id":1`, "head": []byte("short"), "last": make([]byte, 33),
		} {
			putSession(t, s, sampleSession(1, "h"))
			requireNoError(t, s.transact(ctx, func(ctx context.Context, c conn) error {
				_, err := c.exec(ctx, "UPDATE sessions SET "+name+" = $1 WHERE id = 1", damage)
				return err
			}))
			got := readSession(t, s, 1)
			if got.State != conversation.StateDirty || !got.EndUnknown || got.SettingsKnown || got.Object != nil ||
				got.Head != (conversation.Hash{}) {
				t.Errorf("%s: Session(1) = %+v, want dirty, unseen and without content", name, got)
			}
			if _, _, err := s.Sessions(ctx, conversation.Everyone(), 0, 5); err != nil {
				t.Errorf("%s: Sessions = %v, want nil", name, err)
			}
			taken, err := s.Take(ctx, 1, newTaking(1), conversation.ByID)
			if err != nil || !taken.EndUnknown {
				t.Errorf("%s: Take = %+v, %v, want an unseen session", name, taken, err)
			}
			requireNoError(t, s.Release(ctx, tokenOf(1), 1, conversation.Hash{}))
			if found, _, err := s.Match(ctx, newHeadQuery("h", 2)); err != nil || found != nil && found.Exchanges != conversation.Uncounted {
				t.Errorf("%s: Match = %+v, %v, want none or one without content", name, found, err)
			}
			requireNoError(t, s.Release(ctx, tokenOf(2), 0, conversation.Hash{}))
			expired := must[[]conversation.Session](t)(s.TakeExpired(ctx, time.Now(), time.Time{}, tokenOf(3), 5))
			requireEqual(t, len(expired), 1)
			requireNoError(t, s.Delete(ctx, 1, tokenOf(3)))
		}
	})
}
