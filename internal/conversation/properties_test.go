package conversation_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// The model-based test: clients chat, use tools, edit, regenerate, fork, leave and
// repeat, by transcript, id and name, while the platform, the store and the process
// fail. The simulator's view is the judge (judge_test.go).

const (
	worldOps   = 100 // operations in each world; rapid makes 100 worlds
	chatsAtOne = 6   // chats at once in a world
)

func TestProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, t)
		defer w.end()
		operations := w.operations()
		names := make([]string, 0, len(operations))
		for name := range operations {
			names = append(names, name)
		}
		slices.Sort(names)
		for range worldOps {
			operations[rapid.SampledFrom(names).Draw(rt, "operation")]()
		}
		w.settle()
		w.judgeAll()
	})
}

// operations are what a client or the world may do.
func (w *world) operations() map[string]func() {
	all := map[string]func(){
		"new chat":        func() { th := w.open(); w.say(th); w.ask(th) },
		"go on":           func() { th := w.pick().afterAnswer(); w.say(th); w.ask(th) },
		"go on more":      w.goOnMore,
		"two questions":   func() { w.byTranscript(0, func(th *thread) { w.say(th); w.sayMore(th); w.ask(th) }) },
		"regenerate":      w.regenerate,
		"edit":            w.edit,
		"foreign answer":  w.foreignAnswer,
		"swap":            w.swap,
		"change picture":  w.changePicture,
		"fork":            w.fork,
		"side agent":      w.sideAgent,
		"change settings": w.changeSettings,
		"by id":           w.byID,
		"another's id":    w.anothersID,
		"foreign id":      w.foreignID,
	}
	maps.Copy(all, w.faultOperations())
	return all
}

// byTranscript does something with a chat whose transcript alone places it, and that has
// so many answers at least.
func (w *world) byTranscript(answers int, do func(th *thread)) {
	if th := w.pick().afterAnswer(); !th.addressed() && len(th.exchanges) >= answers {
		do(th)
	}
}

func (w *world) pick() *thread {
	if len(w.threads) == 0 {
		return w.open()
	}
	return w.threads[rapid.IntRange(0, len(w.threads)-1).Draw(w.T, "thread")]
}

// open begins a chat of some kind.
func (w *world) open() *thread {
	th := newThread([]chat.Caller{alice, bob}[rapid.IntRange(0, 1).Draw(w.T, "caller")])
	switch rapid.IntRange(0, 5).Draw(w.T, "kind") {
	case 0:
		th.name = "name" + w.mark(th.caller.ID)
	case 1:
		th.tools = "look"
	case 2:
		th.tools, th.splitsCalls = "find", true
	case 3:
		th.tools, th.twice = "look", rapid.Bool().Draw(w.T, "twice")
	case 4:
		th.json = true
	}
	th.speaker = rapid.SampledFrom([]string{"", "", "researcher"}).Draw(w.T, "speaker")
	th.system = rapid.SampledFrom([]string{"", "instructions one"}).Draw(w.T, "system")
	return w.add(th)
}

func (w *world) add(th *thread) *thread {
	if len(w.threads) >= chatsAtOne {
		w.threads = w.threads[1:]
	}
	w.threads = append(w.threads, th)
	return th
}

// say adds what the client says next: the results of the calls in the last answer, or a
// question.
func (w *world) say(th *thread) {
	x := exchange{}
	for _, c := range th.calls() {
		m := w.clientMark(th)
		x.says = append(x.says, chat.Message{Role: chat.RoleTool, Text: "r" + m, ToolCallID: c.ID})
		w.mayShow(th, &x.says[len(x.says)-1])
		x.order = append(x.order, len(x.order))
	}
	if len(x.says) > 0 {
		x.order = rapid.Permutation(x.order).Draw(w.T, "order of results")
	}
	th.exchanges = append(th.exchanges, x)
	if len(x.says) == 0 || rapid.IntRange(0, 3).Draw(w.T, "and a word") == 0 {
		w.sayMore(th)
	}
}

// sayMore adds a message of the user.
func (w *world) sayMore(th *thread) {
	x := th.last()
	x.says = append(x.says, user("q"+w.clientMark(th)))
	w.mayShow(th, &x.says[len(x.says)-1])
	x.order = append(x.order, len(x.order))
}

func (w *world) clientMark(th *thread) string {
	m := w.mark(th.caller.ID)
	w.said[m] = true
	th.said = append(th.said, m)
	return m
}

// ask asks the thread's question and takes the answer in. It reports whether there
// was one.
func (w *world) ask(th *thread) bool {
	w.asks[th.question()]++
	w.shapeFor(th)
	return w.take(th, th.request())
}

// shapeFor decides what the model answers the thread with.
func (w *world) shapeFor(th *thread) {
	calls := 0
	if th.tools != "" {
		calls = rapid.IntRange(0, 3).Draw(w.T, "calls")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shape.calls, w.shape.json = calls, th.json
}

// take sends a request of the thread and takes the answer in.
func (w *world) take(th *thread, r *chat.Request) bool {
	undisturbed := w.s.sim.Scripted() == 0 && w.flaw() == "" && (th.system == th.atSystem || th.tools == th.atTools)
	want := th.at
	th.at = 0
	got, err := w.try(context.Background(), r)
	w.Logf("by id %d, by name %q: %s in %d, %v", th.session, th.name, got.placement, got.session, err)
	if err != nil {
		w.missed(th, err)
		return false
	}
	w.judge(th, r, got)
	if undisturbed && want != 0 && (got.session != want || got.placement != chat.PlacementContinued) {
		w.Fatalf("%s in %d, want it continued in %d", got.placement, got.session, want)
	}
	w.answered(th, got)
	if undisturbed && !th.addressed() {
		th.at, th.atSystem, th.atTools = got.session, th.system, th.tools
	}
	return true
}

// missed ends a chat whose session an older copy of the store does not know.
func (w *world) missed(th *thread, err error) {
	if chat.AsError(err).Code != chat.CodeSessionNotFound {
		return
	}
	if !w.rewound {
		w.Fatalf("session %d: %v", th.session, err)
	}
	w.threads = slices.DeleteFunc(w.threads, func(x *thread) bool { return x == th })
}

// answered notes an answer.
func (w *world) answered(th *thread, got outcome) {
	th.last().answer = &chat.Message{Role: chat.RoleAssistant, Text: got.text, ToolCalls: got.calls}
	th.answeredIn = got.session
}

func (w *world) flaw() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shape.flaw
}

// disturb notes that something happened to a session: it need not be continued. 0 is all.
func (w *world) disturb(session int64) {
	for _, th := range w.threads {
		if session == 0 || th.at == session {
			th.at = 0
		}
	}
}

func (w *world) goOnMore() {
	th := w.pick().afterAnswer()
	for range 3 {
		w.say(th)
		if !w.ask(th) {
			return
		}
	}
}

func (w *world) regenerate() {
	w.byTranscript(1, func(th *thread) {
		th.at = 0
		th.last().answer = nil
		w.ask(th)
	})
}

func (w *world) edit() {
	w.byTranscript(1, func(th *thread) {
		th.at = 0
		th.exchanges = th.exchanges[:rapid.IntRange(0, len(th.exchanges)-1).Draw(w.T, "edited")]
		w.say(th)
		w.ask(th)
	})
}

func (w *world) foreignAnswer() {
	w.byTranscript(1, func(th *thread) {
		th.at = 0
		th.exchanges = slices.Clone(th.exchanges)
		th.last().answer = new(assistant("made up" + w.mark(th.caller.ID)))
		w.say(th)
		w.ask(th)
	})
}

func (w *world) swap() {
	w.byTranscript(2, func(th *thread) {
		if len(th.exchanges[0].answer.ToolCalls) > 0 || len(th.exchanges[1].answer.ToolCalls) > 0 {
			return // results stay with their calls
		}
		th.at = 0
		th.exchanges = slices.Clone(th.exchanges)
		th.exchanges[0], th.exchanges[1] = th.exchanges[1], th.exchanges[0]
		w.say(th)
		w.ask(th)
	})
}

// fork asks two questions after the same answer.
func (w *world) fork() {
	w.byTranscript(0, func(th *thread) {
		th.at = 0 // its twin may get the session
		twin := w.add(th.clone())
		w.say(twin)
		w.ask(twin)
	})
}

// sideAgent is another agent on the same history, with instructions and tools of its own:
// the chat keeps its session.
func (w *world) sideAgent() {
	w.byTranscript(1, func(th *thread) {
		agentSystem := "instructions of another agent"
		if len(th.calls()) > 0 || th.json || th.system == "" && th.tools == "" || th.system == agentSystem {
			return
		}
		agent := th.clone()
		agent.splitsCalls = th.splitsCalls
		agent.system = agentSystem
		agent.tools = rapid.SampledFrom([]string{"remember", "review"}).Draw(w.T, "the agent's tools")
		w.say(agent)
		if w.ask(agent) && th.at != 0 && agent.answeredIn == th.at {
			w.Fatalf("an agent with other instructions and tools took the chat's session %d", th.at)
		}
		w.add(agent)
	})
}

// changeSettings changes one thing that is no part of the conversation.
func (w *world) changeSettings() {
	th := w.pick().afterAnswer()
	if th.caller.ID == chat.AnonymousID {
		return // what is set in its owner's session stays there
	}
	switch rapid.IntRange(0, 3).Draw(w.T, "setting") {
	case 0:
		if th.tools != "remember" && th.tools != "review" {
			th.system = rapid.SampledFrom([]string{"", "instructions two", "instructions three"}).Draw(w.T, "system")
		}
	case 1:
		th.temperature = rapid.SampledFrom([]*float64{nil, new(0.3), new(0.9)}).Draw(w.T, "temperature")
	case 2:
		if th.tools == "look" || th.tools == "find" {
			th.tools = rapid.SampledFrom([]string{"look", "find"}).Draw(w.T, "tools")
		}
	case 3:
		if th.name == "" { // a name means one model's session
			th.model = rapid.SampledFrom([]string{model, otherModel}).Draw(w.T, "model")
		}
	}
	w.say(th)
	w.ask(th)
}

// byID goes on by the id of the session that answered.
func (w *world) byID() {
	th := w.pick().afterAnswer()
	if th.json || th.tools != "" {
		return
	}
	w.say(th)
	if th.addressed() {
		w.ask(th)
		return
	}
	w.asks[th.question()]++
	w.shapeFor(th)
	r := th.request()
	th.at = 0
	if got, err := w.try(context.Background(), r); err == nil {
		w.judge(th, r, got)
		w.answered(th, got)
		th.session = got.session
		w.disturb(got.session)
	}
}

func (w *world) anothersID() {
	th := w.pick()
	other := alice
	if th.caller.ID == alice.ID {
		other = bob
	}
	if th.session == 0 || th.caller.ID == chat.AnonymousID {
		return
	}
	if _, err := w.try(context.Background(), byID(other, th.session, user("mine?"))); chat.AsError(err) == nil || chat.AsError(err).Code != chat.CodeSessionNotFound {
		w.Fatalf("another's id: %v, want %s", err, chat.CodeSessionNotFound)
	}
}

// foreignID goes on in a session that its owner made on the platform's own site, and that
// stands behind a page of others; some of these are deleted while the pages are read.
func (w *world) foreignID() {
	id := w.s.sim.AddSession(model)
	owner := fmt.Sprintf("the owner's own %d", id)
	w.s.sim.Edit(id, func(o *simulator.Settings) { o.Prompt, o.Temperature = owner, 0.5 })
	var others []int64
	for range 30 {
		others = append(others, w.s.sim.AddSession(otherModel))
	}
	shifts := rapid.IntRange(0, 2).Draw(w.T, "shifts")
	remove := w.s.sim.Intercept(simulator.RouteListSessions, simulator.Afterwards(func(*http.Request) {
		for range min(shifts, len(others)) {
			w.s.sim.Forget(others[0])
			others = others[1:]
		}
	}))
	th := newThread(chat.Anonymous)
	th.session, th.preset = id, chat.Settings{Prompt: owner, Temperature: 0.5}
	w.say(th)
	scripted := w.s.sim.Scripted()
	answered := w.ask(th)
	remove()
	for _, other := range others {
		w.s.sim.Forget(other)
	}
	if answered && scripted == 0 && len(w.s.sim.Records(id)) == 0 {
		w.Fatalf("session %d, which is on the platform, counted as lost", id)
	}
	w.add(th)
}
