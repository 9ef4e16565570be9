package simulator

import "fmt"

// stage decides what the next questions are answered with.
type stage struct {
	queue  []Reply
	onTurn func(Turn) *Reply
}

// Script queues replies. Each question that reaches the model takes one; questions
// that the platform's own checks refuse take none.
func (s *Simulator) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stage.queue = append(s.stage.queue, replies...)
}

// Scripted returns how many queued replies are left.
func (s *Simulator) Scripted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.stage.queue)
}

// OnTurn lets f answer when no reply is queued; where it returns nil the usual
// answer is given. f is called from several goroutines; nil ends it.
func (s *Simulator) OnTurn(f func(Turn) *Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stage.onTurn = f
}

// choose decides the reply to a turn.
func (s *Simulator) choose(t *turn) Reply {
	s.mu.Lock()
	if q := s.stage.queue; len(q) > 0 {
		s.stage.queue = q[1:]
		s.mu.Unlock()
		return q[0]
	}
	onTurn, view := s.stage.onTurn, t.Turn
	s.mu.Unlock()
	if onTurn != nil {
		if r := onTurn(view); r != nil {
			return *r
		}
	}
	return Say(s.opts.Answer(view))
}

// Echo is the usual answer outside demo mode: "answer N to: TEXT", N being
// Turn.Number. Of a text with several messages after marker lines, TEXT is the last
// message: no model repeats such markers as a rule. A model that reasons puts "<think>thinking about: TEXT</think>" and
// an empty line before it, one that draws puts an empty line and
// "![image](PICTUREURL)" behind it.
func Echo(t Turn) string {
	text := t.Text
	if messages := unframe(text); len(messages) > 0 {
		text = messages[len(messages)-1].text
	}
	answer := fmt.Sprintf("answer %d to: %s", t.Number, text)
	if t.Entry.Reasons {
		answer = "<think>thinking about: " + text + "</think>\n\n" + answer
	}
	if t.Entry.Draws {
		answer += "\n\n![image](" + t.PictureURL + ")"
	}
	return answer
}
