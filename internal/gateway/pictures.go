package gateway

import (
	"context"
	"fmt"
	"strings"

	"achuan/internal/chat"
	"achuan/internal/media"
)

// PictureOutput says how clients get the pictures of answers. The zero value is as Markdown and as
// events.
type PictureOutput struct {
	NoMarkdown bool // the Markdown of pictures is removed from the text
	NoEvents   bool // there is no EventPicture
	// Keep stores a copy of a picture and returns a link to it, which begins with base; nil keeps none.
	Keep func(ctx context.Context, base, url string) string
}

// filter returns a filter for one answer of a model that draws. The links to copies of pictures begin with base.
func (o PictureOutput) filter(base string) *pictureShaper {
	s := &pictureShaper{filter: media.PictureFilter{DropMarkdown: o.NoMarkdown}, hasEvents: !o.NoEvents}
	if o.Keep != nil && base != "" {
		// The copy is made even if the client has left: it may ask again.
		s.filter.Link = func(url string) string { return o.Keep(context.Background(), base, url) }
	}
	return s
}

// pictureShaper takes the pictures out of an answer's text. A nil pictureShaper leaves it as it is.
type pictureShaper struct {
	filter    media.PictureFilter
	hasEvents bool
}

// add passes a text on, and the pictures in it.
func (p *pictureShaper) add(ev chat.Event, emit func(chat.Event)) {
	p.filter.Add(ev.Text, func(piece media.Piece) { p.emit(ev, piece, emit) })
}

// end passes on what was held back.
func (p *pictureShaper) end(emit func(chat.Event)) {
	if p != nil {
		p.filter.End(func(piece media.Piece) { p.emit(chat.Event{Kind: chat.EventText}, piece, emit) })
	}
}

func (p *pictureShaper) emit(ev chat.Event, piece media.Piece, emit func(chat.Event)) {
	ev.Text = piece.Text
	if piece.URL != "" {
		if !p.hasEvents {
			return
		}
		ev.Kind, ev.Text = chat.EventPicture, piece.URL
	}
	emit(ev)
}

// hasDropped reports whether a picture was removed from the text. The text then does not tell
// different pictures apart, so that the session must not be found by it.
func (p *pictureShaper) hasDropped() bool { return p != nil && p.filter.HasDropped }

// drawingModel returns the first model that draws. There is always one, because one is built in.
func (c *catalogue) drawingModel() string {
	for _, m := range c.list() {
		if m.Draws {
			return m.ID
		}
	}
	return ""
}

// notDrawingMessage returns a message with the models that draw.
func (c *catalogue) notDrawingMessage(id string) string {
	var ids []string
	for _, m := range c.list() {
		if m.Draws {
			ids = append(ids, m.ID)
		}
	}
	return fmt.Sprintf("The model %q does not draw. Models that do: %s.", id, strings.Join(ids, ", "))
}
