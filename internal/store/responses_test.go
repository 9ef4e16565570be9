package store

import (
	"testing"
	"time"

	"achuan/internal/chat"
)

// A conversation is an entry whose Previous moves to its last response, and only from the one that was last. What is
// renewed is kept with all that it continues.
func TestConversations(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		old := time.Now().Add(-48 * time.Hour)
		requireNoError(t, s.SaveResponse(t.Context(), "anna", chat.StoredResponse{ID: "conv_1", Created: old, Body: []byte("{}")}))
		add := func(id, previous string) error {
			r := responseOf(id, previous, id, old)
			r.Conversation = "conv_1"
			return s.SaveResponse(t.Context(), "anna", r)
		}
		requireNoError(t, add("resp_1", ""))
		requireNoError(t, add("resp_2", "resp_1"))
		requireError(t, add("resp_3", "resp_1"), chat.ErrConversationMoved)
		_, err := s.Responses(t.Context(), "anna", "resp_3", 1)
		requireError(t, err, chat.ErrNoResponse)
		requireNoError(t, s.RenewResponses(t.Context(), "anna", "conv_1"))
		requireNoError(t, s.DeleteResponsesBefore(t.Context(), old.Add(time.Hour)))
		var ids []string
		for _, r := range must[[]chat.StoredResponse](t)(s.Responses(t.Context(), "anna", "conv_1", 0)) {
			ids = append(ids, r.ID)
		}
		requireEqual(t, ids, []string{"resp_1", "resp_2", "conv_1"})
	})
}

func responseOf(id, previous, text string, created time.Time) chat.StoredResponse {
	return chat.StoredResponse{
		ID: id, Previous: previous, Created: created, Body: []byte(`{"id":"` + id + `"}`),
		Messages: []chat.Message{
			{Role: chat.RoleUser, Text: text, Files: []chat.File{{Digest: chat.Digest{1}, Type: "image/png", Name: "a.png", Size: 5}}},
			{Role: chat.RoleAssistant, Text: "ok", ToolCalls: []chat.ToolCall{{ID: "c", Name: "f", Arguments: `{"a": 1.50}`}}},
		},
	}
}

// A response is found with those that it continues, for its caller only, until one of them is deleted.
func TestResponses(t *testing.T) {
	eachStore(t, func(t *testing.T, w testDatabase, s *Store) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		want := []chat.StoredResponse{
			responseOf("resp_1", "", "one", now.Add(-time.Hour)), responseOf("resp_2", "resp_1", "two", now), responseOf("resp_3", "resp_2", "three", now),
		}
		for _, r := range want {
			requireNoError(t, s.SaveResponse(t.Context(), "anna", r))
		}
		got := must[[]chat.StoredResponse](t)(s.Responses(t.Context(), "anna", "resp_3", 0))
		for i := range got {
			got[i].Created = got[i].Created.UTC()
		}
		requireEqual(t, got, want)
		requireEqual(t, len(must[[]chat.StoredResponse](t)(s.Responses(t.Context(), "anna", "resp_3", 1))), 1)
		_, err := s.Responses(t.Context(), "ben", "resp_3", 0)
		requireError(t, err, chat.ErrNoResponse)
		requireError(t, s.DeleteResponse(t.Context(), "ben", "resp_1"), chat.ErrNoResponse)
		requireNoError(t, s.DeleteResponsesBefore(t.Context(), now.Add(-time.Minute)))
		_, err = s.Responses(t.Context(), "anna", "resp_3", 0)
		requireError(t, err, chat.ErrNoResponse)
		requireNoError(t, s.DeleteResponse(t.Context(), "anna", "resp_3"))
		_, err = s.Responses(t.Context(), "anna", "resp_3", 1)
		requireError(t, err, chat.ErrNoResponse)
	})
}
