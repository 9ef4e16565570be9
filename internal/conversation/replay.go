package conversation

import (
	"slices"
	"strconv"
	"strings"

	"achuan/internal/chat"
)

// The replay framing writes several messages as one text. A marker line `[[NONCE role]]`
// stands before every message, with name="…" and id="…" if the message has them. The line
// `[[NONCE end]]` follows the last message. One line break before a marker belongs to the
// marker. The nonce occurs in no message, so no message can forge a marker, and the text
// can be split into exactly the messages that it was made from.

const (
	wholeIntro = "Below is a conversation so far, oldest message first."
	newIntro   = "Below are the new messages of our conversation, oldest first."
	framing    = " Each message follows a marker line that names who speaks; marker lines begin with [[%NONCE% and nothing else does. " +
		"Go on as the assistant: answer the last message as if the conversation had been held here, and do not mention the markers."
)

// A Renderer writes messages as the model reads them.
type Renderer interface {
	// Render returns the text of a message and the files that are sent with it. The text refers
	// to each file by its name, at its place.
	Render(m chat.Message) chat.Content
}

// framedContent writes messages in the replay framing.
func framedContent(intro string, messages []chat.Message, renderer Renderer) chat.Content {
	messages = withUniqueNames(messages)
	texts := make([]string, len(messages))
	var files []chat.File
	size := len(intro) + len(framing) + 64
	for i, m := range messages {
		rendered := renderer.Render(m)
		texts[i] = rendered.Text
		files = append(files, rendered.Files...)
		size += len(texts[i]) + len(m.Name) + len(m.ToolCallID) + 64
	}
	nonce := freshNonce(messages, texts)
	var b strings.Builder
	b.Grow(size)
	b.WriteString(intro)
	b.WriteString(strings.Replace(framing, "%NONCE%", nonce, 1))
	b.WriteString("\n")
	for i, m := range messages {
		b.WriteString("\n[[" + nonce + " " + string(m.Role))
		if m.Name != "" {
			b.WriteString(" name=" + strconv.Quote(m.Name))
		}
		if m.ToolCallID != "" {
			b.WriteString(" id=" + strconv.Quote(m.ToolCallID))
		}
		b.WriteString("]]\n")
		b.WriteString(texts[i])
	}
	b.WriteString("\n[[" + nonce + " end]]")
	return chat.Content{Text: b.String(), Files: withoutRepeatedFiles(files)}
}

// freshNonce returns 16 hex digits that occur in no message.
func freshNonce(messages []chat.Message, texts []string) string {
	for {
		nonce := newNonce()
		if !isInMessages(nonce, messages, texts) {
			return nonce
		}
	}
}

func isInMessages(nonce string, messages []chat.Message, texts []string) bool {
	for i, m := range messages {
		if strings.Contains(texts[i], nonce) || strings.Contains(m.Name, nonce) ||
			strings.Contains(m.ToolCallID, nonce) {
			return true
		}
	}
	return false
}

// contentOfTranscript returns what a new session is sent for a transcript: a lone user message
// without a name as it is, anything else in the framing, because only the framing shows a name.
func contentOfTranscript(transcript []chat.Message, renderer Renderer) chat.Content {
	return contentOf(wholeIntro, transcript, renderer)
}

// contentOfRest returns what a session that holds the earlier messages is sent for the rest.
func contentOfRest(rest []chat.Message, renderer Renderer) chat.Content {
	return contentOf(newIntro, rest, renderer)
}

func contentOf(intro string, messages []chat.Message, renderer Renderer) chat.Content {
	if !isLoneMessage(messages) || messages[0].Name != "" {
		return framedContent(intro, messages, renderer)
	}
	m := withUniqueNames(messages)[0]
	files := withoutRepeatedFiles(m.Files)
	if strings.TrimSpace(m.Text) == "" {
		return chat.Content{Text: renderer.Render(m).Text, Files: files} // a question needs a text
	}
	m.Files = nil // the text goes as it is
	return chat.Content{Text: renderer.Render(m).Text, Files: files}
}

// isLoneMessage reports whether messages are exactly one user message.
func isLoneMessage(messages []chat.Message) bool {
	return len(messages) == 1 && messages[0].Role == chat.RoleUser
}

// afterLastAnswer returns the messages after the last assistant message, and whether there is
// one.
func afterLastAnswer(transcript []chat.Message) (rest []chat.Message, answered bool) {
	for i, m := range slices.Backward(transcript) {
		if m.Role == chat.RoleAssistant {
			return transcript[i+1:], true
		}
	}
	return transcript, false
}
