package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

const (
	// maxPages ends a walk through a list that has no end; 30 sessions are on a page.
	maxPages = 1000
	// maxWalks is how often a list is read that shifts while it is read.
	maxWalks = 3
	// findTimeout bounds the search for one session.
	findTimeout = 60 * time.Second
	// An object is read again from the first pages of the list, which have the sessions
	// in use, and not for long: it is about the title of a session.
	maxRefreshPages = 5
	refreshTimeout  = 5 * time.Second
)

// errListShifts says that a list changed whenever it was read.
var errListShifts = errors.New("the list of sessions changes while it is read")

// FindSession looks a session up in the account's list, because the platform has
// no call for one alone. SessionLost says that the list surely does not show it: no
// session can have moved from a page that was not read yet to one that was. A list
// that shifts every time is backend_unavailable.
func (c *Client) FindSession(ctx context.Context, id int64) (chat.Session, error) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	for range maxWalks {
		w := listWalk{client: c, id: id, seen: map[int64]bool{}}
		s, err := w.find(ctx, maxPages)
		if s != nil || err != nil {
			return valueOrZero(s), err
		}
		if !w.hasShifted {
			return chat.Session{}, sessionLost.withCause(fmt.Errorf("session %d is not in the list", id))
		}
	}
	// Its records may say so, without a list.
	if _, err := c.Records(ctx, id, 1); err != nil && chat.AsError(err).SessionLost {
		return chat.Session{}, err
	}
	e := unavailable.withCause(errListShifts)
	e.RetryAfter = time.Second
	return chat.Session{}, e
}

func valueOrZero(s *chat.Session) chat.Session {
	if s == nil {
		return chat.Session{}
	}
	return *s
}

// refreshObject reads a session's object again where the list shows it early. Otherwise
// the object stays as it is.
func (c *Client) refreshObject(ctx context.Context, s *chat.Session) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	w := listWalk{client: c, id: s.ID, seen: map[int64]bool{}}
	found, err := w.find(ctx, maxRefreshPages)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelDebug, "a session's title and pin could not be read before an update",
			slog.Int64(telemetry.KeySession, s.ID), slog.Any(telemetry.KeyError, err))
	}
	if found != nil {
		s.Object = found.Object
	}
}

// listWalk is one reading of the list of sessions.
//
// Sessions move while it is read. One that is added moves those behind it to later
// pages: they are seen again, as many as the total grew by. One that is deleted, or
// that moves to the front because it is used, can take another past the reader, from a
// page that was not read yet to one that was. Then fewer or more sessions are seen
// again than the total grew by.
type listWalk struct {
	client     *Client
	id         int64
	seen       map[int64]bool
	total      int  // as the last page said
	hasShifted bool // the session may have moved past the reader
}

// find reads the list up to the page that shows the session; nil if none does.
func (w *listWalk) find(ctx context.Context, pages int) (*chat.Session, error) {
	for page := 1; page <= pages; page++ {
		p, err := w.readPage(ctx, page)
		if err != nil {
			return nil, err
		}
		if s := w.takePage(p, page); s != nil {
			return s, nil
		}
		if !p.isLast(page) {
			continue
		}
		if page == 1 || w.hasShifted {
			return nil, nil
		}
		// It may have moved to the front since.
		front, err := w.readPage(ctx, 1)
		if err != nil {
			return nil, err
		}
		return w.findOnPage(front), nil
	}
	w.hasShifted = true
	return nil, nil
}

// readPage reads a page.
func (w *listWalk) readPage(ctx context.Context, page int) (*pageOf[json.RawMessage], error) {
	var p pageOf[json.RawMessage]
	to := endpoint{http.MethodGet, "/chat/session", fmt.Sprintf("/chat/session?page=%d", page)}
	return &p, w.client.call(ctx, to, nil, &p)
}

// takePage takes a page in, and returns the session if it is there.
func (w *listWalk) takePage(p *pageOf[json.RawMessage], page int) *chat.Session {
	if s := w.findOnPage(p); s != nil {
		return s
	}
	again := 0
	for _, object := range p.Records {
		s, err := parseSession(object)
		if err != nil {
			continue
		}
		if w.seen[s.ID] {
			again++
		}
		w.seen[s.ID] = true
	}
	silent := p.Total == 0 && len(p.Records) == 0 // some hosts count nothing beyond the last page
	if page > 1 && !silent && again != p.Total-w.total {
		w.hasShifted = true
	}
	w.total = p.Total
	return nil
}

// findOnPage returns the session if it is on the page.
func (w *listWalk) findOnPage(p *pageOf[json.RawMessage]) *chat.Session {
	for _, object := range p.Records {
		if s, err := parseSession(object); err == nil && s.ID == w.id {
			s.Fresh = true
			return &s
		}
	}
	return nil
}
