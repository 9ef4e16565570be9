package conversation_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"time"

	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// faultOperations are what may go wrong.
func (w *world) faultOperations() map[string]func() {
	return map[string]func(){
		"fault":            w.fault,
		"flawed answer":    w.flawedAnswer,
		"forget":           func() { w.someSession(func(id int64) { w.s.sim.Forget(id); w.disturb(id) }) },
		"typed there":      func() { w.someSession(func(id int64) { w.typeElsewhere(id, 1) }) },
		"rebuild":          w.rebuild,
		"leave and repeat": w.leaveAndRepeat,
		"repeat the end":   w.repeatTheEnd,
		"store fails":      w.storeFails,
		"interrupted":      w.interrupted,
		"restart":          func() { w.s.restart(); w.renewGateway() },
		"crash":            func() { w.crash(func() {}) },
		"crash and repeat": w.crashAndRepeat,
		"back up":          func() { w.backup = w.copyStore() },
		"restore":          w.restore,
	}
}

// fault is what the platform, or a proxy before it, does to the next question.
func (w *world) fault() {
	m := w.mark("platform")
	delete(w.owner, m)
	faults := []simulator.Reply{
		simulator.Lost(),
		simulator.CutShort("cut" + m),
		simulator.Fail("上游异常提示(HttpCode:503)：x"),
		simulator.Fail("上游异常提示(HttpCode:429)：x"),
		simulator.SayThenFail("half"+m, "上游异常"),
		simulator.HTTPStatus(http.StatusBadGateway, "text/html", "<html>"),
		simulator.ProxyFailure(http.StatusBadGateway, "hidden"+m),
		simulator.ProxyFailure(http.StatusServiceUnavailable, "hidden"+m),
		simulator.ProxyRefusal(http.StatusBadGateway),
		simulator.PlainText("busy"),
		{Text: "said" + m, AIText: new("stored" + m)},
	}
	w.s.sim.Script(faults[rapid.IntRange(0, len(faults)-1).Draw(w.T, "fault")])
}

// flawedAnswer lets the model get the next answer wrong.
func (w *world) flawedAnswer() {
	flaw := rapid.SampledFrom([]string{flawTorn, flawForged, flawImitation}).Draw(w.T, "flaw")
	w.mu.Lock()
	w.shape.flaw = flaw
	w.mu.Unlock()
	th := w.pick().afterAnswer()
	w.say(th)
	w.ask(th)
	w.mu.Lock()
	w.shape.flaw = "" // where there was no occasion
	w.mu.Unlock()
}

func (w *world) someSession(do func(id int64)) {
	if sessions := w.s.sim.Sessions(); len(sessions) > 0 {
		do(sessions[rapid.IntRange(0, len(sessions)-1).Draw(w.T, "session")].ID)
	}
}

// typeElsewhere is the owner typing into a session on the platform's own site. The
// heads are unverified after it, as they are after ten idle minutes.
func (w *world) typeElsewhere(id int64, times int) {
	for range times {
		w.s.sim.AppendRecord(id, "typed", "answered")
	}
	w.disturb(id)
	w.s.unverify()
	w.unsure = false
}

// rebuild breaks the answer of a session by name or id off. What it holds is read back,
// while its owner types into it.
func (w *world) rebuild() {
	th := w.pick().afterAnswer()
	if !th.addressed() || w.s.sim.Scripted() > 0 || th.caller.ID == chat.AnonymousID {
		return
	}
	w.say(th)
	if !w.ask(th) {
		return
	}
	turns := w.s.sim.Turns()
	id := turns[len(turns)-1].SessionID
	typed := func() { w.s.sim.AppendRecord(id, "typed"+w.mark(th.caller.ID), "answered") }
	for range rapid.IntRange(0, 11).Draw(w.T, "typed") {
		typed()
	}
	w.s.sim.Script(simulator.CutShort("cut"))
	w.say(th)
	if w.ask(th) {
		w.Fatalf("an answer that was cut off looks whole")
	}
	remove := w.s.sim.Intercept(simulator.RouteRecords, simulator.Afterwards(func(*http.Request) { typed() }))
	w.say(th.afterAnswer())
	w.ask(th)
	remove()
}

// leaveAndRepeat leaves in the middle of an answer and sends the same again, as an
// SDK does (marked) or a person (unmarked).
func (w *world) leaveAndRepeat() {
	th := w.pick().afterAnswer()
	if th.addressed() || w.s.sim.Scripted() > 0 {
		return // with a fault to come, the turn may have failed before it is asked for again
	}
	th.tools, th.json, th.splitsCalls, th.at = "", false, false, 0
	w.say(th)
	w.asks[th.question()]++
	heard := rapid.Bool().Draw(w.T, "heard")
	marked := rapid.Bool().Draw(w.T, "marked")
	gate := make(chan struct{})
	w.hold(gate)
	r := th.request()
	r.Streamed = heard
	next, leave, err := w.begin(r)
	if err != nil {
		close(gate)
		return
	}
	for range 2 { // the text, and the pause after it
		if _, err, ok := next(); err != nil || !ok {
			break
		}
	}
	leave()
	again := th.request()
	again.Retried = marked
	if !marked && heard {
		w.asks[th.question()]++ // a person stopped it and wants another
	}
	close(gate)
	got, err := w.try(context.Background(), again)
	if err != nil {
		return
	}
	if attached := got.placement == chat.PlacementAttached; attached != (marked || !heard) {
		w.Fatalf("marked %t, heard %t: %s", marked, heard, got.placement)
	}
	w.judge(th, again, got)
	w.answered(th, got)
	w.s.drain()
}

// hold lets the next answer wait at the gate after its first words.
func (w *world) hold(gate <-chan struct{}) {
	w.mu.Lock()
	w.made++
	m := fmt.Sprintf("«%d»", 1_000_000+100*w.made)
	w.mu.Unlock()
	w.s.sim.Script(simulator.Stream(simulator.Deltas("a"), simulator.Wait(gate), simulator.Deltas(m), simulator.Object(), simulator.Done()))
}

// begin places a request. next asks it and reads its events one by one, and leave leaves.
func (w *world) begin(r *chat.Request) (next func() (chat.Event, error, bool), leave func(), err error) {
	a, err := w.gateway.Chat(context.Background(), r)
	if err != nil {
		return nil, nil, err
	}
	next, leave = iter.Pull2(a.Events())
	return next, leave, nil
}

// repeatTheEnd repeats a request whose answer was whole, because its client never saw
// the end: by its key, or marked by an SDK.
func (w *world) repeatTheEnd() {
	th := w.pick().afterAnswer()
	w.say(th)
	w.asks[th.question()]++
	w.shapeFor(th)
	r := th.request()
	if rapid.Bool().Draw(w.T, "keyed") {
		r.IdempotencyKey = "key" + th.question()
	}
	th.at = 0
	first, err := w.try(context.Background(), r)
	if err != nil {
		return
	}
	again := *r
	again.Retried = true
	got, err := w.try(context.Background(), &again)
	if err != nil || got.text != first.text || got.placement != chat.PlacementAttached {
		w.Fatalf("the repetition of a whole answer: %s %q, %v, want %q", got.placement, got.text, err, first.text)
	}
	w.judge(th, r, got)
	w.answered(th, got)
	if th.session != 0 {
		w.disturb(got.session)
	}
}

func (w *world) storeFails() {
	w.s.flaky.down.Store(true)
	th := w.pick().afterAnswer()
	th.at = 0
	w.say(th)
	w.ask(th)
	w.s.flaky.down.Store(false)
	th.at = 0 // nobody could note where it was
}

// interrupted is a call of the store that does its work, and whose reply is lost: the
// connection broke, or the client left. Nothing stays taken.
func (w *world) interrupted() {
	th := w.pick().afterAnswer()
	if w.s.sim.Scripted() > 0 {
		return
	}
	th.at = 0
	w.say(th)
	w.asks[th.question()]++
	w.shapeFor(th)
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	if rapid.Bool().Draw(w.T, "the client leaves") {
		w.s.flaky.atFailure.Store(&leave)
	}
	w.s.flaky.late.Store(true)
	w.s.flaky.left.Store(rapid.Int64Range(1, 8).Draw(w.T, "call"))
	r := th.request()
	got, err := w.try(ctx, r)
	w.s.flaky.left.Store(0)
	w.s.flaky.late.Store(false)
	w.s.flaky.atFailure.Store(nil)
	if err == nil {
		w.judge(th, r, got)
		w.answered(th, got)
	}
	w.s.drain()
	w.say(th.afterAnswer())
	if !w.ask(th) && slices.Contains(w.threads, th) {
		w.Fatalf("no answer after an interrupted call of the store")
	}
	th.at = 0
}

// restore puts the older copy of the store back.
func (w *world) restore() {
	if w.backup == "" {
		return
	}
	w.stop(func() {})
	w.serve(w.backup)
	w.backup, w.rewound, w.unsure = "", true, true
	w.disturb(0)
	if rapid.Bool().Draw(w.T, "the longest turn passes") {
		w.s.clock.Add(int64(conversation.MaxTurn))
		w.unsure = false
	}
}

func (w *world) renewGateway() { w.gateway = newGateway(w.s) }

// settle waits until nothing is taken any more.
func (w *world) settle() {
	w.s.sim.Script() // what was scripted is for nobody
	w.s.drain()
	deadline := time.Now().Add(tryTimeout)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		counts, err := w.s.keep.Counts(context.Background())
		if err != nil {
			w.Fatalf("Counts(): %v", err)
		}
		held := w.s.engine.Held()
		if counts[conversation.StateTaken] == 0 && held == 0 {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("%d sessions are taken in the store and %d things in the process, and no turn is running", counts[conversation.StateTaken], held)
		}
	}
}
