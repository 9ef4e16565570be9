package platform

import (
	"errors"
	"fmt"
	"io"
)

// errFlood says that a reply exceeds the size of any answer.
var errFlood = errors.New("the reply exceeds the size of any answer")

// replyBudget limits a reply. It counts all bytes and frames, and separately those since the last
// frame with a part of the answer. Comments and blank lines produce no frame, so only their bytes
// count.
type replyBudget struct {
	r                  io.Reader
	bytes, idleBytes   int64
	frames, idleFrames int
}

// Read reads from the reply. It returns errFlood when a limit is exceeded.
func (b *replyBudget) Read(p []byte) (int, error) {
	switch {
	case b.bytes > maxStreamBytes:
		return 0, fmt.Errorf("%w: more than %d bytes", errFlood, maxStreamBytes)
	case b.idleBytes > maxIdleBytes:
		return 0, fmt.Errorf("%w: more than %d bytes without text", errFlood, maxIdleBytes)
	}
	n, err := b.r.Read(p)
	b.bytes += int64(n)
	b.idleBytes += int64(n)
	return n, err
}

// takeFrame counts a frame. It returns errFlood when a limit is exceeded.
func (b *replyBudget) takeFrame() error {
	b.frames++
	b.idleFrames++
	switch {
	case b.frames > maxFrames:
		return fmt.Errorf("%w: more than %d frames", errFlood, maxFrames)
	case b.idleFrames > maxIdleFrames:
		return fmt.Errorf("%w: more than %d frames without text", errFlood, maxIdleFrames)
	}
	return nil
}

// resetIdle records that the last frame held a part of the answer.
func (b *replyBudget) resetIdle() { b.idleBytes, b.idleFrames = 0, 0 }
