package gateway

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"achuan/internal/chat"
	"achuan/internal/emulate"
)

func pictureEvent(url string) chat.Event { return chat.Event{Kind: chat.EventPicture, Text: url} }

// The pictures of an answer are events beside the text. Without their Markdown, the answer is cut: its text does not
// tell it from others.
func TestPictures(t *testing.T) {
	const url = "https://cdn.example.test/a.png"
	done := func(isCut bool) chat.Event {
		ev := doneEvent
		ev.Finish, ev.Cut = chat.FinishStop, isCut
		return ev
	}
	give := []chat.Event{
		textEvent("!"), pauseEvent, textEvent(" Here: ![ima"), pauseEvent, textEvent("ge](" + url + ") and"), textEvent("\n> 进度 12..34"), textEvent("..100\nmore !"), doneEvent,
	}
	for _, c := range []struct {
		name   string
		output PictureOutput
		want   []chat.Event
	}{
		{"both", PictureOutput{}, []chat.Event{
			textEvent("! Here: "), pauseEvent, textEvent("![image](" + url + ")"), pictureEvent(url), textEvent(" and"), textEvent("\n"),
			textEvent("more "), textEvent("!"), done(false),
		}},
		{"Markdown", PictureOutput{NoEvents: true}, []chat.Event{
			textEvent("! Here: "), pauseEvent, textEvent("![image](" + url + ")"), textEvent(" and"), textEvent("\n"),
			textEvent("more "), textEvent("!"), done(false),
		}},
		{"images", PictureOutput{NoMarkdown: true}, []chat.Event{
			textEvent("! Here: "), pauseEvent, pictureEvent(url), textEvent(" and"), textEvent("\n"), textEvent("more "), textEvent("!"), done(true),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, err := emulate.NewPlan(t.Context(), &chat.Request{}, emulate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			s := newShaper(&chat.Request{}, plan)
			s.pictures = c.output.filter("")
			var got []chat.Event
			for _, ev := range give {
				if _, err := s.Shape(ev, func(ev chat.Event) { got = append(got, ev) }); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}
