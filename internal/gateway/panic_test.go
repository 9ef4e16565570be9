package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/store"
)

// panickyPlatform panics when a session is created.
type panickyPlatform struct{ conversation.Platform }

func (panickyPlatform) CreateSession(context.Context, string) (chat.Session, error) { panic("oh my") }

// A panic while choices are placed does not end the process: the goroutine of the request gets the
// panic or an internal error.
func TestPanicWhilePlacing(t *testing.T) {
	for _, n := range []int{1, 3} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			db, err := store.Open(t.Context(), store.Options{URL: "sqlite::memory:", Lease: conversation.DefaultLease})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = db.Close() }()
			keep, err := db.Account(t.Context(), "a")
			if err != nil {
				t.Fatal(err)
			}
			logger := slog.New(slog.DiscardHandler)
			g := New(Options{
				Conversations: conversation.New(conversation.Options{
					Platform: panickyPlatform{}, Store: keep, Renderer: Renderer{}, Host: "host", Logger: logger,
				}),
				Models: &fakeLister{}, Logger: logger,
			})
			request := &chat.Request{
				Model: builtInModels[0], N: n, Caller: chat.Anonymous,
				Messages: []chat.Message{{Role: chat.RoleUser, Text: "Hi"}},
			}
			if got := chatOutcome(g, request); got != "panic" && got != "internal" {
				t.Errorf("Chat() of %d choices = %s, want a panic on this goroutine or an internal error", n, got)
			}
		})
	}
}

// chatOutcome returns "panic", "internal" or the error of a call of Chat.
func chatOutcome(g *Gateway, r *chat.Request) (outcome string) {
	defer func() {
		if recover() != nil {
			outcome = "panic"
		}
	}()
	_, err := g.Chat(context.Background(), r)
	if e := chat.AsError(err); e != nil && e.Kind == chat.KindInternal {
		return "internal"
	}
	return fmt.Sprint(err)
}
