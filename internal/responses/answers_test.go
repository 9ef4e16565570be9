package responses

import (
	"bufio"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/golden"
)

var answer = []chat.Event{
	{Kind: chat.EventReasoning, Text: "The user "},
	{Kind: chat.EventReasoning, Text: "greets."},
	{Kind: chat.EventText, Text: "Hello"},
	{Kind: chat.EventPause},
	{Kind: chat.EventText, Text: " \"you\""},
	{Kind: chat.EventToolCall, Call: 0, CallID: "call_a_0", CallName: "mcp__x__g", Text: `{"path": `},
	{Kind: chat.EventToolCall, Call: 0, Text: `"a"}`},
	{Kind: chat.EventToolCall, Call: 1, CallID: "call_a_1", CallName: "apply_patch", Text: `{"input": "*** \"Begin\""}`},
	{
		Kind: chat.EventDone, Finish: chat.FinishTools,
		Usage: chat.Usage{PromptTokens: 20, CompletionTokens: 7, ReasoningTokens: 3},
	},
}

const offer = `"tools": [{"type": "namespace", "name": "mcp__x", "tools": [{"type": "function", "name": "g"}]}, {"type": "custom", "name": "apply_patch"}]`

var testIDs = ids{"1", time.Unix(1767225600, 0)}

func appendAll(s *stream, events []chat.Event) []byte {
	var dst []byte
	for _, ev := range events {
		dst = s.Append(dst, ev)
	}
	return dst
}

var completedAt = regexp.MustCompile(`"completed_at":\d+`)

func TestAnswers(t *testing.T) {
	r := mustDecode(t, withFields(offer+", \"metadata\": {\"a\":\n \"b\"}, \"instructions\": \"be brief\""))
	s, w := newStream(testIDs, r), newWhole(testIDs, r)
	streamed := s.AppendEnd(appendAll(s, answer))
	for _, ev := range answer {
		w.Add(ev)
	}
	stable := func(b []byte) string { return completedAt.ReplaceAllString(string(b), `"completed_at":TIME`) }
	golden.CheckFile(t, "testdata/stream.txt", stable(streamed))
	golden.CheckFile(t, "testdata/whole.json", stable(w.Append(nil))+"\n")
}

// Events are numbered without gaps, and each has its type twice.
func TestEventsAreNumbered(t *testing.T) {
	s := newStream(testIDs, mustDecode(t, withFields(offer)))
	streamed := s.AppendKeepAlive(nil)
	streamed = s.AppendKeepAlive(streamed)
	for _, ev := range answer[:5] {
		streamed = s.Append(streamed, ev)
	}
	streamed = s.AppendError(s.AppendKeepAlive(streamed), &chat.Error{Kind: chat.KindRateLimit, Message: "slow", RetryAfter: 1500 * time.Millisecond})
	number, kind := 0, ""
	for lines := bufio.NewScanner(strings.NewReader(string(streamed))); lines.Scan(); {
		if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			kind = name
			continue
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var ev struct {
			Type   string
			Number int `json:"sequence_number"`
		}
		if err := json.Unmarshal([]byte(data), &ev); err != nil || ev.Type != kind || ev.Number != number {
			t.Errorf("event %s = %+v, %v, want number %d", kind, ev, err, number)
		}
		number++
	}
	if !strings.HasPrefix(string(streamed), "event: response.created\n") || !strings.Contains(string(streamed), `"code":"rate_limit_exceeded","message":"slow. Please try again in 2s."`) {
		t.Errorf("stream = %s, want response.created first and the failure", streamed)
	}
}

// Codex runs a call when its item is done, and keeps a text whose item is done. So neither is done before the answer
// has been saved.
func TestNothingEndsBeforeTheEnd(t *testing.T) {
	r := mustDecode(t, withFields(offer))
	for end := range answer {
		before := string(appendAll(newStream(testIDs, r), answer[:end]))
		for item := range strings.SplitSeq(before, "\n") {
			if strings.Contains(item, `"response.output_item.done"`) && !strings.Contains(item, `"type":"reasoning"`) ||
				strings.Contains(item, `"response.completed"`) {
				t.Errorf("stream of %d events has %s, want no end", end, item)
			}
		}
	}
}

func TestIncompleteAnswers(t *testing.T) {
	r := mustDecode(t, withFields(""))
	s, w := newStream(testIDs, r), newWhole(testIDs, r)
	streamed := s.AppendEnd(appendAll(s, answer[:3]))
	w.Add(answer[2])
	if !strings.Contains(string(streamed), `"status":"failed"`) || strings.Contains(string(streamed), "response.completed") {
		t.Errorf("stream = %s, want a failed response", streamed)
	}
	if got := string(w.Append(nil)); !strings.HasPrefix(got, `{"error":`) {
		t.Errorf("whole = %s, want an error", got)
	}
	cut := newWhole(testIDs, r)
	cut.Add(answer[2])
	cut.Add(chat.Event{Kind: chat.EventDone, Finish: chat.FinishLength})
	if got := string(cut.Append(nil)); !strings.Contains(got, `"status":"incomplete"`) || !strings.Contains(got, `{"reason":"max_output_tokens"}`) {
		t.Errorf("cut answer = %s, want an incomplete response", got)
	}
}

// Codex repeats a request after statuses that other clients take as final.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		give             *chat.Error
		status, forCodex int
		code             string // of a failed response
	}{
		{&chat.Error{Kind: chat.KindInvalid, Code: chat.CodeModelNotFound}, 404, 404, "invalid_prompt"},
		{&chat.Error{Kind: chat.KindInvalid, Code: chat.CodeContextLengthExceeded}, 400, 400, "context_length_exceeded"},
		{&chat.Error{Kind: chat.KindQuota, Code: chat.CodeInsufficientQuota}, 402, 429, "insufficient_quota"},
		{&chat.Error{Kind: chat.KindUnprocessable, Code: chat.CodeInvalidToolCall}, 422, 400, "invalid_prompt"},
		{&chat.Error{Kind: chat.KindRateLimit, Code: chat.CodeRateLimitExceeded}, 429, 429, "rate_limit_exceeded"},
		{&chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendError}, 502, 502, "server_error"},
	} {
		for isCodex, want := range map[bool]int{false: tt.status, true: tt.forCodex} {
			if body, status := AppendError(nil, tt.give, isCodex); status != want {
				t.Errorf("AppendError(Codex %v) = %d %s, want %d", isCodex, status, body, want)
			}
		}
		if got := failureCode(tt.give); got != tt.code {
			t.Errorf("failureCode(%s) = %s, want %s", tt.give.Code, got, tt.code)
		}
		r := mustDecode(t, withFields(""))
		r.isCodex = true
		if got, want := newStream(testIDs, r).FailsInStream(tt.give), tt.code == "server_error"; got != want {
			t.Errorf("FailsInStream(%s) = %v, want %v", tt.give.Code, got, want)
		}
	}
	if got := string(AppendCount(nil, 5)); got != `{"object":"response.input_tokens","input_tokens":5}` {
		t.Errorf("AppendCount = %s", got)
	}
}
