package conversation

import (
	"context"
)

// needsVerification reports whether a session may have changed since its last use: the store has
// lost commits, or its owner had time to type into it elsewhere.
func (e *Engine) needsVerification(s *Session) bool {
	return !s.Verified || s.idle() > e.opts.VerifyIdle
}

// matchesRecords compares a session with the platform. The session is unchanged when the platform
// has as many exchanges as the store says, and the newest has the digest in the store.
// matchesRecords sets s.Exchanges to the platform's number.
func (e *Engine) matchesRecords(ctx context.Context, s *Session) (bool, error) {
	page, err := e.opts.Platform.Records(ctx, s.ID, 1)
	if err != nil {
		return false, err
	}
	isSame := page.Total == s.Exchanges
	s.Exchanges = page.Total
	if !isSame || len(page.Records) == 0 {
		return false, nil
	}
	newest := page.Records[0]
	return exchangeDigest(newest.UserText, newest.AIText) == s.LastExchange, nil
}
