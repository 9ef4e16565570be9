package conversation

import (
	"context"
	"time"
)

// needsVerification reports whether a session may have changed since it was last used: the
// store has lost something, or its owner had time to type into it elsewhere.
func (e *Engine) needsVerification(s *Session) bool {
	return !s.Verified || time.Since(s.LastUsed) > e.VerifyIdle
}

// matchesRecords compares a session with the platform: it is unchanged when it has as
// many exchanges as it should and the newest is the one that was seen. It counts
// them anew.
func (e *Engine) matchesRecords(ctx context.Context, s *Session) (bool, error) {
	page, err := e.Platform.Records(ctx, s.ID, 1)
	if err != nil {
		return false, err
	}
	same := page.Total == s.Exchanges
	s.Exchanges = page.Total
	if !same || len(page.Records) == 0 {
		return false, nil
	}
	newest := page.Records[0]
	return exchangeDigest(newest.UserText, newest.AIText) == s.LastExchange, nil
}
