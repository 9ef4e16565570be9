package conversation

import (
	"slices"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// rebuild moves the conversation of the turn's session into a new session. It reads what the
// platform has of the conversation and replays it there, followed by what is new. When the new
// session has answered, the old id becomes an alias of the new one.
func (t *turn) rebuild(rest []chat.Message) error {
	if err := t.markUnasked(); err != nil {
		return err
	}
	old, original := *t.session, t.original
	transcript, err := t.readMessages(old.ID)
	if isLost(err) {
		transcript, err = nil, nil
	}
	if err != nil {
		return err
	}
	if transcript == nil {
		err = t.placeWhole(t.scope(), false)
	} else {
		content := contentOfTranscript(append(transcript, rest...), t.renderer())
		n := newSession{placement: chat.PlacementReplayed, content: content}
		if !old.CreatedByAchuan && old.Settings != (chat.Settings{}) {
			n.preset = &old.Settings // the owner's values, not the platform's
		}
		err = t.placeNew(n)
	}
	if err != nil {
		t.returnSession(original)
		return err
	}
	t.replaces = &replacedSession{original, StateRetired, true}
	t.logger.InfoContext(t.turnCtx, "session rebuilt from its records",
		telemetry.KeyReplaced, old.ID, telemetry.KeySession, t.session.ID, telemetry.KeyCount, len(transcript))
	return nil
}

// readMessages returns the messages that the platform has of a session.
func (t *turn) readMessages(id int64) ([]chat.Message, error) {
	records, err := t.engine.readAllRecords(t.clientCtx, id)
	if err != nil {
		return nil, err
	}
	messages := make([]chat.Message, 0, 2*len(records)+1)
	for _, r := range slices.Backward(records) {
		if isInFile(r.UserText) {
			return nil, filesLeftError()
		}
		messages = append(messages,
			chat.Message{Role: chat.RoleUser, Text: withoutPreamble(r.UserText, t.input.Preamble)},
			chat.Message{Role: chat.RoleAssistant, Text: withoutScaffold(withoutReasoning(r.AIText))})
	}
	return messages, nil
}

// filesLeftError is the error for a conversation whose records do not have all of its texts.
func filesLeftError() *chat.Error {
	return &chat.Error{
		Kind: chat.KindNotFound, Code: chat.CodeSessionNotFound, Param: "session",
		Message: "This session cannot go on, and a new one cannot take its place: one of its messages was so long that it was sent as a file, " +
			"which the platform does not give back. Leave the session id out and send the whole conversation.",
	}
}

// withoutPreamble returns a question without the instructions that the turn sends anyway.
func withoutPreamble(question, preamble string) string {
	if preamble == "" {
		return question
	}
	if text, isCut := strings.CutPrefix(question, describeText(preamble).inFile()+preambleEnd); isCut {
		return text
	}
	return strings.TrimPrefix(question, preamble+preambleEnd)
}

// takeRebuilt takes the session that the turn was about to replace when it was interrupted: the
// one that the request names, if no turn has used it since. The commit that ends the turn then
// makes the old id an alias of the session with the answer.
func (t *turn) takeRebuilt() {
	id := t.request.Session.ID
	if t.resumed == nil || id == 0 || t.original.State == StateRetired || t.replaces != nil {
		return
	}
	ctx, cancel := t.detachedContext()
	defer cancel()
	old, err := t.engine.opts.Store.Session(ctx, OwnerOf(t.request.Caller.ID), id)
	if err != nil || old.ID == t.session.ID || old.State != StateDirty || !old.EndUnknown ||
		old.Taken.After(t.original.Taken) {
		return
	}
	switch old, err = t.engine.opts.Store.Take(ctx, old.ID, Taking{Token: t.token}, ByID); {
	case err == nil:
		t.replaces = &replacedSession{*old, StateRetired, true}
	case !isCertain(err):
		t.engine.undoTaking(t.token, id, Hash{})
	}
}
