package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Step is something that is sent, or a wait.
type Step struct {
	kind  stepKind
	texts []string        // stepDeltas; for stepSplitText JSON strings
	text  string          // stepFrame, stepRaw, stepError, stepFlood; for stepSplitText the whole text
	code  int             // stepError
	wait  time.Duration   // stepPause, stepFlood
	gate  <-chan struct{} // stepWait
}

type stepKind uint8

const (
	stepHead stepKind = iota
	stepDeltas
	stepSplitText
	stepFrame
	stepRaw
	stepError
	stepObject
	stepDone
	stepPause
	stepWait
	stepHang
	stepFlood
	stepCut
	stepReset
)

// Head sends status and headers now. Without it they are sent with the first bytes.
func Head() Step { return Step{kind: stepHead} }

// Deltas sends a text frame for each text.
func Deltas(texts ...string) Step { return Step{kind: stepDeltas, texts: texts} }

// Frame sends an event with this payload. It replaces $ID in it by the task id.
func Frame(payload string) Step { return Step{kind: stepFrame, text: payload} }

// Patch sends an object frame that is not the record but an entry of a log.
func Patch(field, key, data string) Step {
	return Frame(`{"id":"$ID","type":"object","data":{"field":` + string(marshal(field)) +
		`,"id":` + string(marshal(key)) + `,"data":` + data + `},"code":0}`)
}

// Stats sends a frame of type stats, which no capture of the platform shows.
func Stats(totalTokens int) Step {
	return Frame(`{"id":"$ID","type":"stats","data":{"totalToken":` + string(marshal(totalTokens)) + `},"code":0}`)
}

// CloseFrame sends a frame of type close, which no capture of the platform shows.
func CloseFrame() Step { return Frame(`{"id":"$ID","type":"close","data":null,"code":0}`) }

// Comment sends a comment line, such as a keep-alive.
func Comment(text string) Step { return Raw(": " + text + "\n\n") }

// Raw sends these bytes: junk, half frames, other line ends.
func Raw(bytes string) Step { return Step{kind: stepRaw, text: bytes} }

// Err sends an error frame. Code 0 is 1.
func Err(code int, text string) Step { return Step{kind: stepError, code: cmp.Or(code, 1), text: text} }

// Object stores the record and sends it as an object frame.
func Object() Step { return Step{kind: stepObject} }

// Done sends [DONE].
func Done() Step { return Step{kind: stepDone} }

// Pause waits for d.
func Pause(d time.Duration) Step { return Step{kind: stepPause, wait: d} }

// Wait waits until a value is received from gate or gate is closed, even when the client leaves.
func Wait(gate <-chan struct{}) Step { return Step{kind: stepWait, gate: gate} }

// Hang waits until the client has left.
func Hang() Step { return Step{kind: stepHang} }

// Cut closes the connection in the middle of the reply, or without a reply when it is the first step. The steps after
// it still go into the record.
func Cut() Step { return Step{kind: stepCut} }

// Reset is Cut with a TCP reset. The client may also lose bytes that were sent before.
func Reset() Step { return Step{kind: stepReset} }

// isFrame reports whether the step waits for Options.Pace as a frame does. The frames of Deltas wait one by one.
func (st Step) isFrame() bool {
	switch st.kind {
	case stepFrame, stepRaw, stepError, stepObject, stepDone:
		return true
	}
	return false
}

// isModelWork reports whether the model works during the step.
func (st Step) isModelWork() bool {
	switch st.kind {
	case stepDeltas, stepSplitText, stepPause, stepWait, stepHang, stepFlood:
		return true
	}
	return false
}

// isPlain reports whether the reply is not a stream.
func (r *Reply) isPlain() bool {
	return r.Status != 0 || r.Body != "" || r.ContentType != "" && !strings.HasPrefix(r.ContentType, streamType)
}

// steps returns the steps of the reply.
func (r *Reply) steps() []Step {
	if r.isPlain() {
		return append(slices.Clip(r.Steps), Raw(r.Body))
	}
	if r.Steps != nil {
		return r.Steps
	}
	deltas := r.Deltas
	if deltas == nil {
		deltas = splitText(r.Text)
	}
	steps := append(make([]Step, 0, 4), Head(), Deltas(deltas...))
	if r.Error != "" {
		return append(steps, Err(r.ErrorCode, r.Error))
	}
	if !r.NoObject {
		steps = append(steps, Object())
	}
	if !r.NoDone {
		steps = append(steps, Done())
	}
	return steps
}
