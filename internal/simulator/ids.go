package simulator

import (
	"strconv"
	"time"
)

// ids hands out the platform's identifiers, each kind rising.
type ids struct {
	session, record int64 // the next ones
	snowflake       int64 // the last one
}

const (
	snowflakeEpoch = 1288834974657             // milliseconds; an id is the time since then, shifted left
	snowflakeFloor = 1_000_000_000_000_000_000 // ids have 19 digits, also when a test's clock stands before 2018
	snowflakeShift = 22
)

func (i *ids) nextSession() int64 {
	i.session++
	return i.session - 1
}

func (i *ids) nextRecord() int64 {
	i.record++
	return i.record - 1
}

// nextTask returns a snowflake: 19 digits that hold the time in milliseconds.
func (i *ids) nextTask(now time.Time) string {
	i.snowflake = max(i.snowflake+1, (now.UnixMilli()-snowflakeEpoch)<<snowflakeShift, snowflakeFloor)
	return strconv.FormatInt(i.snowflake, 10)
}
