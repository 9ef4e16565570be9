package platform

import (
	"errors"
	"fmt"
	"io"
)

// errFlood says that a reply exceeds what an answer can be.
var errFlood = errors.New("no answer is like this")

// replyBudget bounds a reply: its bytes and frames in all, and those that come
// without bringing anything of the answer. Comments and blank lines count by their
// bytes: no frame is made of them.
type replyBudget struct {
	r                  io.Reader
	bytes, idleBytes   int64
	frames, idleFrames int
}

// Read reads from the reply. The error is errFlood beyond the bounds.
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

// takeFrame counts a frame. The error is errFlood beyond the bounds.
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

// resetIdle says that the last frame brought something of the answer.
func (b *replyBudget) resetIdle() { b.idleBytes, b.idleFrames = 0, 0 }
