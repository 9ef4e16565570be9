package conversation_test

import (
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
)

func TestSessionsOfACaller(t *testing.T) {
	s := plainSite(t)
	ctx := t.Context()
	first := s.ask(byName(alice, "n", user("hello")))
	s.ask(byID(alice, first.session, user("again")))
	created, err := s.engine.CreateSession(ctx, alice, model)
	if err != nil {
		t.Fatal(err)
	}
	s.continued(s.ask(byID(alice, created.ID, user("into it"))), created.ID, "into it")
	if turn := s.last(); turn.ContextCount != 65 {
		t.Errorf("context count = %d, want 65", turn.ContextCount)
	}
	list, total, err := s.engine.ListSessions(ctx, conversation.OwnerOf(alice.ID), 0, 10)
	if err != nil || total != 2 || list[0].ID != created.ID || list[1].ID != first.session || list[1].Turns != 2 || list[1].Name != "n" {
		t.Errorf("ListSessions(alice) = %+v, %d, %v, want session %d and then %d with 2 turns and the name n",
			list, total, err, created.ID, first.session)
	}
	if list, total, _ := s.engine.ListSessions(ctx, conversation.OwnerOf(bob.ID), 0, 10); total != 0 || len(list) != 0 {
		t.Errorf("ListSessions(bob) = %+v, %d, want none", list, total)
	}
	if _, total, _ := s.engine.ListSessions(ctx, conversation.Everyone(), 1, 1); total != 2 {
		t.Errorf("ListSessions(everyone) = %d in total, want 2", total)
	}
	page, err := s.engine.ListMessages(ctx, conversation.OwnerOf(alice.ID), first.session, 1)
	if err != nil || len(page.Records) != 2 || page.Records[0].UserText != "hello" || page.Records[1].UserText != "again" {
		t.Errorf("ListMessages(%d) = %+v, %v, want hello and again", first.session, page, err)
	}
	for call, err := range map[string]error{
		"GetSession": func() error {
			_, err := s.engine.GetSession(ctx, conversation.OwnerOf(bob.ID), first.session)
			return err
		}(),
		"ListMessages": func() error {
			_, err := s.engine.ListMessages(ctx, conversation.OwnerOf(bob.ID), first.session, 1)
			return err
		}(),
		"DeleteSession": s.engine.DeleteSession(ctx, conversation.OwnerOf(bob.ID), first.session),
	} {
		if e := chat.AsError(err); e == nil || e.Code != chat.CodeSessionNotFound {
			t.Errorf("%s of another caller's session = %v, want the code %s", call, err, chat.CodeSessionNotFound)
		}
	}
	if err := s.engine.DeleteSession(ctx, conversation.OwnerOf(alice.ID), first.session); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.sim.Session(first.session); ok {
		t.Errorf("Session(%d) after DeleteSession exists on the platform, want none", first.session)
	}
	s.askRefused(byID(alice, first.session, user("x")), chat.CodeSessionNotFound)
	foreign := s.sim.AddSession(model)
	s.ask(byID(chat.Anonymous, foreign, user("x")))
	if err := s.engine.DeleteSession(ctx, conversation.OwnerOf(chat.AnonymousID), foreign); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.sim.Session(foreign); !ok {
		t.Errorf("Session(%d) = none, want that DeleteSession keeps a session that achuan did not create", foreign)
	}
}

// Pages of messages begin with the oldest, whatever the order of the platform is.
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
			t.Fatalf("ListMessages(page %d) = %+v, %v, want 3 pages with 25 records", page, p, err)
		}
		if page == 1 && p.Records[0].UserText != "q1" {
			t.Errorf("first record = %q, want q1", p.Records[0].UserText)
		}
		if len(p.Records) == 0 {
			break
		}
		seen += len(p.Records)
	}
	if seen != 25 {
		t.Errorf("records on all pages = %d, want 25", seen)
	}
}
