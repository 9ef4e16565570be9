package conversation_test

import (
	"context"
	"net/http"
	"path"
	"slices"
	"strconv"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// Without a store answers go on where that is safe: by transcript, replayed.
func TestNoStore(t *testing.T) {
	s := plainSite(t)
	first := s.ask(whole(alice, user("hello")))
	s.flaky.down.Store(true)
	second := s.ask(whole(alice, user("hello"), assistant(first.text), user("next")))
	s.fresh(second, chat.PlacementReplayed, first.session)
	for name, r := range map[string]*chat.Request{
		"id": byID(alice, first.session, user("x")), "anonymous id": byID(chat.Anonymous, first.session, user("x")),
		"name": byName(alice, "n", user("x")), "key": keyed("k", whole(alice, user("x"))),
	} {
		if e := s.refused(r, chat.CodeStoreUnavailable); e.Kind != chat.KindUnavailable || e.RetryAfter <= 0 {
			t.Errorf("by %s: %+v", name, e)
		}
	}
	s.flaky.down.Store(false)
	// No session holds what was answered meanwhile; the one from before holds the rest.
	s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
	got := s.ask(whole(alice, user("hello"), assistant(first.text), user("next"), assistant(second.text), user("more")))
	s.fresh(got, chat.PlacementReplayed, first.session, second.session)
}

// noCreate is a store that cannot take in a new session.
type noCreate struct{ *flaky }

func (*noCreate) Create(context.Context, conversation.Session, conversation.Taking) error {
	return errDown
}

// A session that cannot be stored, and that its client would address again, is deleted
// on the platform.
func TestSessionThatCannotBeKept(t *testing.T) {
	s := plainSite(t)
	s.options.Store = &noCreate{s.flaky}
	s.restart()
	s.refused(byName(alice, "n", user("hello")), chat.CodeStoreUnavailable)
	s.refused(keyed("k", whole(alice, user("hello"))), chat.CodeStoreUnavailable)
	if left := s.sim.Sessions(); len(left) != 0 || s.sim.Calls(simulator.RouteCreateSession) != 2 {
		t.Errorf("left behind: %v", left)
	}
	s.asked(0)
	s.ask(whole(alice, user("hello"))) // by transcript it goes on
}

// An end that could not be committed is when the store is back: until then the
// session matches nothing.
func TestEndIsCommittedLater(t *testing.T) {
	s := newLeasedSite(t, simulator.Options{}, false, time.Second)
	gate := make(chan struct{})
	a := s.hold(whole(alice, user("hello")), gate)
	done := make(chan result)
	go func() {
		got, err := finish(a)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	s.await(func() bool { return s.sim.InFlight() == 1 })
	s.flaky.down.Store(true)
	close(gate)
	first := <-done
	s.flaky.down.Store(false)
	// Its lease lasts; by id the request waits for it.
	got := s.ask(byID(alice, first.session, user("next")))
	s.continued(got, first.session, "next")
	if n := len(s.last().History); n != 1 {
		t.Errorf("the model saw %d exchanges", n)
	}
}

// Writes that are pending when the program ends are committed first.
func TestEndIsCommittedAtTheLast(t *testing.T) {
	s := plainSite(t)
	a := s.begin(whole(alice, user("hello")))
	s.flaky.down.Store(true)
	first, err := finish(a)
	if err != nil {
		t.Fatal(err)
	}
	s.flaky.down.Store(false)
	s.stop()
	s.start()
	s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
}

// A conversation that moved into a new session while the store was away has moved
// when it is back: the old id does not lead to what was there before.
func TestMoveIsCommittedLater(t *testing.T) {
	s := newLeasedSite(t, simulator.Options{}, false, time.Second)
	old := s.ask(byName(alice, "n", user("q-one"))).session
	s.sim.Script(simulator.CutShort("a-two"))
	s.refused(byName(alice, "n", user("q-two")), chat.CodeBackendTruncated)
	gate := make(chan struct{})
	a := s.hold(byName(alice, "n", user("q-three")), gate)
	done := make(chan result)
	go func() {
		got, err := finish(a)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	s.await(func() bool { return s.sim.InFlight() == 1 })
	s.flaky.down.Store(true)
	close(gate)
	moved := <-done
	s.flaky.down.Store(false)
	s.fresh(moved, chat.PlacementReplayed, old)
	s.continued(s.ask(byID(alice, old, user("q-four"))), moved.session, "q-four")
}

// Invariant a: when the question is sent, the session is in the store, taken.
// Invariant c: from before a PUT until the end of the turn its settings are not known.
// Invariant b: when the end is told, the head is in the store.
func TestInvariants(t *testing.T) {
	s := plainSite(t)
	var checked []string
	look := func(what string) func(http.ResponseWriter, *http.Request, http.HandlerFunc) {
		return func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
			list, _, err := s.keep.Sessions(r.Context(), conversation.OwnerOf(alice.ID), 0, 10)
			if err != nil || len(list) != 1 || list[0].State != conversation.StateTaken || list[0].SettingsKnown {
				t.Errorf("%s: %+v, %v", what, list, err)
			}
			checked = append(checked, what)
			next(w, r)
		}
	}
	s.sim.Intercept(simulator.RouteCompletions, look("question"))
	s.sim.Intercept(simulator.RouteUpdateSession, look("settings"))
	ends := 0
	for _, r := range []*chat.Request{
		whole(alice, user("hello")),
		whole(alice, system("be brief"), user("hello"), assistant("answer 1 to: hello"), user("next")),
	} {
		a := s.begin(r)
		for ev, err := range a.Events() {
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), a.Session())
			if err != nil {
				t.Fatal(err)
			}
			ended := ev.Kind == chat.EventDone
			if (got.State == conversation.StateFree) != ended || ended && got.Head.IsZero() {
				t.Errorf("at event %d: %s, head %x", ev.Kind, got.State, got.Head)
			}
			if ended {
				ends++
			}
		}
	}
	if ends != 2 || len(checked) != 4 {
		t.Errorf("%d ends, checked %v", ends, checked)
	}
}

// The clean-up deletes unused sessions and keeps the others.
func TestCleanUp(t *testing.T) {
	s := plainSite(t)
	s.options.Retention = time.Second
	s.restart()
	old := s.ask(whole(alice, user("old")))
	addressed := s.ask(whole(alice, user("addressed")))
	s.ask(byID(alice, addressed.session, user("again")))
	named := s.ask(byName(alice, "n", user("named")))
	foreign := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, foreign, user("foreign")))
	failures := 0
	s.sim.Intercept(simulator.RouteDeleteSession, func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		if failures++; failures == 1 {
			http.Error(w, "not now", http.StatusInternalServerError)
			return
		}
		next(w, r)
	})
	s.await(func() bool { return len(s.sim.Deleted()) > 0 })
	if deleted := s.sim.Deleted(); len(deleted) != 1 || deleted[0] != old.session || failures != 2 {
		t.Errorf("deleted %v after %d tries, want %d alone", deleted, failures, old.session)
	}
	for _, id := range []int64{addressed.session, named.session, foreign} {
		if _, ok := s.sim.Session(id); !ok {
			t.Errorf("session %d is gone", id)
		}
	}
}

// Sessions that were replaced, and those of names that come with a history, are not the
// only copy of anything: they are deleted, and what led to them still leads on.
func TestCleanUpOfCopies(t *testing.T) {
	s := plainSite(t)
	old := s.ask(byID(alice, s.ask(whole(alice, user("one"))).session, user("two"))).session
	s.sim.Script(simulator.CutShort("half"))
	s.refused(byID(alice, old, user("three")), chat.CodeBackendTruncated)
	next := s.ask(byID(alice, old, user("four")))
	s.fresh(next, chat.PlacementReplayed, old)
	scoped := s.ask(byName(alice, "n", user("p"), assistant("a"), user("q"))).session
	lone := s.ask(byName(alice, "m", user("named"))).session

	s.options.Retention = time.Second
	s.restart()
	s.await(func() bool { return len(s.sim.Deleted()) >= 2 })
	deleted := s.sim.Deleted()
	slices.Sort(deleted)
	if want := []int64{old, scoped}; !slices.Equal(deleted, want) {
		t.Errorf("deleted %v, want %v", deleted, want)
	}
	s.expect(s.ask(byID(alice, old, user("five"))), next.session, chat.PlacementContinued, "five")
	s.expect(s.ask(byName(alice, "m", user("more"))), lone, chat.PlacementContinued, "more")
	s.nothingTaken()
}

// Invariant d: a session that is deleted is taken, also when the clean-up was held up
// for longer than its lease.
func TestCleanUpThatIsHeldUp(t *testing.T) {
	const lease = time.Second / 4
	s := newLeasedSite(t, simulator.Options{}, false, lease)
	s.options.Retention, s.options.Store = time.Second, &heldUp{flaky: s.flaky, pause: 2 * lease}
	s.restart()
	for _, text := range []string{"one", "two"} {
		s.ask(whole(alice, user(text)))
	}
	s.sim.Intercept(simulator.RouteDeleteSession, func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		id, err := strconv.ParseInt(path.Base(r.URL.Path), 10, 64)
		if err != nil {
			t.Error(err)
		}
		got, err := s.keep.Session(r.Context(), conversation.OwnerOf(alice.ID), id)
		if err != nil || got.State != conversation.StateTaken {
			t.Errorf("deleted while %+v, %v", got, err)
		}
		next(w, r)
	})
	s.await(func() bool { return len(s.sim.Deleted()) == 2 })
}

// heldUp is a store that does not answer for a while after its first deletion.
type heldUp struct {
	*flaky
	pause time.Duration
}

func (h *heldUp) Delete(ctx context.Context, id int64, token conversation.Token) error {
	err := h.flaky.Delete(ctx, id, token)
	h.down.Store(true) // no lease is extended
	<-time.After(h.pause)
	h.down.Store(false)
	h.pause = 0
	return err
}

// Titles and the like are asked in sessions that are thrown away, whatever they are
// labelled with.
func TestSideTasks(t *testing.T) {
	openWebUI := user("### Task:\nGenerate a title.\n### Chat History:\n<chat_history>\nUSER: hello\n</chat_history>")
	for _, tc := range []struct {
		name     string
		messages []chat.Message
		aside    bool
	}{
		{"Open WebUI", []chat.Message{openWebUI}, true},
		{"opencode", []chat.Message{system("You are a title generator. You output ONLY a thread title. Nothing else."), user("Generate a title:"), user("hello")}, true},
		{"NextChat", []chat.Message{user("hello"), assistant("hi"), user("使用四到五个字直接返回这句话的简要主题，不要解释")}, true},
		{"a person who asks for a title", []chat.Message{user("Generate a title for my talk")}, false},
		{"a person who quotes Open WebUI", []chat.Message{user("What does `### Task:` mean?")}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(byName(alice, "n", user("hello")))
			got := s.ask(byName(alice, "n", tc.messages...))
			if aside := got.session != first.session; aside != tc.aside && len(tc.messages) == 1 {
				t.Errorf("in %d, the chat in %d", got.session, first.session)
			}
			if tc.aside {
				s.await(func() bool { return len(s.sim.Deleted()) == 1 })
				s.continued(s.ask(byName(alice, "n", user("more"))), first.session, "more")
				if h := s.last().History; len(h) != 1 {
					t.Errorf("the chat was disturbed: %v", h)
				}
			}
		})
	}
	t.Run("switched off", func(t *testing.T) {
		s := plainSite(t)
		s.options.KeepSideTasks = true
		s.restart()
		first := s.ask(byName(alice, "n", user("hello")))
		s.continued(s.ask(byName(alice, "n", openWebUI)), first.session, openWebUI.Text)
	})
}

func TestSessionsOfACaller(t *testing.T) {
	s := plainSite(t)
	ctx := t.Context()
	first := s.ask(byName(alice, "n", user("hello")))
	s.ask(byID(alice, first.session, user("again")))
	made, err := s.engine.CreateSession(ctx, alice, model)
	if err != nil {
		t.Fatal(err)
	}
	s.continued(s.ask(byID(alice, made.ID, user("into it"))), made.ID, "into it")
	if turn := s.last(); turn.ContextCount != 65 {
		t.Errorf("context %d", turn.ContextCount)
	}
	list, total, err := s.engine.ListSessions(ctx, conversation.OwnerOf(alice.ID), 0, 10)
	if err != nil || total != 2 || list[0].ID != made.ID || list[1].ID != first.session || list[1].Turns != 2 || list[1].Name != "n" {
		t.Errorf("%+v, %d, %v", list, total, err)
	}
	if list, total, _ := s.engine.ListSessions(ctx, conversation.OwnerOf(bob.ID), 0, 10); total != 0 || len(list) != 0 {
		t.Errorf("another's: %+v", list)
	}
	if _, total, _ := s.engine.ListSessions(ctx, conversation.Everyone(), 1, 1); total != 2 {
		t.Errorf("everyone's: %d", total)
	}
	page, err := s.engine.ListMessages(ctx, conversation.OwnerOf(alice.ID), first.session, 1)
	if err != nil || len(page.Records) != 2 || page.Records[0].UserText != "hello" || page.Records[1].UserText != "again" {
		t.Errorf("%+v, %v", page, err)
	}
	for name, err := range map[string]error{
		"show": func() error {
			_, err := s.engine.GetSession(ctx, conversation.OwnerOf(bob.ID), first.session)
			return err
		}(),
		"read": func() error {
			_, err := s.engine.ListMessages(ctx, conversation.OwnerOf(bob.ID), first.session, 1)
			return err
		}(),
		"remove": s.engine.DeleteSession(ctx, conversation.OwnerOf(bob.ID), first.session),
	} {
		if e := chat.AsError(err); e == nil || e.Code != chat.CodeSessionNotFound {
			t.Errorf("another may %s: %v", name, err)
		}
	}
	if err := s.engine.DeleteSession(ctx, conversation.OwnerOf(alice.ID), first.session); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.sim.Session(first.session); ok {
		t.Error("it is there still")
	}
	s.refused(byID(alice, first.session, user("x")), chat.CodeSessionNotFound)
	foreign := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, foreign, user("x")))
	if err := s.engine.DeleteSession(ctx, conversation.OwnerOf(chat.AnonymousID), foreign); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.sim.Session(foreign); !ok {
		t.Error("a session that achuan did not make was deleted")
	}
}

// Pages of messages are oldest first, whatever the platform's order.
func TestPagesOfMessages(t *testing.T) {
	s := plainSite(t)
	id := s.ask(whole(alice, user("q1"))).session
	for range 24 {
		s.sim.AppendRecord(id, "q", "a")
	}
	seen := 0
	for page := 1; ; page++ {
		p, err := s.engine.ListMessages(t.Context(), conversation.OwnerOf(alice.ID), id, page)
		if err != nil || p.Pages != 3 || p.Total != 25 {
			t.Fatalf("%+v, %v", p, err)
		}
		if page == 1 && p.Records[0].UserText != "q1" {
			t.Errorf("the first is %q", p.Records[0].UserText)
		}
		if len(p.Records) == 0 {
			break
		}
		seen += len(p.Records)
	}
	if seen != 25 {
		t.Errorf("%d records", seen)
	}
}
