package conversation

import (
	"slices"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// rebuild moves a conversation whose last turn was not seen to its end into a new
// session: what the platform has of the old one is read and replayed there, with
// what is new after it. The old id becomes an alias of the new one.
func (t *turn) rebuild(old *session, rest []chat.Message) error {
	transcript, err := t.readBack(old.id)
	if lost(err) {
		transcript, err = nil, nil
	}
	if err != nil {
		return err
	}
	if transcript == nil {
		err = t.placeWhole()
	} else {
		var preset *chat.Settings
		if !old.made {
			preset = &old.platform.Settings // its owner's, not the platform's
		}
		err = t.placeNew(chat.PlacementReplayed, wholeText(append(transcript, rest...), t.engine.Render), preset)
	}
	if err != nil {
		return err
	}
	t.engine.known.replace(old, t.session, true)
	t.log.InfoContext(t.life, "session rebuilt from its records",
		telemetry.KeyReplaced, old.id, telemetry.KeySession, t.session.id, telemetry.KeyCount, len(transcript))
	return nil
}

// readBack returns the messages that the platform holds of a session.
func (t *turn) readBack(id int64) ([]chat.Message, error) {
	var records []chat.Record
	for page := 1; ; page++ {
		p, err := t.engine.Platform.Records(t.client, id, page)
		if err != nil {
			return nil, err
		}
		records = append(records, p.Records...)
		if len(p.Records) == 0 || page >= p.Pages {
			break
		}
	}
	slices.Reverse(records)
	messages := make([]chat.Message, 0, 2*len(records)+1)
	for _, r := range records {
		messages = append(messages,
			chat.Message{Role: chat.RoleUser, Text: r.UserText},
			chat.Message{Role: chat.RoleAssistant, Text: withoutReasoning(r.AIText)})
	}
	return messages, nil
}

// withoutReasoning cuts the <think> block that opens an answer.
func withoutReasoning(answer string) string {
	block, isBlock := strings.CutPrefix(strings.TrimSpace(answer), "<think>")
	if !isBlock {
		return answer
	}
	_, rest, _ := strings.Cut(block, "</think>")
	return strings.TrimSpace(rest)
}
