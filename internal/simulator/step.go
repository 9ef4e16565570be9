package simulator

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Step is one thing on the wire, or a wait between two.
type Step struct {
	kind  stepKind
	texts []string        // stepSay; stepTorn: JSON strings
	text  string          // stepFrame, stepRaw, stepError, stepFlood; stepTorn: what texts say
	code  int             // stepError
	wait  time.Duration   // stepPause, stepFlood
	gate  <-chan struct{} // stepWait
}

type stepKind uint8

const (
	stepHead stepKind = iota
	stepSay
	stepTorn
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

// Head sends status and headers now. Without it they go with the first bytes.
func Head() Step { return Step{kind: stepHead} }

// Deltas sends a text frame for each text, as it is.
func Deltas(texts ...string) Step { return Step{kind: stepSay, texts: texts} }

// Frame sends a payload as `data:`. $ID in it becomes the task's id.
func Frame(payload string) Step { return Step{kind: stepFrame, text: payload} }

// Patch sends an object frame that is not the record: an entry of a log.
func Patch(field, key, data string) Step {
	return Frame(`{"id":"$ID","type":"object","data":{"field":` + string(marshal(field)) +
		`,"id":` + string(marshal(key)) + `,"data":` + data + `},"code":0}`)
}

// Stats sends a frame of the kind stats, which no capture shows.
func Stats(totalTokens int) Step {
	return Frame(`{"id":"$ID","type":"stats","data":{"totalToken":` + string(marshal(totalTokens)) + `},"code":0}`)
}

// CloseFrame sends a frame of the kind close, which no capture shows.
func CloseFrame() Step { return Frame(`{"id":"$ID","type":"close","data":null,"code":0}`) }

// Comment sends a comment line, such as a keep-alive.
func Comment(text string) Step { return Raw(": " + text + "\n\n") }

// Raw sends bytes as they are: junk, half frames, other line ends.
func Raw(bytes string) Step { return Step{kind: stepRaw, text: bytes} }

// Err sends an error frame; code 0 is 1.
func Err(code int, text string) Step { return Step{kind: stepError, code: cmp.Or(code, 1), text: text} }

// Object stores the record and sends it.
func Object() Step { return Step{kind: stepObject} }

// Done sends [DONE].
func Done() Step { return Step{kind: stepDone} }

// Pause waits.
func Pause(d time.Duration) Step { return Step{kind: stepPause, wait: d} }

// Wait waits until something is received from gate or it is closed, whether or
// not the client stays.
func Wait(gate <-chan struct{}) Step { return Step{kind: stepWait, gate: gate} }

// Hang waits until the client has left.
func Hang() Step { return Step{kind: stepHang} }

// Cut closes the connection without ending the reply; as the first step it does
// so without a reply. The answer is still made to its end: what follows goes
// nowhere but into the record.
func Cut() Step { return Step{kind: stepCut} }

// Reset is Cut with a TCP reset, which may also destroy what was sent before and
// not read yet.
func Reset() Step { return Step{kind: stepReset} }

// framed reports whether the step waits for its beat as a frame does. Deltas do so
// one by one.
func (st Step) framed() bool {
	switch st.kind {
	case stepFrame, stepRaw, stepError, stepObject, stepDone:
		return true
	}
	return false
}

// makes reports whether the model is at work during the step.
func (st Step) makes() bool {
	switch st.kind {
	case stepSay, stepTorn, stepPause, stepWait, stepHang, stepFlood:
		return true
	}
	return false
}

// plain reports whether the reply is no stream.
func (r *Reply) plain() bool {
	return r.Status != 0 || r.Body != "" || r.ContentType != "" && !strings.HasPrefix(r.ContentType, streamType)
}

// steps is the reply as it goes over the wire.
func (r *Reply) steps() []Step {
	if r.plain() {
		return append(slices.Clip(r.Steps), Raw(r.Body))
	}
	if r.Steps != nil {
		return r.Steps
	}
	said := r.Deltas
	if said == nil {
		said = cut(r.Text)
	}
	steps := append(make([]Step, 0, 4), Head(), Deltas(said...))
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
