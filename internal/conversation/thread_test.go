package conversation_test

import (
	"slices"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// thread is a chat as its client knows it.
type thread struct {
	caller    chat.Caller
	exchanges []exchange
	said      []string // marks of what its client said, and the client of the chat that it is a copy of
	session   int64    // by id, when it is not 0
	name      string   // by name, when it is not ""

	model       string
	system      string // instructions; "" for none
	tools       string // of toolKits; "" for none
	temperature *float64
	speaker     string        // the name that its client gives to the assistant
	json        bool          // it asks for JSON
	preset      chat.Settings // the settings that the client does not send

	// at is the session that the next question must continue, with these instructions and tools; 0 when another
	// session may answer.
	at                 int64
	answeredIn         int64 // the session of the last answer
	atSystem, atTools  string
	splitsCalls, twice bool // how its client sends calls and results back
}

// exchange is what a client sends before an answer, and the answer.
type exchange struct {
	says   []chat.Message // results in the order of their calls, then the user's messages
	order  []int          // of says, as the client sends them
	answer *chat.Message  // nil when there is none
}

func newThread(c chat.Caller) *thread {
	return &thread{caller: c, model: model, preset: chat.Settings{Prompt: simulator.DefaultPreset}}
}

// addressed reports whether the client names the session. Then it sends only the new message.
func (th *thread) addressed() bool { return th.session != 0 || th.name != "" }

// clone returns another chat with the same history.
func (th *thread) clone() *thread {
	twin := *th
	twin.exchanges, twin.said, twin.at = slices.Clone(th.exchanges), slices.Clone(th.said), 0
	return &twin
}

// last returns the newest exchange, or nil for none.
func (th *thread) last() *exchange {
	if len(th.exchanges) == 0 {
		return nil
	}
	return &th.exchanges[len(th.exchanges)-1]
}

// afterAnswer makes the thread ready for a new question. It removes a question without an answer, as clients do that
// show an error.
func (th *thread) afterAnswer() *thread {
	if x := th.last(); x != nil && x.answer == nil {
		th.exchanges = th.exchanges[:len(th.exchanges)-1]
	}
	return th
}

// calls returns the calls of the last answer.
func (th *thread) calls() []chat.ToolCall {
	if x := th.last(); x != nil && x.answer != nil {
		return x.answer.ToolCalls
	}
	return nil
}

func (th *thread) splits() bool { return th.splitsCalls }

// question returns the mark of the last message that the model reads.
func (th *thread) question() string {
	all := messageMarks(th.last().says)
	return all[len(all)-1]
}

// messages returns what the model must read, in the order of the conversation.
func (th *thread) messages() (all []chat.Message) {
	for _, x := range th.exchanges {
		all = append(all, x.says...)
		if x.answer != nil {
			all = append(all, *x.answer)
		}
	}
	return all
}

// sent returns the messages as the client sends them: with a name for the assistant, with results in the order in
// which they were ready, or with a message for each call.
func (th *thread) sent() (all []chat.Message) {
	for i, x := range th.exchanges {
		says := make([]chat.Message, len(x.says))
		for to, from := range x.order {
			says[to] = x.says[from]
		}
		results := slices.IndexFunc(says, func(m chat.Message) bool { return m.Role != chat.RoleTool })
		if results < 0 {
			results = len(says)
		}
		switch {
		case th.splitsCalls && i > 0 && results > 1:
			all = append(all[:len(all)-1], splitUp(all[len(all)-1], says[:results])...)
			says = says[results:]
		case th.twice && results > 0:
			all = append(all, says[0]) // and once more below
		}
		all = append(all, says...)
		if x.answer != nil {
			answer := *x.answer
			answer.Name = th.speaker
			all = append(all, answer)
		}
	}
	return all
}

// splitUp returns one message for each call of an answer, with its result after it.
func splitUp(answer chat.Message, results []chat.Message) (all []chat.Message) {
	text := answer.Text
	for _, c := range answer.ToolCalls {
		part := answer
		part.Text, part.ToolCalls = text, []chat.ToolCall{c}
		text = ""
		all = append(all, part)
		for _, r := range results {
			if r.ToolCallID == c.ID {
				all = append(all, r)
			}
		}
	}
	return all
}

// request returns the request for the transcript of the thread.
func (th *thread) request() *chat.Request {
	r := whole(th.caller, th.sent()...)
	r.Model, r.Dialect, r.Temperature = th.model, "chat", th.temperature
	r.Session = chat.SessionRef{ID: th.session, Name: th.name}
	r.Tools = toolKits[th.tools]
	if th.json {
		r.Format = chat.Format{Kind: chat.FormatSchema, Name: "x", Schema: []byte(`{"type":"object","required":["x"]}`)}
	}
	if th.addressed() {
		// By id and name the client sends only the new message.
		r.Messages = r.Messages[len(r.Messages)-1:]
	}
	if th.system != "" {
		r.Messages = append([]chat.Message{system(th.system)}, r.Messages...)
	}
	return r
}
