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
	said      []string // marks of all that its client said, and what it was made from said
	session   int64    // by id, when it is not 0
	name      string   // by name, when it is not ""

	model       string
	system      string // instructions; "" for none
	tools       string // of toolKits; "" for none
	temperature *float64
	speaker     string        // the name that its client gives to the assistant
	json        bool          // it asks for JSON
	preset      chat.Settings // what is in force where the client names nothing

	// at is the session that the next question must be continued in, under the
	// instructions and tools of then; 0 when it may go elsewhere.
	at                 int64
	answeredIn         int64 // the session of the last answer
	atSystem, atTools  string
	splitsCalls, twice bool // how its client sends calls and results back
}

// exchange is what a client says until the next answer, and that answer.
type exchange struct {
	says   []chat.Message // results in the order of their calls, then the user's
	order  []int          // in which the client sends them
	answer *chat.Message  // nil while there is none
}

func newThread(c chat.Caller) *thread {
	return &thread{caller: c, model: model, preset: chat.Settings{Prompt: simulator.DefaultPreset}}
}

// addressed reports whether the client names the session; it then sends what is new alone.
func (th *thread) addressed() bool { return th.session != 0 || th.name != "" }

// clone is another chat with the same history.
func (th *thread) clone() *thread {
	twin := *th
	twin.exchanges, twin.said, twin.at = slices.Clone(th.exchanges), slices.Clone(th.said), 0
	return &twin
}

// last is the exchange under way, nil for none.
func (th *thread) last() *exchange {
	if len(th.exchanges) == 0 {
		return nil
	}
	return &th.exchanges[len(th.exchanges)-1]
}

// afterAnswer makes the thread ready for a new question: one without an answer is
// dropped, as clients do that show an error.
func (th *thread) afterAnswer() *thread {
	if x := th.last(); x != nil && x.answer == nil {
		th.exchanges = th.exchanges[:len(th.exchanges)-1]
	}
	return th
}

// calls are those of the last answer.
func (th *thread) calls() []chat.ToolCall {
	if x := th.last(); x != nil && x.answer != nil {
		return x.answer.ToolCalls
	}
	return nil
}

func (th *thread) splits() bool { return th.splitsCalls }

// question is the mark of what the thread asks: of the last message that the model reads.
func (th *thread) question() string {
	all := messageMarks(th.last().says)
	return all[len(all)-1]
}

// messages are the thread's, in the order of the conversation: what the model is to read.
func (th *thread) messages() (all []chat.Message) {
	for _, x := range th.exchanges {
		all = append(all, x.says...)
		if x.answer != nil {
			all = append(all, *x.answer)
		}
	}
	return all
}

// sent are the messages as the client sends them: with a name for the assistant, with
// results as they came in, or with a message for each call.
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

// splitUp makes one message for each call of an answer, with its result after it.
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

// request is the thread's request for its transcript.
func (th *thread) request() *chat.Request {
	r := whole(th.caller, th.sent()...)
	r.Model, r.Dialect, r.Temperature = th.model, "chat", th.temperature
	r.Session = chat.SessionRef{ID: th.session, Name: th.name}
	r.Tools = toolKits[th.tools]
	if th.json {
		r.Format = chat.Format{Kind: chat.FormatSchema, Name: "x", Schema: []byte(`{"type":"object","required":["x"]}`)}
	}
	if th.addressed() {
		// By id and name the client sends what is new, as the seed's clients do.
		r.Messages = r.Messages[len(r.Messages)-1:]
	}
	if th.system != "" {
		r.Messages = append([]chat.Message{system(th.system)}, r.Messages...)
	}
	return r
}
