package store

import (
	"context"
	"slices"

	"achuan/internal/conversation"
)

// The condition on state must have the exact text of that in the index sessions_list, and
// usedHour that of the indexes.
const (
	usedHour            = `(used / 3600000000)`
	fromCallerSessions  = ` FROM sessions WHERE account = $1 AND caller = $2 AND state IN ('free', 'dirty')`
	fromAllSessions     = ` FROM sessions WHERE account = $1 AND state IN ('free', 'dirty')`
	latestFirst         = ` ORDER BY ` + usedHour + ` DESC, used DESC, id DESC`
	listCallerPage      = `SELECT ` + sessionColumns + fromCallerSessions + latestFirst + ` LIMIT $4 OFFSET $3`
	listAllPage         = `SELECT ` + sessionColumns + fromAllSessions + latestFirst + ` LIMIT $3 OFFSET $2`
	countCallerSessions = `SELECT COUNT(*)` + fromCallerSessions
	countAllSessions    = `SELECT COUNT(*)` + fromAllSessions
	countByState        = `SELECT state, COUNT(*) FROM sessions WHERE account = $1 GROUP BY state`
	countTakenByState   = `SELECT state, COUNT(*) FROM sessions WHERE account = $1 AND token IS NOT NULL GROUP BY state`
)

// Sessions lists the sessions that an owner sees, latest used first.
func (s *Store) Sessions(
	ctx context.Context, owner conversation.Owner, offset, limit int,
) ([]conversation.Session, int, error) {
	var list []conversation.Session
	var total int
	page, count, args := listCallerPage, countCallerSessions, []any{s.account, owner.Caller()}
	switch {
	case owner == conversation.Owner{}:
		return nil, 0, nil
	case owner.IsEveryone():
		page, count, args = listAllPage, countAllSessions, args[:1]
	}
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		if _, err := queryRow(ctx, c, []any{&total}, count, args...); err != nil {
			return err
		}
		list, err = queryAll(ctx, c, s.scanSession, page, append(slices.Clip(args), int64(offset), int64(limit))...)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return list, total, nil
}

// Counts returns the number of sessions in each state. An index gives the numbers by the
// stored state. The few sessions that are taken are counted separately.
func (s *Store) Counts(ctx context.Context) (map[conversation.State]int, error) {
	type line struct {
		state conversation.State
		count int
	}
	var states, taken []line
	err := s.read(ctx, func(ctx context.Context, c conn) (err error) {
		scan := func(r rows) (l line, err error) {
			err = r.Scan(&l.state, &l.count)
			return l, err
		}
		if states, err = queryAll(ctx, c, scan, countByState, s.account); err != nil {
			return err
		}
		taken, err = queryAll(ctx, c, scan, countTakenByState, s.account)
		return err
	})
	if err != nil {
		return nil, err
	}
	counts := map[conversation.State]int{}
	for _, l := range states {
		counts[l.state] += l.count
	}
	for _, l := range taken {
		counts[l.state] -= l.count
		counts[conversation.StateTaken] += l.count
	}
	for state, count := range counts {
		if count <= 0 {
			delete(counts, state)
		}
	}
	return counts, nil
}
