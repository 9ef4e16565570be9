package simulator

import (
	"strconv"
	"time"
)

// idSource makes the ids of the platform. Each is greater than the last one of its kind.
type idSource struct {
	session, record int64 // the next ones
	snowflake       int64 // the last one
}

const (
	snowflakeEpoch = 1288834974657             // in milliseconds since 1970; an id is the time since then, shifted left
	minSnowflake   = 1_000_000_000_000_000_000 // an id has 19 digits even when a test sets the clock before 2018
	snowflakeShift = 22
)

func (i *idSource) nextSession() int64 {
	i.session++
	return i.session - 1
}

func (i *idSource) nextRecord() int64 {
	i.record++
	return i.record - 1
}

// nextTask returns a snowflake: 19 digits that contain the time in milliseconds.
func (i *idSource) nextTask(now time.Time) string {
	i.snowflake = max(i.snowflake+1, (now.UnixMilli()-snowflakeEpoch)<<snowflakeShift, minSnowflake)
	return strconv.FormatInt(i.snowflake, 10)
}
