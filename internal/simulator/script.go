package simulator

import "fmt"

// script holds the replies to the next questions.
type script struct {
	queue  []Reply
	onTurn func(Turn) *Reply
}

// Script queues replies. Each question that reaches the model takes one. A question that a check of the platform
// refuses takes none.
func (s *Simulator) Script(replies ...Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.queue = append(s.script.queue, replies...)
}

// Scripted returns the number of queued replies.
func (s *Simulator) Scripted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.script.queue)
}

// OnTurn sets the function that answers when no reply is queued. When it returns nil, Options.Answer answers. Several
// goroutines call it. OnTurn(nil) removes it.
func (s *Simulator) OnTurn(f func(Turn) *Reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script.onTurn = f
}

func (s *Simulator) chooseReply(t *turn) Reply {
	s.mu.Lock()
	if q := s.script.queue; len(q) > 0 {
		s.script.queue = q[1:]
		s.mu.Unlock()
		return q[0]
	}
	onTurn, view := s.script.onTurn, t.Turn
	s.mu.Unlock()
	if onTurn != nil {
		if r := onTurn(view); r != nil {
			return *r
		}
	}
	return Say(s.opts.Answer(view))
}

// Echo is the default of Options.Answer: "answer N to: TEXT", where N is Turn.Number. TEXT is the text of the turn, or
// the last message of a replay. A model that reasons adds "<think>thinking about: TEXT</think>" and an empty line
// before it. A model that draws adds an empty line and "![image](PICTUREURL)" after it.
func Echo(t Turn) string {
	text := t.Text
	if messages := SplitReplay(text); len(messages) > 0 {
		text = messages[len(messages)-1].Text
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
