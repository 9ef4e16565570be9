package conversation_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/simulator"
)

// The model-based test: clients chat, edit, regenerate, fork, leave and repeat, by
// transcript, id and name, while the platform and the store fail. The simulator's
// view is the judge. Every message has a mark of its own, so that the marks in what
// the model saw tell exactly which messages those were, and in which order.

const (
	worldOps   = 100 // operations in each world; rapid makes 100 worlds
	chatsAtOne = 6   // chats at once in a world
)

var markPattern = regexp.MustCompile(`«\d+»`)

func marks(texts ...string) []string { return markPattern.FindAllString(strings.Join(texts, "\n"), -1) }

// seen are the marks of all that the model saw for a turn.
func seen(turn simulator.Turn) []string {
	texts := []string{}
	for _, e := range turn.History {
		texts = append(texts, e.User, e.AI)
	}
	return marks(append(texts, turn.Text)...)
}

// thread is a chat as its client knows it.
type thread struct {
	caller     chat.Caller
	transcript []chat.Message
	said       []string // marks of all questions of the chat, and of what it was made from
	session    int64    // by id, when it is not 0
	name       string   // by name, when it is not ""
}

// world is one run of the model.
type world struct {
	*rapid.T
	s       *site
	threads []*thread
	next    int
	asks    map[string]int    // by the mark of the question: how often a client asked it
	owner   map[string]string // by mark: whose message it is
}

func (w *world) mark(c chat.Caller) string {
	w.next++
	m := fmt.Sprintf("«%d»", w.next)
	w.owner[m] = c.ID
	return m
}

// request is the thread's request for its transcript.
func (th *thread) request() *chat.Request {
	r := whole(th.caller, slices.Clone(th.transcript)...)
	r.Session = chat.SessionRef{ID: th.session, Name: th.name}
	if th.name != "" || th.session != 0 {
		// By id and name the client sends what is new, as the seed's clients do.
		r.Messages = r.Messages[len(r.Messages)-1:]
	}
	return r
}

// say adds a question, and counts it as asked once.
func (w *world) say(th *thread) string {
	m := w.mark(th.caller)
	th.transcript = append(th.transcript, user("q"+m))
	th.said = append(th.said, m)
	w.asks[m]++
	return m
}

// ask asks the thread's question and takes the answer in. It reports whether there
// was one.
func (w *world) ask(th *thread) bool {
	r := th.request()
	got, err := w.s.try(context.Background(), r)
	if err != nil {
		return false
	}
	w.judge(th, r, got)
	th.transcript = append(th.transcript, assistant(got.text))
	return true
}

// judge checks what the model saw for a whole answer.
func (w *world) judge(th *thread, r *chat.Request, got result) {
	answer := marks(got.text)
	if len(answer) != 1 {
		w.Fatalf("the answer %q has not one mark", got.text)
	}
	w.owner[answer[0]] = th.caller.ID
	i := slices.IndexFunc(w.s.sim.Turns(), func(t simulator.Turn) bool { return slices.Contains(marks(t.Answer), answer[0]) })
	if i < 0 {
		w.Fatalf("nobody gave the answer %q", got.text)
	}
	saw := seen(w.s.sim.Turns()[i])
	if th.session == 0 && th.name == "" {
		texts := []string{}
		for _, m := range r.Transcript() {
			texts = append(texts, m.Text)
		}
		if want := marks(texts...); !slices.Equal(saw, want) {
			w.Fatalf("%s in %d: the model saw %v for the transcript %v", got.placement, got.session, saw, want)
		}
	}
	if th.session != 0 || th.name != "" {
		w.judgeAddressed(th, saw)
	}
	if last := marks(r.Messages[len(r.Messages)-1].Text); len(saw) == 0 || saw[len(saw)-1] != last[0] {
		w.Fatalf("the model's last was %v, the client's %v", saw, last)
	}
}

// judgeAddressed checks what the model saw by id or name: each message once, and
// nothing of another chat.
func (w *world) judgeAddressed(th *thread, saw []string) {
	own := map[string]bool{}
	for _, m := range th.said {
		own[m] = true
	}
	once := map[string]bool{}
	for _, m := range saw {
		if once[m] {
			w.Fatalf("the model saw %s twice: %v", m, saw)
		}
		once[m] = true
		if w.asks[m] > 0 && !own[m] {
			w.Fatalf("the model saw %s, which is another chat's: %v", m, saw)
		}
	}
}

// invariants hold whatever happened.
func (w *world) invariants() {
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
		asked[all[len(all)-1]]++
	}
	for m, n := range asked {
		if n > w.asks[m] {
			w.Fatalf("%s was asked %d times, its client asked %d times", m, n, w.asks[m])
		}
	}
}

// fault is what the platform does to the next question.
func (w *world) fault() {
	m := w.mark(chat.Caller{ID: "platform"})
	delete(w.owner, m)
	faults := []simulator.Reply{
		simulator.Lost(),
		simulator.CutShort("cut" + m),
		simulator.Fail("上游异常提示(HttpCode:503)：x"),
		simulator.Fail("上游异常提示(HttpCode:429)：x"),
		simulator.SayThenFail("half"+m, "上游异常"),
		simulator.HTTPStatus(http.StatusBadGateway, "text/html", "<html>"),
		simulator.PlainText("busy"),
		{Text: "said" + m, AIText: new("stored" + m)},
		{Text: "a" + m, NoDone: true},
		{Deltas: []string{"a"}, AIText: new("a" + m)},
	}
	w.s.sim.Script(faults[rapid.IntRange(0, len(faults)-1).Draw(w.T, "fault")])
}

func (w *world) pick() *thread {
	if len(w.threads) == 0 {
		return w.open()
	}
	return w.threads[rapid.IntRange(0, len(w.threads)-1).Draw(w.T, "thread")]
}

func (w *world) open() *thread {
	th := &thread{caller: []chat.Caller{alice, bob}[rapid.IntRange(0, 1).Draw(w.T, "caller")]}
	if rapid.IntRange(0, 4).Draw(w.T, "by name") == 0 {
		th.name = "name" + w.mark(th.caller)
	}
	if len(w.threads) >= chatsAtOne {
		w.threads = w.threads[1:]
	}
	w.threads = append(w.threads, th)
	return th
}

// afterAnswer makes the thread ready for a new question: an unanswered one at its
// end is dropped, as clients do that show an error.
func (th *thread) afterAnswer() *thread {
	if n := len(th.transcript); n > 0 && th.transcript[n-1].Role == chat.RoleUser {
		th.transcript = th.transcript[:n-1]
	}
	return th
}

// operations are what a client or the world may do.
func (w *world) operations() map[string]func() {
	return map[string]func(){
		"new chat": func() { th := w.open(); w.say(th); w.ask(th) },
		"go on":    func() { th := w.pick().afterAnswer(); w.say(th); w.ask(th) },
		"go on more": func() {
			th := w.pick().afterAnswer()
			for range 3 {
				w.say(th)
				if !w.ask(th) {
					return
				}
			}
		},
		"two questions": func() {
			if th := w.pick().afterAnswer(); th.name == "" && th.session == 0 {
				w.say(th)
				w.say(th)
				w.ask(th)
			}
		},
		"regenerate": func() {
			th := w.pick()
			if n := len(th.transcript); th.name == "" && th.session == 0 && n >= 2 && th.transcript[n-1].Role == chat.RoleAssistant {
				th.transcript = th.transcript[:n-1]
				w.asks[marks(th.transcript[n-2].Text)[0]]++
				w.ask(th)
			}
		},
		"edit": func() {
			th := w.pick()
			if n := len(th.transcript); th.name == "" && th.session == 0 && n >= 2 {
				at := rapid.IntRange(0, n-1).Draw(w.T, "edited")
				th.transcript = th.transcript[:at]
				w.say(th)
				w.ask(th)
			}
		},
		"foreign answer": func() {
			th := w.pick().afterAnswer()
			if n := len(th.transcript); th.name == "" && th.session == 0 && n >= 2 {
				th.transcript = slices.Clone(th.transcript)
				th.transcript[n-1] = assistant("made up" + w.mark(th.caller))
				w.say(th)
				w.ask(th)
			}
		},
		"swap": func() {
			th := w.pick().afterAnswer()
			if n := len(th.transcript); th.name == "" && th.session == 0 && n >= 4 {
				th.transcript = slices.Clone(th.transcript)
				th.transcript[0], th.transcript[2] = th.transcript[2], th.transcript[0]
				w.say(th)
				w.ask(th)
			}
		},
		"fork": func() {
			if th := w.pick().afterAnswer(); th.name == "" && th.session == 0 {
				twin := *th
				twin.transcript, twin.said = slices.Clone(th.transcript), slices.Clone(th.said)
				w.threads = append(w.threads, &twin)
				w.say(&twin)
				w.ask(&twin)
			}
		},
		"by id": func() {
			th := w.pick().afterAnswer()
			if th.session == 0 && th.name == "" {
				w.say(th)
				if got, err := w.s.try(context.Background(), th.request()); err == nil {
					th.transcript = append(th.transcript, assistant(got.text))
					w.owner[marks(got.text)[0]] = th.caller.ID
					th.session = got.session
				}
				return
			}
			w.say(th)
			w.ask(th)
		},
		"names": func() {
			if th := w.pick().afterAnswer(); th.name == "" && th.session == 0 {
				th.transcript = slices.Clone(th.transcript)
				for i := range th.transcript {
					if th.transcript[i].Role == chat.RoleAssistant {
						th.transcript[i].Name = "agent" + th.transcript[i].Name
					}
				}
				w.say(th)
				w.ask(th)
			}
		},
		"side agent":       w.sideAgent,
		"leave and repeat": w.leaveAndRepeat,
		"another's id": func() {
			th := w.pick()
			other := alice
			if th.caller.ID == alice.ID {
				other = bob
			}
			if th.session != 0 {
				if _, err := w.s.try(context.Background(), byID(other, th.session, user("mine?"))); chat.AsError(err) == nil || chat.AsError(err).Code != chat.CodeSessionNotFound {
					w.Fatalf("another's id: %v", err)
				}
			}
		},
		"fault":       w.fault,
		"forget":      func() { w.someSession(func(id int64) { w.s.sim.Forget(id) }) },
		"typed there": func() { w.someSession(func(id int64) { w.typeElsewhere(id) }) },
		"store fails": func() {
			w.s.flaky.down.Store(true)
			defer w.s.flaky.down.Store(false)
			th := w.pick().afterAnswer()
			w.say(th)
			w.ask(th)
		},
		"restart": w.restart,
	}
}

// sideAgent sends a chat's history with instructions and tools of another agent, which
// never get the chat's session.
func (w *world) sideAgent() {
	th := w.pick().afterAnswer()
	if th.name != "" || th.session != 0 || len(th.transcript) == 0 {
		return
	}
	side := &thread{caller: th.caller, transcript: slices.Clone(th.transcript), said: slices.Clone(th.said)}
	w.say(side)
	r := side.request()
	r.Messages = append([]chat.Message{system("extract memories")}, r.Messages...)
	r.Tools = []chat.Tool{{Name: "save_memory"}}
	got, err := w.s.try(context.Background(), r)
	if err != nil {
		return
	}
	if got.placement == chat.PlacementContinued {
		w.Fatalf("a side agent was given session %d of a chat", got.session)
	}
	w.judge(side, r, got)
}

// leaveAndRepeat leaves in the middle of an answer and sends the same again, as an
// SDK does (marked) or a person (unmarked).
func (w *world) leaveAndRepeat() {
	th := w.pick().afterAnswer()
	if th.name != "" || th.session != 0 || w.s.sim.Scripted() > 0 {
		return // with a fault to come, the turn may have failed before it is asked for again
	}
	w.say(th)
	heard := rapid.Bool().Draw(w.T, "heard")
	marked := rapid.Bool().Draw(w.T, "marked")
	m := w.mark(th.caller)
	gate := make(chan struct{})
	w.s.sim.Script(simulator.Stream(simulator.Deltas("a"), simulator.Wait(gate), simulator.Deltas(m), simulator.Object(), simulator.Done()))
	r := th.request()
	r.Streamed = heard
	a, err := w.s.place(context.Background(), r)
	if err != nil {
		close(gate)
		return
	}
	events := 0
	for _, err := range a.Events() {
		if err != nil {
			close(gate)
			return
		}
		if events++; events == 2 { // the text, and the pause after it
			break
		}
	}
	again := th.request()
	again.Retried = marked
	if !marked && heard {
		w.asks[marks(th.transcript[len(th.transcript)-1].Text)[0]]++ // a person stopped it and wants another
	}
	close(gate)
	got, err := w.s.try(context.Background(), again)
	if err != nil {
		return
	}
	if attached := got.placement == chat.PlacementAttached; attached != (marked || !heard) {
		w.Fatalf("marked %t, heard %t: %s", marked, heard, got.placement)
	}
	w.judge(th, again, got)
	th.transcript = append(th.transcript, assistant(got.text))
	w.s.drain()
}

func (w *world) someSession(do func(id int64)) {
	if sessions := w.s.sim.Sessions(); len(sessions) > 0 {
		do(sessions[rapid.IntRange(0, len(sessions)-1).Draw(w.T, "session")].ID)
	}
}

// typeElsewhere is the owner typing into a session on the platform's own site. The
// heads are unverified after it, as they are after ten idle minutes.
func (w *world) typeElsewhere(id int64) {
	w.s.sim.AppendRecord(id, "typed", "answered")
	w.s.unverify()
}

// restart ends the engine as a crash does and starts another on the same store.
func (w *world) restart() {
	w.s.restart()
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newSite(t, simulator.Options{}, false)
		defer s.close()
		w := &world{T: rt, s: s, asks: map[string]int{}, owner: map[string]string{}}
		answers := 0
		s.sim.OnTurn(func(simulator.Turn) *simulator.Reply {
			answers++
			return &simulator.Reply{Text: fmt.Sprintf("a«%d»", 1_000_000+answers)}
		})
		operations := w.operations()
		names := make([]string, 0, len(operations))
		for name := range operations {
			names = append(names, name)
		}
		slices.Sort(names)
		for range worldOps {
			name := rapid.SampledFrom(names).Draw(rt, "operation")
			operations[name]()
		}
		s.drain()
		w.invariants()
	})
}
