package telemetry

import "time"

// Placed counts a request by its placement, one of chat's.
func (m *Metrics) Placed(placement string) {
	if m != nil {
		m.placements.WithLabelValues(placement).Inc()
	}
}

// ReplayReason says why a whole transcript had to be sent to a new session.
type ReplayReason string

// The reasons for a replay.
const (
	ReplayHistory    ReplayReason = "history"    // the transcript is of no session that is known
	ReplayFork       ReplayReason = "fork"       // it goes on from a point that its session has passed
	ReplayLost       ReplayReason = "lost"       // the platform no longer knows the session
	ReplayContext    ReplayReason = "context"    // the platform would soon forget its beginning
	ReplayUnfinished ReplayReason = "unfinished" // the end of the session's last turn was not seen
	ReplayChanged    ReplayReason = "changed"    // the platform holds something else by now
)

// replayReasons are all of them.
var replayReasons = []ReplayReason{ReplayHistory, ReplayFork, ReplayLost, ReplayContext, ReplayUnfinished, ReplayChanged}

// Replayed counts a whole transcript that is sent to a new session.
func (m *Metrics) Replayed(why ReplayReason) {
	if m != nil {
		m.replays.WithLabelValues(string(why)).Inc()
	}
}

// AttachReason says how a repeated request was recognised.
type AttachReason string

// The reasons for an attachment.
const (
	AttachKey   AttachReason = "idempotency_key" // the same Idempotency-Key
	AttachRetry AttachReason = "sdk_retry"       // an SDK's mark, and the first client had left or just been answered
	AttachLeft  AttachReason = "client_left"     // unmarked, and the first client had left without a word
	// AttachInterrupted is a repetition that is answered from the platform's records,
	// because the process that asked died.
	AttachInterrupted AttachReason = "interrupted"
)

// attachReasons are all of them.
var attachReasons = []AttachReason{AttachKey, AttachRetry, AttachLeft, AttachInterrupted}

// Attached counts a repeated request that is given an answer under way or stored.
func (m *Metrics) Attached(why AttachReason) {
	if m != nil {
		m.attaches.WithLabelValues(string(why)).Inc()
	}
}

// WaitOutcome says how a wait for a busy session ended.
type WaitOutcome string

// The outcomes of a wait.
const (
	WaitServed WaitOutcome = "served" // the session became free
	WaitBusy   WaitOutcome = "busy"   // it took too long
	WaitLeft   WaitOutcome = "left"   // the client left
)

// waitOutcomes are all of them.
var waitOutcomes = []WaitOutcome{WaitServed, WaitBusy, WaitLeft}

// WaitBegan counts a request as waiting for a session, until WaitEnded.
func (m *Metrics) WaitBegan() {
	if m != nil {
		m.queued.Inc()
	}
}

// WaitEnded ends what WaitBegan began.
func (m *Metrics) WaitEnded(waited time.Duration, o WaitOutcome) {
	if m != nil {
		m.queued.Dec()
		m.waits.WithLabelValues(string(o)).Observe(waited.Seconds())
	}
}

// StoreOperation is what the store was asked to do.
type StoreOperation string

// The operations of the store.
const (
	StoreRead  StoreOperation = "read"
	StoreWrite StoreOperation = "write"
	StoreLease StoreOperation = "lease" // a lease could not be taken or kept up
)

// storeOperations are all of them.
var storeOperations = []StoreOperation{StoreRead, StoreWrite, StoreLease}

// StoreFailed counts an operation of the store that failed.
func (m *Metrics) StoreFailed(o StoreOperation) {
	if m != nil {
		m.storeFails.WithLabelValues(string(o)).Inc()
	}
}

// SessionDeleted counts an unused session that clean-up deleted on the platform.
func (m *Metrics) SessionDeleted() {
	if m != nil {
		m.cleaned.Inc()
	}
}

// DeletionFailed counts an unused session that clean-up could not delete.
func (m *Metrics) DeletionFailed() {
	if m != nil {
		m.uncleaned.Inc()
	}
}
