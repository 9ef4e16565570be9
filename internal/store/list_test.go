package store

import (
	"testing"
	"time"

	"achuan/internal/conversation"
)

func TestSessionsArePagedLatestFirst(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		for id := int64(1); id <= 6; id++ {
			n := sampleSession(id, "h")
			n.LastUsed = sampleTime.Add(seconds(4, 6, 5, 1, 2, 3)[id-1])
			switch id {
			case 4:
				n.State = conversation.StateLost
			case 5:
				n.State = conversation.StateRetired
			case 6:
				n.Caller = "bob"
			}
			putSession(t, s, n)
		}
		page := func(owner conversation.Owner, offset, limit int) []int64 {
			list, total, err := s.Sessions(t.Context(), owner, offset, limit)
			requireNoError(t, err)
			ids := []int64{int64(total)}
			for _, n := range list {
				ids = append(ids, n.ID)
			}
			return ids
		}
		requireEqual(t, page(conversation.OwnerOf("alice"), 0, 10), []int64{3, 2, 3, 1})
		requireEqual(t, page(conversation.OwnerOf("alice"), 1, 1), []int64{3, 3})
		requireEqual(t, page(conversation.OwnerOf("alice"), 3, 1), []int64{3})
		requireEqual(t, page(conversation.Everyone(), 0, 10), []int64{4, 2, 3, 1, 6})
		requireEqual(t, page(conversation.Everyone(), 2, 2), []int64{4, 1, 6})
		requireEqual(t, page(conversation.OwnerOf("carol"), 0, 10), []int64{0})
	})
}

func TestCounts(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		states := []conversation.State{
			conversation.StateFree, conversation.StateFree, conversation.StateFree, conversation.StateFree,
			conversation.StateDirty, conversation.StateDirty, conversation.StateLost, conversation.StateRetired,
		}
		for i, state := range states {
			n := sampleSession(int64(i+1), "h")
			n.State = state
			putSession(t, s, n)
		}
		must[*conversation.Session](t)(s.Take(t.Context(), 1, newTaking(1), conversation.ByName))
		must[*conversation.Session](t)(s.Take(t.Context(), 2, newTaking(2), conversation.ByName))
		must[*conversation.Session](t)(s.Take(t.Context(), 5, newTaking(5), conversation.ByName))
		requireEqual(t, must[map[conversation.State]int](t)(s.Counts(t.Context())), map[conversation.State]int{
			conversation.StateFree: 2, conversation.StateTaken: 3, conversation.StateDirty: 1,
			conversation.StateLost: 1, conversation.StateRetired: 1,
		})
	})
}

// seconds returns durations.
func seconds(counts ...int) []time.Duration {
	list := make([]time.Duration, len(counts))
	for i, n := range counts {
		list[i] = time.Duration(n) * time.Second
	}
	return list
}
