package deadletter

import (
	"strings"
	"time"
)

// Outcome is the result of a delivery, as far as the sender can know it.
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

// Trigger is the reason for a delivery.
type Trigger string

// The triggers of a delivery.
const (
	TriggerReceive Trigger = "receive" // the platform's webhook itself
	TriggerAuto    Trigger = "auto"    // an automatic retry
	TriggerReplay  Trigger = "replay"  // a person asked for it
	TriggerEdit    Trigger = "edit"    // a person edited and asked for it
	TriggerJob     Trigger = "job"     // a job asked for it
	TriggerProbe   Trigger = "probe"   // a person asked for it to test the destination

	TriggerRule Trigger = "rule" // a Rule asked for it

	TriggerRedrive    Trigger = "redrive"     // a person asked for it to go back to its queue
	TriggerJobRedrive Trigger = "job_redrive" // a job did
)

// Label returns the trigger in words for people.
func (t Trigger) Label() string { return strings.ReplaceAll(string(t), "_", " ") }

// MaxResponse bounds the part of a response body that an attempt stores, in bytes.
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
	MessageID       string // the id that SQS gave to the redriven message; "" if unknown
	SentDigest      string // recognises a redriven message that could not carry our mark; "" otherwise
	// Probe reports that the delivery tests a destination that is down. It is not stored.
	Probe bool
}

// Claim opens the delivery that is due: it sets the lease and adds an open attempt, which the caller must store before
// it sends the request. It returns Conflict if nothing is due, or if the message has a lease already.
func (m Message) Claim(lease Lease, traceParent string, at time.Time) (Change, error) {
	if m.DueAt.After(at) {
		return Change{}, errNothingDue
	}
	return m.ClaimEarly(lease, traceParent, at)
}

var errNothingDue = Errorf(Conflict, "nothing of this message is due")

// ClaimEarly opens the next delivery as Claim does, even if it is due later: an automatic probe does not wait for it.
func (m Message) ClaimEarly(lease Lease, traceParent string, at time.Time) (Change, error) {
	waits := m.Status == Retrying || m.Status == Replaying
	if !waits || m.DueAt.IsZero() || m.Lease.Token != "" {
		return Change{}, errNothingDue
	}
	next := m
	if m.Status == Retrying {
		next.Status = Replaying
		next.Request = DeliveryRequest{Trigger: TriggerAuto, By: System().Name, Revision: m.Revision, At: at}
	}
	if next.Request.Trigger == TriggerAuto {
		next.AutoAttempts++
	}
	next.Attempts++
	next.Lease, next.DueAt, next.LastAttemptAt = lease, time.Time{}, at
	c := next.changedFrom(m, System(), "attempt.started", "", at)
	c.Attempt = &Attempt{
		Number:      next.Attempts,
		Trigger:     next.Request.Trigger,
		Actor:       next.Request.By,
		Revision:    next.Request.Revision,
		StartedAt:   at,
		TraceParent: traceParent,
	}
	return c, nil
}

// Finish records the outcome of a delivery. token is that of the lease from Claim; Finish returns Conflict if the
// message no longer has that lease. roll is a random number in [0,1).
func (m Message) Finish(token string, a Attempt, p RetryPolicy, roll float64, at time.Time) (Change, error) {
	if m.Status != Replaying || m.Lease.Token == "" || m.Lease.Token != token {
		return Change{}, Errorf(Conflict, "the lease of this delivery was lost")
	}
	a.Done = true
	next := m
	next.Lease, next.Request = Lease{}, DeliveryRequest{}
	next.Outcome, next.StatusCode, next.DueAt = a.Outcome, a.StatusCode, time.Time{}
	if a.Probe && a.Transient() && m.Request.Trigger == TriggerAuto {
		next.AutoAttempts-- // this delivery only tested the destination: it uses up no attempt
	}
	due, again := p.next(a, next.AutoAttempts, roll, at)
	switch {
	case a.Outcome == Delivered:
		next.Status = Resolved
	case a.Outcome == OutcomeRedriven:
		next.Status = Redriven
	case m.IsRedriving():
		next.Status = Failed // its reason stays; the attempt has the error of the redrive
	case again && m.Request.Revision == m.Revision:
		next.Status, next.DueAt = Retrying, due
		next.failedFor(a.StatusCode, a.Error)
	default:
		next.Status = Failed
		next.failedFor(a.StatusCode, a.Error)
	}
	by := System()
	if m.Request.Trigger != TriggerAuto {
		by = Actor{Kind: ActorUser, Name: m.Request.By}
		if m.Request.Trigger == TriggerRule {
			by.Kind = ActorRule
		}
	}
	action := "attempt." + string(a.Outcome)
	if m.IsRedriving() && a.Outcome != OutcomeRedriven {
		action = "attempt.redrive_" + string(a.Outcome)
	}
	c := next.changedFrom(m, by, action, a.Error, at)
	after := next.stateBeside(m)
	after.Attempt, after.StatusCode, after.LatencyMS = a.Number, a.StatusCode, a.Latency.Milliseconds()
	c.Attempt, c.Event.After = &a, after.json()
	return c, nil
}

// Reclaim ends a delivery whose process died. The handler may have received it, so its outcome is unknown.
func (m Message) Reclaim(open Attempt, p RetryPolicy, roll float64, at time.Time) (Change, error) {
	open.Outcome, open.Latency = Unknown, max(0, at.Sub(open.StartedAt))
	open.Error = "dlqdesk stopped during this delivery: the handler may have processed it"
	if m.IsRedriving() {
		open.Error = "dlqdesk stopped during this redrive: the message may be on its queue"
	}
	return m.Finish(m.Lease.Token, open, p, roll, at)
}
