package conversation

import "context"

// unchanged compares a session with the platform: it is unchanged when it has as
// many exchanges as it should and the newest is the one that was seen.
func (e *Engine) unchanged(ctx context.Context, s *Session) (bool, error) {
	page, err := e.Platform.Records(ctx, s.ID, 1)
	if err != nil {
		return false, err
	}
	if page.Total != s.Exchanges || len(page.Records) == 0 {
		return false, nil
	}
	newest := page.Records[0]
	return exchangeDigest(newest.UserText, newest.AIText) == s.Last, nil
}
