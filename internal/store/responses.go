package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"achuan/internal/chat"
)

const (
	insertResponse = `
INSERT INTO responses (account, caller, id, created, previous, messages, body) VALUES ($1, $2, $3, $4, $5, $6, $7)`
	deleteResponse  = `DELETE FROM responses WHERE account = $1 AND caller = $2 AND id = $3`
	deleteResponses = `DELETE FROM responses WHERE created < $1`
	// listResponses lists a response and those that it continues, the newest first.
	listResponses = `
WITH RECURSIVE chain (id, created, previous, messages, body, depth) AS (
	SELECT id, created, previous, messages, body, 1 FROM responses WHERE account = $1 AND caller = $2 AND id = $3
	UNION ALL
	SELECT r.id, r.created, r.previous, r.messages, r.body, chain.depth + 1 FROM chain
	JOIN responses r ON r.account = $1 AND r.caller = $2 AND r.id = chain.previous WHERE chain.depth < $4
)
SELECT id, created, previous, messages, body FROM chain ORDER BY depth`
)

// moveConversation makes a response the last one of a conversation, if Previous was the last one.
const moveConversation = `
UPDATE responses SET previous = $4, created = $5 WHERE account = $1 AND caller = $2 AND id = $3 AND previous = $6`

// renewResponses sets the time of a response and of those that it continues.
const renewResponses = `
WITH RECURSIVE chain (id, previous, depth) AS (
	SELECT id, previous, 1 FROM responses WHERE account = $1 AND caller = $2 AND id = $3
	UNION ALL
	SELECT r.id, r.previous, chain.depth + 1 FROM chain
	JOIN responses r ON r.account = $1 AND r.caller = $2 AND r.id = chain.previous WHERE chain.depth < $4
)
UPDATE responses SET created = $5 WHERE account = $1 AND caller = $2 AND id IN (SELECT id FROM chain)`

// maxResponses is the largest number of responses that continue each other.
const maxResponses = 10_000

// SaveResponse stores a response of a caller. If it belongs to a conversation that has changed since r.Previous was its
// last entry, the error is chat.ErrConversationMoved, and nothing is stored.
func (s *Store) SaveResponse(ctx context.Context, caller string, r chat.StoredResponse) error {
	messages, err := json.Marshal(r.Messages)
	if err != nil {
		return err
	}
	insert := func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, insertResponse,
			s.account, caller, r.ID, toMicros(r.Created), r.Previous, messages, r.Body)
		return err
	}
	if r.Conversation == "" {
		return s.autocommit(ctx, insert)
	}
	return s.transact(ctx, func(ctx context.Context, c conn) error {
		moved, err := c.exec(ctx, moveConversation,
			s.account, caller, r.Conversation, r.ID, toMicros(r.Created), r.Previous)
		switch {
		case err != nil:
			return err
		case moved == 0:
			return chat.ErrConversationMoved
		}
		return insert(ctx, c)
	})
}

// RenewResponses keeps a response, and those that it continues, as if they were created now.
func (s *Store) RenewResponses(ctx context.Context, caller, id string) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, renewResponses, s.account, caller, id, int64(maxResponses), toMicros(time.Now()))
		return err
	})
}

// Responses returns a response of a caller and those that it continues, the oldest first: limit of them at most, 0 for
// all. If the response or one that it continues is gone, the error is chat.ErrNoResponse.
func (s *Store) Responses(ctx context.Context, caller, id string, limit int) ([]chat.StoredResponse, error) {
	depth := maxResponses
	if limit > 0 {
		depth = limit
	}
	var found []chat.StoredResponse
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		found, err = queryAll(ctx, c, scanResponse, listResponses, s.account, caller, id, int64(depth))
		return err
	})
	if err != nil {
		return nil, err
	}
	if n := len(found); n == 0 || limit == 0 && found[n-1].Previous != "" {
		return nil, chat.ErrNoResponse
	}
	slices.Reverse(found)
	return found, nil
}

// DeleteResponse deletes a response of a caller, or returns chat.ErrNoResponse.
func (s *Store) DeleteResponse(ctx context.Context, caller, id string) error {
	return s.autocommit(ctx, func(ctx context.Context, c conn) error {
		deleted, err := c.exec(ctx, deleteResponse, s.account, caller, id)
		if err == nil && deleted == 0 {
			err = chat.ErrNoResponse
		}
		return err
	})
}

// DeleteResponsesBefore deletes the responses of all accounts that were created before a time.
func (d *DB) DeleteResponsesBefore(ctx context.Context, t time.Time) error {
	return d.autocommit(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, deleteResponses, toMicros(t))
		return err
	})
}

func scanResponse(r rows) (x chat.StoredResponse, err error) {
	var created int64
	var messages []byte
	if err := r.Scan(&x.ID, &created, &x.Previous, &messages, &x.Body); err != nil {
		return x, err
	}
	x.Created = fromMicros(created)
	return x, json.Unmarshal(messages, &x.Messages)
}
