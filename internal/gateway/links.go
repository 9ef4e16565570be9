package gateway

import (
	"context"
	"log/slog"
	"time"

	"achuan/internal/chat"
	"achuan/internal/telemetry"
)

// LinkLister lists the pages that the platform found for a session. platform.Client implements it.
type LinkLister interface {
	Links(ctx context.Context, session int64) ([]chat.Citation, error)
}

// maxLinkWait is how long the end of an answer waits for the list of its pages.
const maxLinkWait = 2 * time.Second

// cite returns the pages on which the answers of a session are based. Without the list the answer is whole all
// the same.
func (g *Gateway) cite(session int64) []chat.Citation {
	if g.links == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxLinkWait)
	defer cancel()
	list, err := g.links.Links(ctx, session)
	if err != nil {
		g.logger.LogAttrs(ctx, slog.LevelDebug, "cannot read the links of an answer", slog.Int64(telemetry.KeySession, session),
			slog.Any(telemetry.KeyError, err))
		return nil
	}
	return list
}
