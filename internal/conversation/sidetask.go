package conversation

import (
	"strings"

	"achuan/internal/chat"
)

// Chat apps and agents ask for titles, tags and summaries in separate requests, under the
// label of the chat that they are about. Such a request is a side task. A throwaway session
// answers it, whatever its label is, so that it does not disturb the chat. Only texts that
// no person types are recognized:
//
//   - a single user message that begins with `### Task:` and has a <chat_history>
//     (Open WebUI: titles, tags, follow-ups, search queries),
//   - instructions that begin like those of opencode's title generator,
//   - a last user message that begins like NextChat's requests for a topic or a summary.
//
// docs/sessions.md lists them for users. ACHUAN_SIDE_TASKS=off turns this off.
var (
	titlePrompts = []string{
		"You are a title generator. You output ONLY a thread title.",
	}
	topicRequests = []string{
		"使用四到五个字直接返回这句话的简要主题",
		"Please generate a four to five word title summarizing our conversation",
		"简要总结一下对话内容，用作后续的上下文提示 prompt",
		"Summarize the discussion briefly in 200 words or less to use as a prompt for future context",
	}
)

// isSideTask reports whether a request is certainly about a chat and not part of one.
func isSideTask(r *chat.Request) bool {
	transcript := r.Transcript()
	last := transcript[len(transcript)-1]
	switch {
	case len(r.Tools) > 0 || last.Role != chat.RoleUser:
		return false
	case hasAnyPrefix(last.Text, topicRequests):
		return true
	case hasAnyPrefix(r.System(), titlePrompts):
		return true
	}
	return len(r.Messages) == 1 && strings.HasPrefix(strings.TrimSpace(last.Text), "### Task:\n") &&
		strings.Contains(last.Text, "<chat_history>") && strings.Contains(last.Text, "</chat_history>")
}

func hasAnyPrefix(text string, with []string) bool {
	text = strings.TrimSpace(text)
	for _, w := range with {
		if strings.HasPrefix(text, w) {
			return true
		}
	}
	return false
}
