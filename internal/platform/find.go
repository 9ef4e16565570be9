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
	// maxPages limits the pages that one search reads. A page has 30 sessions.
	maxPages = 1000
	// maxWalks is how often a search reads a list that changes meanwhile.
	maxWalks = 3
	// findTimeout limits the search for one session.
	findTimeout = 60 * time.Second
	// The object of a session is refreshed from the first pages of the list, which show the
	// sessions in use. The time is short, because the refresh only preserves a changed title or
	// pin.
	maxRefreshPages = 5
	refreshTimeout  = 5 * time.Second
)

// errListShifts says that the list changed during each reading.
var errListShifts = errors.New("the list of sessions changes while it is read")

// FindSession searches the account's list for a session, because the platform has no call for a
// single one. An error with SessionLost means that the list certainly does not contain the
// session: no session can have moved from an unread page to a read one. If the list changes during
// each reading, the error is backend_unavailable.
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
	// The session's records may show that it does not exist.
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

// refreshObject reads a session's object again if an early page of the list shows it. Otherwise it
// keeps the object.
func (c *Client) refreshObject(ctx context.Context, s *chat.Session) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	w := listWalk{client: c, id: s.ID, seen: map[int64]bool{}}
	found, err := w.find(ctx, maxRefreshPages)
	if err != nil {
		c.log.LogAttrs(ctx, slog.LevelDebug, "reading a session's title and pin before an update failed",
			slog.Int64(telemetry.KeySession, s.ID), slog.Any(telemetry.KeyError, err))
	}
	if found != nil {
		s.Object = found.Object
	}
}

// listWalk is one reading of the list of sessions.
//
// Sessions move while the list is read. A new session moves those behind it to later pages, so the
// reader sees some again: as many as the total grew by. A deleted session, or one that moves to
// the front because it is used, can move another from an unread page to a read one. Then the
// number of sessions seen again differs from the growth of the total.
type listWalk struct {
	client     *Client
	id         int64
	seen       map[int64]bool
	total      int  // of the last page
	hasShifted bool // the session may have moved from an unread page to a read one
}

// find reads the list up to the page with the session. It returns nil if no page has it.
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
		// The session may have moved to the front meanwhile.
		front, err := w.readPage(ctx, 1)
		if err != nil {
			return nil, err
		}
		return w.findOnPage(front), nil
	}
	w.hasShifted = true
	return nil, nil
}

func (w *listWalk) readPage(ctx context.Context, page int) (*pageOf[json.RawMessage], error) {
	var p pageOf[json.RawMessage]
	to := endpoint{http.MethodGet, "/chat/session", fmt.Sprintf("/chat/session?page=%d", page)}
	return &p, w.client.call(ctx, to, nil, &p)
}

// takePage returns the session if the page has it. Otherwise it compares the page with those
// before.
func (w *listWalk) takePage(p *pageOf[json.RawMessage], page int) *chat.Session {
	if s := w.findOnPage(p); s != nil {
		return s
	}
	seenAgain := 0
	for _, object := range p.Records {
		s, err := parseSession(object)
		if err != nil {
			continue
		}
		if w.seen[s.ID] {
			seenAgain++
		}
		w.seen[s.ID] = true
	}
	hasNoTotal := p.Total == 0 && len(p.Records) == 0 // some hosts send no total beyond the last page
	if page > 1 && !hasNoTotal && seenAgain != p.Total-w.total {
		w.hasShifted = true
	}
	w.total = p.Total
	return nil
}

// findOnPage returns the session if the page has it.
func (w *listWalk) findOnPage(p *pageOf[json.RawMessage]) *chat.Session {
	for _, object := range p.Records {
		if s, err := parseSession(object); err == nil && s.ID == w.id {
			s.Fresh = true
			return &s
		}
	}
	return nil
}
