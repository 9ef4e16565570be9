package conversation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/simulator"
)

// interrupted is a store whose calls that take something succeed, but then return an error or panic.
type interrupted struct {
	*flaky
	failures int // how many calls do so
	panics   bool
}

func (i *interrupted) interrupt(err error) error {
	if err != nil || i.failures == 0 {
		return err
	}
	i.failures--
	if i.panics {
		panic("in the middle of a call")
	}
	return errDown
}

func (i *interrupted) AttachOrBegin(ctx context.Context, e conversation.TurnRequest) (conversation.TurnResult, error) {
	s, err := i.flaky.AttachOrBegin(ctx, e)
	if e.Turn.Key.IsZero() || i.panics {
		return s, err
	}
	return s, i.interrupt(err)
}

func (i *interrupted) Match(ctx context.Context, c conversation.HeadQuery) (*conversation.Session, bool, error) {
	s, once, err := i.flaky.Match(ctx, c)
	return s, once, i.interrupt(err)
}

func (i *interrupted) Take(
	ctx context.Context, id int64, t conversation.Taking, r conversation.Addressing,
) (*conversation.Session, error) {
	s, err := i.flaky.Take(ctx, id, t, r)
	return s, i.interrupt(err)
}

func (i *interrupted) Create(ctx context.Context, s conversation.Session, t conversation.Taking) error {
	return i.interrupt(i.flaky.Create(ctx, s, t))
}

func (i *interrupted) ClaimName(
	ctx context.Context, k conversation.NameKey, t conversation.Token,
) (conversation.Name, bool, error) {
	n, claimed, err := i.flaky.ClaimName(ctx, k, t)
	return n, claimed, i.interrupt(err)
}

func (i *interrupted) BindName(ctx context.Context, b conversation.NameBinding, id int64) error {
	return i.interrupt(i.flaky.BindName(ctx, b, id))
}

func (i *interrupted) TakeExpired(
	ctx context.Context, lineage, named time.Time, t conversation.Token, limit int,
) ([]conversation.Session, error) {
	list, err := i.flaky.TakeExpired(ctx, lineage, named, t, limit)
	if len(list) == 0 {
		return list, err
	}
	return list, i.interrupt(err)
}

// What a call has taken is released unchanged and at once, when the call then returns an error or panics.
func TestInterruptedCalls(t *testing.T) {
	for _, panics := range []bool{false, true} {
		for name, request := range map[string]func(first int64, text string) *chat.Request{
			"by head": func(_ int64, text string) *chat.Request {
				return whole(alice, user("hello"), assistant(text), user("next"))
			},
			"by id":   func(first int64, _ string) *chat.Request { return byID(alice, first, user("next")) },
			"by name": func(int64, string) *chat.Request { return byName(alice, "n", user("next")) },
			"new":     func(int64, string) *chat.Request { return whole(alice, user("another")) },
			"by key": func(_ int64, text string) *chat.Request {
				return keyed("k", whole(alice, user("hello"), assistant(text), user("next")))
			},
		} {
			for failures := 1; failures <= 2; failures++ {
				t.Run(name, func(t *testing.T) {
					s := plainSite(t)
					first := s.ask(whole(alice, user("hello")))
					store := &interrupted{flaky: s.flaky, panics: panics}
					s.options.Store = store
					s.restart()
					before, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), first.session)
					if err != nil {
						t.Fatal(err)
					}
					store.failures = failures
					_, err = s.try(t.Context(), request(first.session, first.text))
					if panics && (err == nil || chat.AsError(err).Code != chat.CodeInternal) {
						t.Errorf("Ask = %v, want an internal error", err)
					}
					store.failures = 0
					s.nothingTaken()
					list, _, err := s.keep.Sessions(t.Context(), conversation.OwnerOf(alice.ID), 0, 10)
					if err != nil {
						t.Fatal(err)
					}
					for _, got := range list {
						if got.State == conversation.StateTaken {
							t.Errorf("state of session %d = %s, want it released", got.ID, got.State)
						}
						if got.ID == before.ID && (got.Head != before.Head || got.Addressing != before.Addressing) && name != "by head" && name != "by key" {
							t.Errorf("session %d = %+v, want the same head and addressing as %+v", got.ID, got, before)
						}
					}
					s.ask(request(first.session, first.text))
				})
			}
		}
	}
}

// The clean-up releases what it took, also when it panics, and continues.
func TestInterruptedCleanUp(t *testing.T) {
	for _, panics := range []bool{false, true} {
		s := plainSite(t)
		s.ask(whole(alice, user("old")))
		s.options.Retention = time.Second
		s.options.Store = &interrupted{flaky: s.flaky, failures: 1, panics: panics}
		s.restart()
		s.await(func() bool { return len(s.sim.Deleted()) == 1 })
		s.nothingTaken()
	}
}

// A session that a lost commit may have taken is not continued: a transcript is replayed,
// an id and a name lead to a session rebuilt from the records.
func TestSessionThatMayBeTaken(t *testing.T) {
	s := plainSite(t)
	chatted := s.ask(whole(alice, user("hello")))
	byIDs := s.ask(whole(alice, user("of an id")))
	s.ask(byID(alice, byIDs.session, user("more")))
	named := s.ask(byName(alice, "n", user("of a name")))
	if err := s.keep.MarkUnverified(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := whole(alice, user("hello"), assistant(chatted.text), user("next"))
	s.fresh(s.ask(next), chat.PlacementReplayed, chatted.session)
	s.fresh(s.ask(byID(alice, byIDs.session, user("next"))), chat.PlacementReplayed, byIDs.session)
	s.checkLastText("of an id", "more", "next")
	s.fresh(s.ask(byName(alice, "n", user("next"))), chat.PlacementReplayed, named.session)
	s.checkLastText("of a name", "next")
	// When the rebuild fails, the session may still be taken.
	failed := s.ask(byName(bob, "n", user("of bob")))
	if err := s.keep.MarkUnverified(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.sim.Script(simulator.CutShort(""))
	s.askRefused(byName(bob, "n", user("one")), chat.CodeBackendTruncated)
	s.fresh(s.ask(byName(bob, "n", user("two"))), chat.PlacementReplayed, failed.session)
	s.clock.Add(int64(conversation.MaxTurn))
	transcript := whole(alice, user("hello"), assistant(chatted.text), user("other"))
	s.continued(s.ask(transcript), chatted.session, "other")
}

// When the store may have lost commits, the stored settings are not used. The session gets the settings of the
// request.
func TestSettingsBelongToTheEpoch(t *testing.T) {
	for name, change := range map[string]func(*chat.Request){
		"prompt": func(r *chat.Request) { r.Messages = append([]chat.Message{system("be brief")}, r.Messages...) },
		"model":  func(r *chat.Request) { r.Model = otherModel },
	} {
		t.Run(name, func(t *testing.T) {
			s := plainSite(t)
			first := s.ask(whole(alice, user("hello")))
			// Change the settings after the backup.
			second := whole(alice, user("hello"), assistant(first.text), user("next"))
			change(second)
			before, err := s.keep.Session(t.Context(), conversation.OwnerOf(alice.ID), first.session)
			if err != nil {
				t.Fatal(err)
			}
			a := s.begin(second)
			a.Discard()
			s.drain()
			token := conversation.Token{1}
			taking := conversation.Taking{Token: token}
			got, err := s.keep.Take(t.Context(), first.session, taking, conversation.ByLineage)
			if err != nil {
				t.Fatal(err)
			}
			before.Request = got.Request
			if err := s.keep.Save(t.Context(), conversation.Commit{Token: token, Session: *before}); err != nil {
				t.Fatal(err)
			}
			if now, _ := s.sim.Session(first.session); now.Prompt == "" && now.Model == model {
				t.Fatalf("the platform's settings = %+v, want others than the store's", now.Settings)
			}
			s.unverify()
			s.continued(s.ask(whole(alice, user("hello"), assistant(first.text), user("next"))), first.session, "next")
			if turn := s.last(); strings.Contains(turn.Prompt, "brief") || turn.Model != model {
				t.Errorf("turn = model %s with the prompt %q, want %s without the prompt", turn.Model, turn.Prompt, model)
			}
		})
	}
}
