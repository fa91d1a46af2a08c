package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// ID names a message: the message id of its envelope, safe to stand in a URL path.
type ID string

// Message is a webhook whose delivery failed. Its bodies are in its revisions.
type Message struct {
	ID            ID
	Source        string // "" when the message named none and no default is configured
	Destination   string // where the failed delivery went, for display: deliveries go where the configuration says
	Method        string
	Query         string // raw query string of the webhook, delivered with it
	WebhookID     string // the platform's id of the webhook, or else the message's
	OwnWebhookID  bool   // another message has WebhookID with other content: see DeliveredWebhookID
	ContentType   string
	EventType     string   // read from the body; "" if the body names none
	OrderKey      OrderKey // likewise, by its source's order_key
	Status        Status
	Outcome       Outcome // of the latest attempt; "" when no attempt is known
	StatusCode    int     // of the latest attempt; 0 when there was no answer
	Reason        string  // why the latest failed attempt failed
	Fingerprint   string  // the key of its cause
	Attempts      int     // the number of the latest attempt
	AutoAttempts  int     // automatic deliveries so far, the receiver's included
	ReceivedAt    time.Time
	LastAttemptAt time.Time
	DueAt         time.Time       // when the worker may deliver it next; zero when nothing is due
	Arrivals      int             // how often the webhook arrived on the queue
	Revision      int             // the latest revision; 0 is what was received
	Version       int             // counts the changes by people
	Request       DeliveryRequest // the delivery that waits or is in flight, while Replaying
	Lease         Lease           // zero while no delivery is in flight
	LastChange    LastChange      // the latest change by a person
	Queue         QueueFacts

	failure string // see Change
}

// DeliveryRequest is a delivery that an actor requested.
type DeliveryRequest struct {
	Trigger  Trigger
	By       string
	Revision int
	At       time.Time
}

// Lease is the right to deliver a message until a time. Its token fences the result: Finish accepts a result only under
// the token of the lease that the message has now. Example:
//
//	10:00:00  Claim, token a     the worker sends a redrive, attempt 2
//	10:00:01  Return             the message is on the DLQ again: attempt 2 ends as redriven, and lease a with it
//	10:00:02  Claim, token b     attempt 3, a replay that a person requested
//	10:00:03  Finish, token a    Conflict: the late result of attempt 2 is not stored as that of attempt 3
type Lease struct {
	Token string
	Until time.Time
}

// LastChange is the latest change by a person. The error of a conflict names it.
type LastChange struct {
	By     string
	Action string // past tense: "replayed", "edited and replayed", "redriven", "archived", "restored"
	At     time.Time
}

// Revision is a body with its headers. Number 0 is what was received and never changes.
type Revision struct {
	Number       int
	Body         []byte
	Size         int // of the whole body in bytes, where Body may be its first part only; else 0
	Headers      Headers
	QueueMessage []byte // of revision 0: the queue message that the body came in, where that is more; nil otherwise
	By           string // who edited; "" for what was received
	Reason       string
	At           time.Time
	Recipe       RecipeUse // that made it, if it was a saved one
}

// IsHead reports whether Body is only the first part of the body.
func (r Revision) IsHead() bool { return r.Size > len(r.Body) }

// NewMessage returns the Change that adds the message of a capture. A transient failure of a known source is Retrying
// while the policy has attempts left. Everything else is Failed and waits for a person.
func NewMessage(c Capture, p RetryPolicy, roll float64, at time.Time) Change {
	m := Message{
		ID:           c.ID,
		Source:       c.Source,
		Destination:  c.Destination,
		Method:       c.Method,
		Query:        c.Query,
		WebhookID:    c.WebhookID,
		ContentType:  c.Headers.Get("Content-Type"),
		EventType:    c.EventType,
		OrderKey:     c.OrderKey,
		Status:       Failed,
		ReceivedAt:   c.ReceivedAt,
		Arrivals:     1,
		AutoAttempts: c.RetryCount + 1,
		Queue:        c.Queue,
	}
	m.failedFor(c.statusCode(), c.Reason)
	if m.WebhookID == "" {
		m.WebhookID = string(c.ID)
	}
	failed := Attempt{Outcome: Unknown}
	if c.FirstAttempt != nil {
		failed = *c.FirstAttempt
		m.Attempts, m.LastAttemptAt = failed.Number, failed.StartedAt
		m.Outcome, m.StatusCode = failed.Outcome, failed.StatusCode
	}
	if due, ok := p.next(failed, m.AutoAttempts, roll, at); ok && c.Source != "" && !c.Foreign {
		m.Status, m.DueAt = Retrying, due
	}
	original := Revision{Body: c.Body, Headers: c.Headers, QueueMessage: c.QueueMessage, At: at}
	change := m.changedFrom(Message{}, System(), "message.received", c.Reason, at)
	change.Attempt, change.Revision = c.FirstAttempt, &original
	if c.ReceiptID() != c.ID {
		change.Arrival = &Arrival{Number: m.Arrivals, At: at, MessageID: c.Queue.MessageID, ReceiptID: c.ReceiptID()}
	}
	change.Event.After = state{Status: m.Status, Source: m.Source, DueAt: m.DueAt, BodySHA256: digestOf(c.Body)}.json()
	return change
}

// failedFor sets the reason of a failure, and the fingerprint of its cause by the built-in rules. The same reason with
// another status code is another cause.
func (m *Message) failedFor(statusCode int, reason string) {
	m.Reason, m.failure = reason, FailureText(statusCode, reason)
	m.Fingerprint = Fingerprint(m.Source, m.Destination, m.failure)
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
