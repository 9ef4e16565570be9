package conversation_test

import (
	"regexp"
	"slices"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/emulate"
	"achuan/internal/simulator"
)

// The simulator's view is the judge. Every message has a mark of its own, so that the
// marks in what the model saw tell exactly which messages those were, and in which order.
var markPattern = regexp.MustCompile(`«\d+»`)

func marks(texts ...string) []string { return markPattern.FindAllString(strings.Join(texts, "\n"), -1) }

// seen are the marks of all that the model saw for a turn.
func seen(turn simulator.Turn) []string {
	return seenBut(turn, func(repaired string) string { return repaired })
}

// seen are the marks of all that the model saw for a turn, without what it said before or
// beside what it was asked to repair: that is in no transcript.
func (w *world) seen(turn simulator.Turn) []string {
	return seenBut(turn, func(repaired string) string {
		kept := slices.DeleteFunc(marks(repaired), func(m string) bool { return w.owner[m] == "" })
		return strings.Join(kept, " ")
	})
}

func seenBut(turn simulator.Turn, repaired func(string) string) []string {
	next := turn.Text
	texts := []string{withoutRepair(next)}
	for _, e := range slices.Backward(turn.History) {
		switch {
		case isRepair(next): // this answer was no good
		case isRepair(e.User):
			texts = append(texts, repaired(e.AI))
		default:
			texts = append(texts, e.AI)
		}
		next = e.User
		texts = append(texts, withoutRepair(next))
	}
	slices.Reverse(texts)
	return marks(texts...)
}

// isRepair reports whether a text is the engine's own question about an answer that was no good. A session
// that was rebuilt from its records may quote one.
func isRepair(text string) bool { return strings.HasPrefix(text, emulate.RepairIntro) }

func withoutRepair(text string) string {
	if isRepair(text) {
		return ""
	}
	return text
}

// messageMarks are the marks of messages, in the order in which the model reads them.
func messageMarks(messages []chat.Message) []string {
	texts := []string{}
	for _, m := range messages {
		texts = append(texts, m.Text)
		for _, c := range m.ToolCalls {
			texts = append(texts, c.Arguments)
		}
	}
	return marks(texts...)
}

// judge checks a whole answer: that its client has all of it and nothing else, and that
// the model saw for it what the client sent, under the settings that the client named.
func (w *world) judge(th *thread, r *chat.Request, got outcome) {
	answer := messageMarks([]chat.Message{{Text: got.text, ToolCalls: got.calls}})
	if len(answer) == 0 || strings.Contains(got.text, flawTorn) || strings.Contains(got.text, flawForged) {
		w.Fatalf("the answer %q %v is not what the model meant", got.text, got.calls)
	}
	for _, m := range answer {
		w.owner[m] = th.caller.ID
	}
	for _, c := range got.calls {
		if strings.Contains(c.Arguments, flawTorn) {
			w.Fatalf("half a call looks whole: %s", c.Arguments)
		}
	}
	i := slices.IndexFunc(w.s.sim.Turns(), func(t simulator.Turn) bool {
		return slices.Contains(marks(t.Answer), answer[0])
	})
	if i < 0 {
		w.Fatalf("nobody gave the answer %q", got.text)
	}
	turn := w.s.sim.Turns()[i]
	w.judgeSettings(th, r, turn)
	w.judgePictures(th, i)
	saw := w.seen(turn)
	if th.addressed() {
		w.judgeAddressed(th, saw)
	} else {
		whole, split := messageMarks(th.messages()), messageMarks(r.Transcript())
		if !slices.Equal(saw, whole) && (!th.splits() || !slices.Equal(saw, split)) {
			w.Fatalf("%s in %d: the model saw %v for the transcript %v", got.placement, got.session, saw, whole)
		}
	}
	if last := th.question(); len(saw) == 0 || saw[len(saw)-1] != last {
		w.Fatalf("the model's last was %v, the client's %v", saw, last)
	}
}

// judgeSettings checks that the model that was asked for answered, as it was told to.
func (w *world) judgeSettings(th *thread, r *chat.Request, turn simulator.Turn) {
	preset := th.preset
	if th.session != turn.SessionID && turn.Prompt != preset.Prompt {
		preset = newThread(th.caller).preset // what its owner had set is lost with the session
	}
	temperature := preset.Temperature
	if r.Temperature != nil {
		temperature = *r.Temperature
	}
	if turn.Model != r.Model || turn.Temperature != temperature {
		w.Fatalf("model %s at %v answered, want %s at %v", turn.Model, turn.Temperature, r.Model, temperature)
	}
	for name := range toolKits {
		if has, want := strings.Contains(turn.Prompt, "=== "+name+" ===\n"), th.tools == name; has != want {
			w.Fatalf("the tool %s is in the prompt: %t, want %t:\n%s", name, has, want, turn.Prompt)
		}
	}
	want := r.System()
	if want == "" && len(r.Tools) == 0 && r.Format.Kind == "" {
		want = preset.Prompt
	}
	if !strings.HasPrefix(turn.Prompt, want) || want == "" && strings.HasPrefix(turn.Prompt, "instructions") {
		w.Fatalf("the prompt is %q, want %q at its beginning", turn.Prompt, want)
	}
}

// judgeAddressed checks what the model saw by id or name: each message once, and
// nothing of another chat.
func (w *world) judgeAddressed(th *thread, saw []string) {
	once := map[string]bool{}
	for _, m := range saw {
		if once[m] {
			w.Fatalf("the model saw %s twice: %v", m, saw)
		}
		once[m] = true
		if w.said[m] && !slices.Contains(th.said, m) {
			w.Fatalf("the model saw %s, which is another chat's: %v", m, saw)
		}
	}
}

// judgeAll checks what holds whatever happened: one turn at a time in a session, no
// session with messages of two callers, no question asked more often than its client
// asked it anew.
func (w *world) judgeAll() {
	asked := map[string]int{}
	callers := map[int64]string{}
	for _, turn := range w.s.sim.Turns() {
		if turn.Overlapped {
			w.Fatalf("two turns at once in session %d", turn.SessionID)
		}
		all := seen(turn)
		for _, m := range all {
			owner, ok := w.owner[m]
			if !ok {
				continue // an answer that its client never had whole
			}
			if was, ok := callers[turn.SessionID]; ok && was != owner {
				w.Fatalf("session %d has messages of two callers", turn.SessionID)
			}
			callers[turn.SessionID] = owner
		}
		if !isRepair(turn.Text) {
			asked[all[len(all)-1]]++
		}
	}
	for m, n := range asked {
		if n > w.asks[m] {
			w.Fatalf("%s was asked %d times, want at most %d", m, n, w.asks[m])
		}
	}
}
