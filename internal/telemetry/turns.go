package telemetry

import "time"

// Placed counts a request by its placement, which is a chat.Placement.
func (m *Metrics) Placed(placement string) {
	if m != nil {
		m.placements.WithLabelValues(placement).Inc()
	}
}

// PointsSpent counts the points that the platform charged for an answer of a served model.
func (m *Metrics) PointsSpent(model string, points int) {
	if m != nil && points > 0 {
		m.points.WithLabelValues(model).Add(float64(points))
	}
}

// ReplayReason is why a whole transcript was sent to a new session.
type ReplayReason string

// The reasons for a replay.
const (
	ReplayHistory    ReplayReason = "history"    // no known session has this transcript
	ReplayFork       ReplayReason = "fork"       // the request continues from a point that its session has passed
	ReplayLost       ReplayReason = "lost"       // the platform does not know the session any more
	ReplayContext    ReplayReason = "context"    // the session is so long that the platform would forget its beginning
	ReplayUnfinished ReplayReason = "unfinished" // the end of the session's last turn is unknown
	ReplayChanged    ReplayReason = "changed"    // the session was changed on the platform
)

// replayReasons lists all reasons.
var replayReasons = []ReplayReason{
	ReplayHistory, ReplayFork, ReplayLost, ReplayContext, ReplayUnfinished, ReplayChanged,
}

// Replayed counts a whole transcript that was sent to a new session.
func (m *Metrics) Replayed(reason ReplayReason) {
	if m != nil {
		m.replays.WithLabelValues(string(reason)).Inc()
	}
}

// AttachReason is how a repeated request was recognised.
type AttachReason string

// The reasons for an attachment.
const (
	AttachKey   AttachReason = "idempotency_key" // the same Idempotency-Key
	AttachRetry AttachReason = "sdk_retry"       // an SDK marked it; the first client had left or just got its answer
	AttachLeft  AttachReason = "client_left"     // it is unmarked, and the first client had left
	// AttachInterrupted is a repetition that is answered from the platform's records, because the process that asked
	// has died.
	AttachInterrupted AttachReason = "interrupted"
)

// attachReasons lists all reasons.
var attachReasons = []AttachReason{AttachKey, AttachRetry, AttachLeft, AttachInterrupted}

// Attached counts a repeated request that got a running or stored answer.
func (m *Metrics) Attached(reason AttachReason) {
	if m != nil {
		m.attaches.WithLabelValues(string(reason)).Inc()
	}
}

// WaitOutcome is how a wait for a busy session ended.
type WaitOutcome string

// The outcomes of a wait.
const (
	WaitServed WaitOutcome = "served" // the session became free
	WaitBusy   WaitOutcome = "busy"   // the wait was too long
	WaitLeft   WaitOutcome = "left"   // the client left
)

// waitOutcomes lists all outcomes.
var waitOutcomes = []WaitOutcome{WaitServed, WaitBusy, WaitLeft}

// WaitBegan counts a request as waiting for a busy session, until WaitEnded.
func (m *Metrics) WaitBegan() {
	if m != nil {
		m.queued.Inc()
	}
}

// WaitEnded undoes WaitBegan and counts the wait by its outcome.
func (m *Metrics) WaitEnded(waited time.Duration, o WaitOutcome) {
	if m != nil {
		m.queued.Dec()
		m.waits.WithLabelValues(string(o)).Observe(waited.Seconds())
	}
}

// StoreOperation is a kind of operation of the store.
type StoreOperation string

// The operations of the store.
const (
	StoreRead  StoreOperation = "read"
	StoreWrite StoreOperation = "write"
	StoreLease StoreOperation = "lease" // take or extend a lease
)

// storeOperations lists all operations.
var storeOperations = []StoreOperation{StoreRead, StoreWrite, StoreLease}

// StoreFailed counts a failed operation of the store.
func (m *Metrics) StoreFailed(o StoreOperation) {
	if m != nil {
		m.storeFailures.WithLabelValues(string(o)).Inc()
	}
}

// SessionDeleted counts an unused session that cleanup deleted on the platform.
func (m *Metrics) SessionDeleted() {
	if m != nil {
		m.deletions.Inc()
	}
}

// DeletionFailed counts an unused session that cleanup could not delete.
func (m *Metrics) DeletionFailed() {
	if m != nil {
		m.failedDeletions.Inc()
	}
}
