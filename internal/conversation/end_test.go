package conversation

import (
	"testing"
	"time"
)

func TestIsIDKnown(t *testing.T) {
	for _, tt := range []struct {
		streamed bool
		after    time.Duration
		want     bool
	}{
		{false, time.Hour, false},
		{true, time.Second, false},
		{true, idKnownAfter, true},
		{true, time.Minute, true},
	} {
		if got := isIDKnown(tt.streamed, tt.after); got != tt.want {
			t.Errorf("isIDKnown(%t, %v) = %t, want %t", tt.streamed, tt.after, got, tt.want)
		}
	}
}
