package store

import (
	"testing"
	"time"

	"achuan/internal/chat"
)

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
