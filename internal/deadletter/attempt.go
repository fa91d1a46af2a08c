package deadletter

import (
	"strings"
	"time"
)

// Outcome returns what became of a delivery, as honestly as the wire lets us know.
type Outcome string

// The outcomes of a delivery.
const (
	Delivered       Outcome = "delivered"      // answered 2xx
	OutcomeRedriven Outcome = "redriven"       // SQS has it on the queue that it came from
	ErrorResponse   Outcome = "error_response" // answered, not 2xx
	Unreachable     Outcome = "unreachable"    // never sent
	Unknown         Outcome = "unknown"        // sent, no answer in time: the handler may have processed it
)

// Label returns the outcome in words for people.
func (o Outcome) Label() string { return strings.ReplaceAll(string(o), "_", " ") }

// Outcomes lists every outcome that a message can have.
func Outcomes() []Outcome {
	return []Outcome{ErrorResponse, Unreachable, Unknown, Delivered, OutcomeRedriven}
}

// Trigger returns why a delivery was made.
type Trigger string

// The triggers of a delivery.
const (
	TriggerReceive Trigger = "receive" // the platform's webhook itself
	TriggerAuto    Trigger = "auto"    // an automatic retry
	TriggerReplay  Trigger = "replay"  // a person asked for it
	TriggerEdit    Trigger = "edit"    // a person edited and asked for it
	TriggerJob     Trigger = "job"     // a bulk action asked for it

	TriggerRedrive    Trigger = "redrive"     // a person asked for it to go back to its queue
	TriggerJobRedrive Trigger = "job_redrive" // a bulk action did
)

// Label returns the trigger in words for people.
func (t Trigger) Label() string { return strings.ReplaceAll(string(t), "_", " ") }

// MaxResponse is how much of a destination's answer an attempt keeps, in bytes.
const MaxResponse = 4 << 10

// Attempt is the record of one delivery. It is open (Done false) from before the request is sent until its outcome is
// known.
type Attempt struct {
	Number          int // 1 is the receiver's
	Trigger         Trigger
	Actor           string
	Revision        int // the revision that was sent
	StartedAt       time.Time
	Done            bool
	Latency         time.Duration
	Outcome         Outcome
	StatusCode      int    // 0 when there was no answer
	Error           string // what went wrong in one line; empty when delivered
	ResponseHeaders Headers
	ResponseBody    []byte // the first MaxResponse bytes
	ResponseCut     bool   // the answer was longer
	RetryAfter      time.Duration
	TraceParent     string
	MessageID       string // what SQS calls the message that a redrive sent; "" where it did not say
	SentDigest      string // names the message of a redrive that could carry no mark of ours; "" otherwise
	// made to test a destination that is down; known while the delivery is in flight, and not kept
	Probe bool
}

// Transient reports whether trying again by itself may help: no answer at all, 5xx, and the 4xx that say "later".
func (a Attempt) Transient() bool {
	switch a.Outcome {
	case Unreachable, Unknown:
		return true
	case ErrorResponse:
		switch a.StatusCode {
		case 408, 425, 429:
			return true
		}
		return a.StatusCode >= 500
	}
	return false
}
