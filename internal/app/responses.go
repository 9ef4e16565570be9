package app

import (
	"context"
	"log/slog"
	"time"

	"achuan/internal/store"
	"achuan/internal/telemetry"
)

// responseCleanUp is the time between two deletions of old responses.
const responseCleanUp = time.Hour

// runResponseCleanUp deletes stored responses that are older than sessions get, until ctx ends. 0 keeps them for ever.
func runResponseCleanUp(ctx context.Context, s *store.Store, retention time.Duration, logger *slog.Logger) {
	if retention <= 0 {
		return
	}
	ticker := time.NewTicker(responseCleanUp)
	defer ticker.Stop()
	for {
		if err := s.DeleteResponsesBefore(ctx, time.Now().Add(-retention)); err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "cannot delete old responses", telemetry.KeyError, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
