package store

import (
	"context"
	"fmt"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

func TestMatchTakesByHead(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		ctx := t.Context()
		want := sampleSession(7, "h")
		putSession(t, s, want)
		for _, c := range []conversation.HeadQuery{newHeadQuery("other", 1), {Caller: "bob", Head: hashOf("h"), Taking: newTaking(1)}, {Caller: "alice", Taking: newTaking(1)}} {
			requireNoMatch(t, s, c, false)
		}
		found, once, err := s.Match(ctx, newHeadQuery("h", 1))
		requireNoError(t, err)
		requireEqual(t, *found, want)
		if !once {
			t.Error("Match(h) = once false, want true")
		}
		requireNoMatch(t, s, newHeadQuery("h", 2), true) // the session is taken
		want.Head = hashOf("i")
		requireNoError(t, s.Save(ctx, conversation.Commit{Token: tokenOf(1), Session: want}))
		requireNoMatch(t, s, newHeadQuery("h", 2), true) // the session has another head now
		found, _, err = s.Match(ctx, newHeadQuery("i", 2))
		if found == nil || err != nil {
			t.Fatalf("Match(i) = %v, %v, want the session", found, err)
		}
	})
}

// Match does not take a session that had other instructions and other tools: it belongs to
// another agent.
func TestMatchLeavesOtherAgentsSessions(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		none := conversation.Hash{}
		id := 0
		for _, tt := range []struct {
			hasInstructions, hasTools, instructions, tools conversation.Hash
			want                                           bool
		}{
			{hashOf("i"), hashOf("t"), hashOf("i"), hashOf("t"), true},
			{hashOf("i"), hashOf("t"), hashOf("j"), hashOf("t"), true},
			{hashOf("i"), hashOf("t"), hashOf("i"), hashOf("u"), true},
			{hashOf("i"), hashOf("t"), hashOf("i"), none, true},
			{hashOf("i"), none, hashOf("j"), none, true},
			{hashOf("i"), conversation.NoToolsNow, hashOf("j"), none, true},
			{none, none, hashOf("j"), hashOf("u"), true}, // of the first release: not known
			{hashOf("i"), hashOf("t"), hashOf("j"), hashOf("u"), false},
			{hashOf("i"), hashOf("t"), hashOf("j"), none, false},
			{hashOf("i"), none, hashOf("j"), hashOf("u"), false},
			{hashOf("i"), conversation.NoToolsNow, hashOf("j"), hashOf("u"), false},
		} {
			id++
			head := fmt.Sprint("head ", id)
			n := sampleSession(int64(id), head)
			n.Instructions, n.Tools, n.ToldPreamble = tt.hasInstructions, tt.hasTools, hashOf("told")
			putSession(t, s, n)
			c := newHeadQuery(head, id)
			c.Instructions, c.Tools = tt.instructions, tt.tools
			found, wasHead, err := s.Match(t.Context(), c)
			requireNoError(t, err)
			if (found != nil) != tt.want || !wasHead {
				t.Errorf("case %d: Match = %+v, once %t, want a session = %t and once true", id, found, wasHead, tt.want)
			}
			if found != nil {
				requireEqual(t, *found, n)
			} else if got := readSession(t, s, int64(id)); got.State != conversation.StateFree || got.Head != n.Head {
				t.Errorf("case %d: session = %s with the head %x, want free with its head", id, got.State, got.Head)
			}
		}
	})
}

func TestMatchTakesOnlyWhatLineageLeadsTo(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		id := int64(0)
		for _, state := range []conversation.State{
			conversation.StateDirty, conversation.StateLost, conversation.StateRetired,
		} {
			id++
			n := sampleSession(id, "h")
			n.State = state
			putSession(t, s, n)
		}
		for _, reach := range []conversation.Addressing{conversation.ByID, conversation.Throwaway} {
			id++
			n := sampleSession(id, "h")
			n.Addressing = reach
			putSession(t, s, n)
		}
		requireNoMatch(t, s, newHeadQuery("h", 1), true)
	})
}

func TestMatchPrefersEqualSettingsThenTheLatest(t *testing.T) {
	eachStore(t, func(t *testing.T, _ testDatabase, s *Store) {
		for id := int64(1); id <= 5; id++ {
			n := sampleSession(id, "h")
			n.LastUsed = sampleTime.Add(seconds(5, 2, 3, 9, 8)[id-1])
			if id == 4 {
				n.Settings = chat.Settings{Model: "other"}
			}
			n.SettingsKnown = id != 5
			putSession(t, s, n)
		}
		var order []int64
		for i := range 5 {
			found, _, err := s.Match(t.Context(), newHeadQuery("h", i))
			requireNoError(t, err)
			order = append(order, found.ID)
		}
		requireEqual(t, order, []int64{1, 3, 2, 4, 5})
	})
}

func TestConcurrentMatchesTakeASessionOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		putSession(t, s, sampleSession(7, "h"))
		w.requireOnce(t, s, 100, "Match", func(ctx context.Context, s *Store, i int) (bool, error) {
			found, once, err := s.Match(ctx, newHeadQuery("h", i))
			if !once {
				t.Error("Match(h) = once false, want true")
			}
			return found != nil, err
		})
	})
}

func TestConcurrentMatchesTakeEachSessionOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		for id := range int64(20) {
			putSession(t, s, sampleSession(id+1, "h"))
		}
		counts := w.countConcurrent(t, s, 60, func(ctx context.Context, s *Store, i int) ([]int64, error) {
			found, _, err := s.Match(ctx, newHeadQuery("h", i))
			if found == nil {
				return nil, err
			}
			return []int64{found.ID}, err
		})
		for id := int64(1); id <= 20; id++ {
			if counts[id] != 1 {
				t.Errorf("Match takes session %d %d times, want 1", id, counts[id])
			}
		}
	})
}

// requireNoMatch fails the test if Match takes a session, or if once is not as wanted.
func requireNoMatch(t testing.TB, s *Store, q conversation.HeadQuery, wantOnce bool) {
	t.Helper()
	found, once, err := s.Match(t.Context(), q)
	if found != nil || once != wantOnce || err != nil {
		t.Fatalf("Match = %+v, %t, %v, want none, %t, nil", found, once, err, wantOnce)
	}
}
