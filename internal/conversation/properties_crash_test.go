package conversation_test

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"pgregory.net/rapid"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// crashPoint is where a process dies: at one of its calls of the store or the platform.
type crashPoint struct {
	halt     func()        // lets the process neither store nor ask anything any more
	left     atomic.Int64  // calls until that one
	isDone   bool          // the call is done, and the process dies before it has the reply
	inAnswer bool          // it dies in the middle of the answer instead
	whole    int           // answers to the question that were whole before
	isFirst  bool          // no process has died in a turn of this request before
	reached  chan struct{} // closed when the process is dead
	hasAsked atomic.Bool   // a question was sent before, perhaps to a session that the platform had lost
	call     string        // the call at which it died, when reached is closed
}

// around makes a call, unless the process dies there. A nil crashPoint is nowhere.
func (c *crashPoint) around(name string, do func() error) error {
	if c == nil {
		return do()
	}
	if c.left.Add(-1) != 0 {
		c.hasAsked.Store(c.hasAsked.Load() || name == "Ask")
		return do()
	}
	if c.isDone {
		_ = do() // its reply is lost
	}
	c.halt()
	c.call = name
	close(c.reached)
	return &chat.Error{Kind: chat.KindBackend, Code: chat.CodeBackendUnreachable, Cause: errCrashed}
}

// How a client repeats a request.
const (
	repeatKeyed    = "keyed"
	repeatMarked   = "marked"
	repeatUnmarked = "unmarked"
)

// crashAndRepeat lets the process die during a request, once or twice: at one of its calls,
// in the middle of the answer, or before its client has seen the end. Then the client repeats
// the request. The question is asked once, and nobody waits for an answer that never comes.
func (w *world) crashAndRepeat() {
	th := w.pick().afterAnswer()
	if w.s.sim.Scripted() > 0 {
		return
	}
	if w.unsure { // the store may have lost the beginning of a turn that still runs
		w.s.clock.Add(int64(conversation.MaxTurn))
		w.unsure = false
	}
	th.at = 0
	w.say(th)
	w.asks[th.question()]++
	w.shapeFor(th)
	how := rapid.SampledFrom([]string{repeatKeyed, repeatMarked, repeatUnmarked}).Draw(w.T, "repeated")
	request := func() *chat.Request {
		r := th.request()
		if how == repeatKeyed {
			r.IdempotencyKey = "key" + th.question()
		}
		return r
	}
	open, whole := func() {}, 0
	for crash := range rapid.IntRange(1, 2).Draw(w.T, "crashes") {
		open()
		r := request()
		r.Retried = crash > 0 && how == repeatMarked
		var isWhole bool
		if open, isWhole = w.crashDuring(th, r, whole); !isWhole {
			continue
		}
		whole = w.timesAsked(th)
		switch {
		case how == repeatUnmarked && th.addressed():
			open()
			return // the session would get the question twice
		case how == repeatUnmarked:
			w.asks[th.question()]++ // nobody can tell it from a request for another answer
		}
	}
	defer open()
	again := request()
	again.Retried = how == repeatMarked
	w.repeatAfterCrash(th, again)
}

// repeatAfterCrash sends the request for the last time. It must be answered.
func (w *world) repeatAfterCrash(th *thread, again *chat.Request) {
	got, err := w.try(context.Background(), again)
	if err != nil {
		if w.missed(th, err); slices.Contains(w.threads, th) {
			w.Fatalf("the repetition after a crash: %v", err)
		}
		return
	}
	w.judge(th, again, got)
	w.answered(th, got)
	if th.session != 0 {
		w.disturb(got.session)
	}
	if !th.addressed() {
		th.at, th.atSystem, th.atTools = got.session, th.system, th.tools
	}
}

// crashDuring lets the process die during a request, and starts another. It reports whether the
// answer was whole by then. whole is how many answers to it were whole before. open lets the
// platform continue the answer, where that waits.
func (w *world) crashDuring(th *thread, r *chat.Request, whole int) (open func(), isWhole bool) {
	point, open := w.drawCrash(th, r, whole)
	w.s.flaky.crash.Store(point)
	w.link.crash.Store(point)
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, err = w.send(context.Background(), r)
	}()
	w.awaitCrash(th, point, ended)
	w.crash(func() { <-ended })
	w.mu.Lock()
	w.shape.gate = nil // where the request came to no question
	w.mu.Unlock()
	w.Logf("crashed at %q, done %t, in the answer %t: %v", point.call, point.isDone, point.inAnswer, err)
	w.afterCrash(th, r, point, open)
	return open, err == nil || point.call == "Save" && point.isDone && w.timesAsked(th) > whole
}

// drawCrash draws where the process dies. open opens the gate of the answer, if there is one.
func (w *world) drawCrash(th *thread, r *chat.Request, whole int) (point *crashPoint, open func()) {
	point = &crashPoint{halt: w.halt, reached: make(chan struct{}), whole: whole}
	point.isFirst = w.timesAsked(th) == whole && !w.mayBeAsked(r)
	point.inAnswer = point.isFirst && rapid.Bool().Draw(w.T, "in the answer")
	if !point.inAnswer {
		point.left.Store(rapid.Int64Range(1, 12).Draw(w.T, "call"))
		point.isDone = rapid.Bool().Draw(w.T, "done")
		return point, func() {}
	}
	gate := make(chan struct{})
	w.mu.Lock()
	w.shape.gate = gate
	w.mu.Unlock()
	return point, sync.OnceFunc(func() { close(gate) })
}

// awaitCrash waits until the process is where it dies, or the request has ended before.
func (w *world) awaitCrash(th *thread, point *crashPoint, ended <-chan struct{}) {
	if !point.inAnswer {
		select {
		case <-point.reached:
		case <-ended:
		}
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tryTimeout)
	defer cancel()
	go func() {
		select {
		case <-ended:
			cancel()
		case <-ctx.Done():
		}
	}()
	_ = w.s.sim.Await(ctx, func() bool { return w.timesAsked(th) > point.whole }) // or the request has failed
}

// afterCrash lets pass what has to pass before the repetition can be answered.
func (w *world) afterCrash(th *thread, r *chat.Request, point *crashPoint, open func()) {
	switch {
	case point.inAnswer && rapid.Bool().Draw(w.T, "stored before the repetition"):
		open()
	case point.inAnswer: // the platform ends the answer when the repetition has looked for it
		w.s.sim.InterceptOnce(simulator.RouteRecords, simulator.Afterwards(func(*http.Request) { open() }))
	case w.timesAsked(th) == point.whole && w.mayBeAsked(r):
		if point.isFirst && !point.hasAsked.Load() && point.isBeforeTheQuestion() {
			w.Fatalf("the process died at %s, and the store does not tell that the question was not asked", point.call)
		}
		// The process died between the commit before the question and the question. Nobody
		// knows that, so that a repetition waits for the longest turn.
		w.s.clock.Add(int64(conversation.MaxTurn))
	}
}

// isBeforeTheQuestion reports whether the process died where the store has to know that the
// question was not asked, because the way to the question is long.
func (c *crashPoint) isBeforeTheQuestion() bool {
	switch c.call {
	case "Records", "FindSession", "CreateSession", "UpdateSession":
		return true
	case "MarkUnasked", "MarkSettingsUnknown":
		return c.isDone
	}
	return false
}

// timesAsked counts how often the model was asked the thread's question.
func (w *world) timesAsked(th *thread) (times int) {
	for _, turn := range w.s.sim.Turns() {
		if all := seen(turn); !isRepair(turn.Text) && all[len(all)-1] == th.question() {
			times++
		}
	}
	return times
}

// mayBeAsked reports whether the store says that the question of a request may have been sent.
func (w *world) mayBeAsked(r *chat.Request) bool {
	list, _, err := w.s.keep.Sessions(context.Background(), conversation.Everyone(), 0, 10_000)
	if err != nil {
		w.Fatalf("Sessions(): %v", err)
	}
	return slices.ContainsFunc(list, func(s conversation.Session) bool {
		return s.Request == w.s.engine.Fingerprint(r) && s.EndUnknown && !s.Unasked
	})
}
