package conversation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"achuan/internal/chat"
	"achuan/internal/conversation"
	"achuan/internal/openai"
	"achuan/internal/store"
)

// Run with
//
//	make bench-conversation

// instant is a platform without a network that never forgets a session.
type instant struct {
	conversation.Platform
	sessions int64
}

func (p *instant) CreateSession(_ context.Context, m string) (chat.Session, error) {
	p.sessions++
	return chat.Session{ID: p.sessions, Settings: chat.Settings{Model: m}, Object: []byte(`{}`)}, nil
}

func (*instant) UpdateSession(_ context.Context, s chat.Session) (chat.Session, error) {
	s.ContextCount = 1 << 30
	return s, nil
}

func (*instant) Ask(context.Context, chat.Question) (chat.Stream, error) {
	return new(shortStream), nil
}

// shortStream streams a short answer.
type shortStream struct{ isSent bool }

func (s *shortStream) Next() (chat.Event, error) {
	if !s.isSent {
		s.isSent = true
		return chat.Event{Kind: chat.EventText, Text: "an answer"}, nil
	}
	return chat.Event{Kind: chat.EventDone, Finish: chat.FinishStop, Stored: "an answer"}, nil
}

func (*shortStream) Close() error { return nil }

func benchEngine(b testing.TB) *conversation.Engine {
	b.Helper()
	db, err := store.Open(b.Context(), store.Options{URL: "sqlite:" + filepath.Join(b.TempDir(), "achuan.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	keep, err := db.Account(b.Context(), "bench")
	if err != nil {
		b.Fatal(err)
	}
	return conversation.New(conversation.Options{
		Platform: new(instant), Store: keep, Host: "bench", Logger: slog.New(slog.DiscardHandler),
		Renderer: plainRenderer{},
	})
}

func benchAsk(b testing.TB, e *conversation.Engine, r *chat.Request) *conversation.Answer {
	b.Helper()
	a, err := e.Ask(b.Context(), conversation.Question{Request: r})
	if err != nil {
		b.Fatal(err)
	}
	return a
}

// transcriptOf returns a transcript of that many messages, which ends in a question. Each message has about 600
// bytes, as in chats.
func transcriptOf(messages int) []chat.Message {
	text := strings.Repeat("words that people use. ", 26)
	var list []chat.Message
	for i := range messages / 2 {
		list = append(list, user(fmt.Sprint("question ", i, " ", text)), assistant(fmt.Sprint("answer ", i, " ", text)))
	}
	return append(list[:messages-messages%2], user("and now?"))
}

func benchBody(b *testing.B, messages []chat.Message) []byte {
	b.Helper()
	type message struct {
		Role    chat.Role `json:"role"`
		Content string    `json:"content"`
	}
	body := struct {
		Model    string    `json:"model"`
		Messages []message `json:"messages"`
	}{Model: model}
	for _, m := range messages {
		body.Messages = append(body.Messages, message{m.Role, m.Text})
	}
	text, err := json.Marshal(body)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// BenchmarkPlacement measures how a transcript finds its session: the body is decoded, the transcript is hashed,
// and the session with its head is taken and released. "decode" measures only the first step.
func BenchmarkPlacement(b *testing.B) {
	for _, n := range []int{2, 20, 200, 2000} {
		e := benchEngine(b)
		messages := transcriptOf(n)
		history := messages[:len(messages)-1]
		body := benchBody(b, messages)
		decode := func(b *testing.B) *chat.Request {
			r, err := openai.DecodeChat(body)
			if err != nil {
				b.Fatal(err)
			}
			r.Caller = alice
			return &r.Request.Request
		}
		// Create a session with the history: ask all but its last answer, which the platform then gives.
		history[len(history)-1] = assistant("an answer")
		if _, err := finish(benchAsk(b, e, whole(alice, history[:len(history)-1]...))); err != nil {
			b.Fatal(err)
		}
		body = benchBody(b, messages)
		b.Run(fmt.Sprintf("decode/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				decode(b)
			}
		})
		b.Run(fmt.Sprintf("place/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				a := benchAsk(b, e, decode(b))
				if a.Placement() != chat.PlacementContinued {
					b.Fatalf("placement = %s, want %s", a.Placement(), chat.PlacementContinued)
				}
				a.Discard()
			}
		})
	}
}

// BenchmarkTurn measures a whole turn without the platform: in a new session, and as the next turn of a chat of 2
// to 40 messages.
func BenchmarkTurn(b *testing.B) {
	b.Run("new", func(b *testing.B) {
		e := benchEngine(b)
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if _, err := finish(benchAsk(b, e, whole(alice, user(fmt.Sprint("hello ", n))))); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("continued", func(b *testing.B) {
		e := benchEngine(b)
		b.ReportAllocs()
		var messages []chat.Message
		for n := 0; b.Loop(); n++ {
			if len(messages) >= 40 {
				messages = nil
			}
			messages = append(messages, user(fmt.Sprint("hello ", n)))
			got, err := finish(benchAsk(b, e, whole(alice, messages...)))
			if err != nil {
				b.Fatal(err)
			}
			messages = append(messages, assistant(got.text))
		}
	})
}
