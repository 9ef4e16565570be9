package emulate

import (
	"fmt"
	"strings"

	"achuan/internal/chat"
)

// maxKeptBytes limits the calls of an answer together, and its JSON. The longest answers that
// models write have 130,000 tokens, which is less than 1 MiB.
const maxKeptBytes = 4 << 20

// The memory that calls and JSON take until they are checked and sent, measured with a release
// build: for each byte, and for what a value becomes when it is parsed.
const (
	keptByteCost   = 8
	keptCommaCost  = 48  // the next element of an array
	keptObjectCost = 512 // an object, or a call
)

// checkKept takes the memory for the part of text that is kept, and checks the length of all that
// is kept. Text outside of calls and JSON needs none. A call is kept to its end, so its first byte
// decides.
func (s *Shaper) checkKept(text string) error {
	r := s.reply
	if r.keptBytes == 0 {
		return nil
	}
	if r.keptBytes > maxKeptBytes {
		return tooLongError(r.hasCall)
	}
	return s.memory.Add(keptCost(text))
}

// keptCost returns the memory that a part of a call or of JSON takes.
func keptCost(text string) int64 {
	return int64(keptByteCost*len(text) + keptCommaCost*strings.Count(text, ",") + keptObjectCost*strings.Count(text, "{"))
}

// tooLongError is the error of an answer whose calls or JSON are too long. The model is not asked
// for a repair, because it would write the same again.
func tooLongError(isCall bool) *chat.Error {
	e := &chat.Error{
		Kind: chat.KindUnprocessable, Code: chat.CodeInvalidModelOutput,
		Message: fmt.Sprintf("The model wrote more than %d MiB of JSON, which is too long to be checked.", maxKeptBytes>>20),
	}
	if isCall {
		e.Code = chat.CodeInvalidToolCall
		e.Message = fmt.Sprintf("The model wrote tool calls of more than %d MiB, which are too long to be checked.", maxKeptBytes>>20)
	}
	return e
}
