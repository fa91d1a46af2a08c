package deadletter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// ID names a message: the message id of its envelope, safe to stand in a URL path.
type ID string

// Status is where a message stands.
type Status string

// The statuses of a message.
const (
	Retrying  Status = "retrying"  // automatic attempts are left; the next is due at a known time
	Failed    Status = "failed"    // needs a person
	Replaying Status = "replaying" // a delivery is ordered or in flight
	Resolved  Status = "resolved"  // a delivery succeeded
	Redriven  Status = "redriven"  // sent back to its SQS queue
	Archived  Status = "archived"  // put away by a person
)

// Statuses lists every status, in the order in which the desk shows them.
func Statuses() []Status { return []Status{Failed, Retrying, Replaying, Resolved, Redriven, Archived} }

// legal holds every transition that there is. A message that stays in its status (an arrival, a lease) is no
// transition.
var legal = map[Status][]Status{
	Retrying:  {Replaying, Archived},
	Failed:    {Replaying, Archived},
	Replaying: {Resolved, Redriven, Failed, Retrying},
	Resolved:  {Archived},
	Redriven:  {Archived, Failed},
	Archived:  {Failed, Resolved, Redriven},
}

func (s Status) canBecome(next Status) bool {
	for _, to := range legal[s] {
		if to == next {
			return true
		}
	}
	return false
}

// CanReplay, CanArchive and CanRestore tell which actions a message in this status takes.
func (s Status) CanReplay() bool { return s.canBecome(Replaying) }

// CanArchive reports whether a message in this status can be put away.
func (s Status) CanArchive() bool { return s.canBecome(Archived) }

// CanRestore reports whether a message in this status can be brought back.
func (s Status) CanRestore() bool { return s == Archived }

// Message is a webhook whose delivery failed. Its bodies are in its revisions.
type Message struct {
	ID            ID
	Source        string // "" when the message named none and no default is configured
	Destination   string // where the failed delivery went, for display: deliveries go where the configuration says
	Method        string
	Query         string // raw query string of the webhook, delivered with it
	WebhookID     string // the Webhook-Id that every attempt carries
	ContentType   string
	EventType     string // what the body says it is; "" where it does not
	Status        Status
	Outcome       Outcome // of the latest attempt; "" when no attempt is known
	StatusCode    int     // of the latest attempt; 0 when there was no answer
	Reason        string  // why the latest failed attempt failed
	Fingerprint   string  // names the group of messages that failed for the same cause
	Attempts      int     // the number of the latest attempt
	AutoAttempts  int     // automatic deliveries so far, the receiver's included
	ReceivedAt    time.Time
	LastAttemptAt time.Time
	DueAt         time.Time       // when the worker may deliver it next; zero when nothing is due
	Arrivals      int             // how often the webhook arrived on the queue
	Revision      int             // the latest revision; 0 is what was received
	Version       int             // counts the changes that people ordered
	Request       DeliveryRequest // the delivery that is ordered or in flight, while Replaying
	Lease         Lease           // who delivers it now; zero when nobody does
	LastChange    LastChange      // the latest change that a person ordered
	Queue         QueueFacts
}

// DeliveryRequest is a delivery that was asked for.
type DeliveryRequest struct {
	Trigger  Trigger
	By       string
	Revision int
	At       time.Time
}

// Lease is the right to deliver a message until a time; its token fences the result.
type Lease struct {
	Token string
	Until time.Time
}

// LastChange returns who changed a message last, for the message that explains a conflict.
type LastChange struct {
	By     string
	Action string // past tense: "replayed", "edited and replayed", "redriven", "archived", "restored"
	At     time.Time
}

// QueueFacts are what the queue said of the message that brought the message.
type QueueFacts struct {
	Queue string `json:"queue,omitempty"`
	// its name below queues in the configuration; "": the program's own queue
	From      string `json:"from,omitempty"`
	MessageID string `json:"messageId,omitempty"`
	// the sender's message id, where it could not be the message's
	ProducerID      string    `json:"producerId,omitempty"`
	GroupID         string    `json:"groupId,omitempty"`
	DeduplicationID string    `json:"deduplicationId,omitempty"`
	SentAt          time.Time `json:"sentAt,omitzero"`
	ReceiveCount    int       `json:"receiveCount,omitempty"`
	Form            string    `json:"form,omitempty"` // envelope, interchange or foreign
	RetryCount      int       `json:"retryCount,omitempty"`
	// of AWS, that gave up on the message; "" where that is not known
	Service   string `json:"service,omitempty"`
	ErrorCode string `json:"errorCode,omitempty"` // that of the service
	// of the queue, rule or topic that the message came from
	SourceARN string `json:"sourceArn,omitempty"`
	TargetARN string `json:"targetArn,omitempty"` // that the service could not deliver to
	RequestID string `json:"requestId,omitempty"`
	// of what handled the message last: what becomes of its message goes on with that trace
	TraceParent string           `json:"traceparent,omitempty"`
	Attributes  []QueueAttribute `json:"attributes,omitempty"`
	// that were made elsewhere, before it was drained from there
	AttemptsBefore int `json:"attemptsBefore,omitempty"`
	// an envelope tells all this, not the queue: whoever may send to it could have
	Drained bool `json:"drained,omitempty"`
}

// FormForeign is the form of a message that is no envelope.
const FormForeign = "foreign"

// IsForeign reports whether the message was another program's, which retries in its own way.
func (q QueueFacts) IsForeign() bool { return q.Form == FormForeign }

// QueueAttribute is a message attribute, kept to the byte and type.
type QueueAttribute struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Value  string `json:"value,omitempty"`
	Binary []byte `json:"binary,omitempty"`
}

// Revision is a body with its headers. Number 0 is what was received and never changes.
type Revision struct {
	Number       int
	Body         []byte
	Headers      Headers
	QueueMessage []byte // of revision 0: the queue message that the body came in, where that is more; nil otherwise
	By           string // who edited; "" for what was received
	Reason       string
	At           time.Time
}

// Arrival is one more time that a webhook arrived: the platform sent it again, or the queue did. Body and Headers are
// kept only where they differ from revision 0, so that a wrong id can never lose a message.
type Arrival struct {
	Number    int
	At        time.Time
	MessageID string // the queue's
	ReceiptID ID     // which receipt of the webhook it was: a message that the queue hands out again has the same
	Headers   Headers
	Body      []byte
	Differs   bool
}

// Sequence numbers a message among those of one run, source and hour that went to a queue, so that package ledger
// notices when one is missing.
type Sequence struct {
	Number  int `json:"number"`            // from 1, in the order of sending; 0: it has none
	Settled int `json:"settled,omitempty"` // all up to this number were confirmed or refused before this one was sent
	Refused int `json:"refused,omitempty"` // at most so many of them were refused
}

const (
	// SequenceWindow is the largest difference between Number and Settled. It bounds what the ledger stores of
	// arrivals.
	SequenceWindow = 1 << 16

	// LastSequenceNumber is more than any run, source and hour can have.
	LastSequenceNumber = 1 << 40
)

// IsValid reports whether a receiver can have sent this sequence. A queue may contain anything.
func (s Sequence) IsValid() bool {
	return s.Number > 0 && s.Number <= LastSequenceNumber && s.Settled >= 0 && s.Settled < s.Number &&
		s.Number-s.Settled <= SequenceWindow && s.Refused >= 0 && s.Refused < s.Number
}

// Capture is a failed webhook on its way to the store, as a message of the DLQ tells it.
type Capture struct {
	ID          ID
	Source      string
	Destination string
	Method      string
	Query       string
	WebhookID   string
	// names this receipt: a platform that sends a webhook again makes a new one, and so does a buffered one that is
	// kept again
	ReceiveID  string
	ReceivedAt time.Time
	Run        string    // the run whose ledger counts it; "": unknown
	RunAt      time.Time // of its receipt, by that receiver's clock; zero: ReceivedAt
	Sequence   Sequence  // its number in that ledger; zero: unknown
	Headers    Headers
	Body       []byte
	EventType  string
	Reason     string
	// the queue message as it was, where Body is only a part of it and it may have to be sent back
	QueueMessage []byte
	RedriveOf    ID       // the message that a mark of ours names; "" where the message has none
	Digest       string   // names a message without a mark that may have been sent back
	RetryCount   int      // retries that another program made before
	FirstAttempt *Attempt // the receiver's attempt; nil when the message does not tell
	Foreign      bool     // no envelope: another program's message, which was already retried its own way
	Queue        QueueFacts
}

// statusCode returns the status code that Reason came with; 0 if it came with none, or not from the first delivery.
func (c Capture) statusCode() int {
	if c.FirstAttempt == nil || c.FirstAttempt.Error != c.Reason {
		return 0
	}
	return c.FirstAttempt.StatusCode
}

// ReceiptID names what counts once in the ledger, however often a queue hands it out.
func (c Capture) ReceiptID() ID { return cmp.Or(ID(c.ReceiveID), c.ID) }

// NewMessage makes a new message of a capture. A transient failure of a known source is retried by itself while the
// policy has attempts left; everything else needs a person.
func NewMessage(c Capture, p RetryPolicy, roll float64, at time.Time) Change {
	m := Message{
		ID:          c.ID,
		Source:      c.Source,
		Destination: c.Destination,
		Method:      c.Method,
		Query:       c.Query,
		WebhookID:   c.WebhookID,
		ContentType: c.Headers.Get(
			"Content-Type",
		),
		EventType:    c.EventType,
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

// failedFor sets the reason that the message failed for, and with it its cause. Another status code is another cause.
func (m *Message) failedFor(statusCode int, reason string) {
	m.Reason, m.Fingerprint = reason, Fingerprint(m.Source, m.Destination, WithStatus(statusCode, reason))
}

// ArriveAgain counts one more arrival of a message. Its status stays: what a person or a retry achieved is not undone.
func (m Message) ArriveAgain(c Capture, original Revision, at time.Time) Change {
	if back, err := m.become(Failed, at); err == nil && m.isDrained() {
		back.Version++
		back.LastChange = LastChange{}
		return back.arrived(m, c, original, "message.returned", at)
	}
	return m.arrived(m, c, original, "message.arrived_again", at)
}

// arrived counts an arrival of what m has become of a message. known is the revision that its body ought to be.
func (m Message) arrived(before Message, c Capture, known Revision, action string, at time.Time) Change {
	m.Arrivals++
	arrival := Arrival{Number: m.Arrivals, At: at, MessageID: c.Queue.MessageID, ReceiptID: c.ReceiptID()}
	if string(c.Body) != string(known.Body) {
		arrival.Differs, arrival.Body, arrival.Headers = true, c.Body, c.Headers
	}
	reason := ""
	if m.Reason != before.Reason {
		reason = m.Reason
	}
	change := m.changedFrom(before, System(), action, reason, at)
	change.Arrival = &arrival
	return change
}

// Replay asks for a delivery of a revision. version is that of the page the person saw.
func (m Message) Replay(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := m.CheckDestination(true); err != nil {
		return Change{}, err
	}
	return m.requestDelivery(by, trigger, revision, version, at)
}

func (m Message) requestDelivery(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := m.fresh(version, at); err != nil {
		return Change{}, err
	}
	if revision < 0 || revision > m.Revision {
		return Change{}, Errorf(NotFound, "this message has no revision %d", revision)
	}
	next, err := m.become(Replaying, at)
	if err != nil {
		return Change{}, err
	}
	next.request(by, trigger, revision, trigger.did(), at)
	action := "message.replay"
	if trigger.Redrives() {
		action = "message.redrive"
	}
	return next.changedFrom(m, by, action, "", at), nil
}

// did says in the past tense what was ordered.
func (t Trigger) did() string {
	if t.Redrives() {
		return "redriven"
	}
	return "replayed"
}

// EditAndReplay adds a revision and asks for its delivery.
func (m Message) EditAndReplay(by Actor, trigger Trigger, r Revision, version int, at time.Time) (Change, error) {
	if err := m.fresh(version, at); err != nil {
		return Change{}, err
	}
	if err := ActEdit.checkReason(r.Reason); err != nil {
		return Change{}, err
	}
	if err := m.checkWay(trigger.Redrives()); err != nil {
		return Change{}, err
	}
	next, err := m.become(Replaying, at)
	if err != nil {
		return Change{}, err
	}
	next.Revision++
	r.Number, r.By, r.At = next.Revision, by.Name, at
	next.request(by, trigger, r.Number, "edited and "+trigger.did(), at)
	action := "message.edit"
	if trigger.Redrives() {
		action = "message.edit_redrive"
	}
	c := next.changedFrom(m, by, action, r.Reason, at)
	after := next.state()
	after.BodySHA256 = digestOf(r.Body)
	c.Revision, c.Event.After = &r, after.json()
	return c, nil
}

func (m *Message) request(by Actor, t Trigger, revision int, action string, at time.Time) {
	m.Version++
	m.DueAt, m.Lease = at, Lease{}
	m.Request = DeliveryRequest{Trigger: t, By: by.Name, Revision: revision, At: at}
	m.LastChange = LastChange{By: by.Name, Action: action, At: at}
}

// Claim opens the delivery that is due, under a lease. The attempt it carries is written before the request is sent.
func (m Message) Claim(lease Lease, traceParent string, at time.Time) (Change, error) {
	waits := m.Status == Retrying || m.Status == Replaying
	if !waits || m.DueAt.IsZero() || m.DueAt.After(at) || m.Lease.Token != "" {
		return Change{}, Errorf(Conflict, "nothing of this message is due")
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

// Finish records what became of the delivery under the lease of that token. A result whose lease was lost is a
// Conflict.
func (m Message) Finish(token string, a Attempt, p RetryPolicy, roll float64, at time.Time) (Change, error) {
	if m.Status != Replaying || m.Lease.Token == "" || m.Lease.Token != token {
		return Change{}, Errorf(Conflict, "the lease of this delivery was lost")
	}
	a.Done = true
	next := m
	next.Lease, next.Request = Lease{}, DeliveryRequest{}
	next.Outcome, next.StatusCode, next.DueAt = a.Outcome, a.StatusCode, time.Time{}
	if a.Probe && a.Transient() && m.Request.Trigger == TriggerAuto {
		next.AutoAttempts-- // the message was lent to test its destination, and waits as before
	}
	due, again := p.next(a, next.AutoAttempts, roll, at)
	switch {
	case a.Outcome == Delivered:
		next.Status = Resolved
	case a.Outcome == OutcomeRedriven:
		next.Status = Redriven
	case m.IsRedriving():
		next.Status = Failed // for the reason that it had: why it was not sent back stands with the attempt
	case again && m.Request.Revision == m.Revision: // retries deliver the latest revision: nobody asked for that one after another
		next.Status, next.DueAt = Retrying, due
		next.failedFor(a.StatusCode, a.Error)
	default:
		next.Status = Failed
		next.failedFor(a.StatusCode, a.Error)
	}
	by := System()
	if m.Request.Trigger != TriggerAuto {
		by = Actor{Kind: ActorUser, Name: m.Request.By}
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

// Reclaim ends a delivery whose process died. Nobody knows whether the handler got it, so its outcome is unknown.
func (m Message) Reclaim(open Attempt, p RetryPolicy, roll float64, at time.Time) (Change, error) {
	open.Outcome, open.Latency = Unknown, max(0, at.Sub(open.StartedAt))
	open.Error = "dlqdesk stopped during this delivery: the handler may have processed it"
	if m.IsRedriving() {
		open.Error = "dlqdesk stopped during this redrive: the message may be on its queue"
	}
	return m.Finish(m.Lease.Token, open, p, roll, at)
}

// Probe makes the retry of a message that waits for it due now, to find out how its destination does.
func (m Message) Probe(by Actor, at time.Time) (Change, error) {
	if m.Status != Retrying || m.Lease.Token != "" {
		return Change{}, Errorf(Conflict, "this message is %s: it waits for no retry", m.Status)
	}
	next := m
	if next.DueAt.After(at) {
		next.DueAt = at
	}
	return next.changedFrom(m, by, "destination.probe", "", at), nil
}

// Archive puts the message away. It returns Conflict while a delivery is in flight, and Invalid without a reason.
func (m Message) Archive(by Actor, why string, version int, at time.Time) (Change, error) {
	if err := m.fresh(version, at); err != nil {
		return Change{}, err
	}
	next, err := m.become(Archived, at)
	if err != nil {
		return Change{}, err
	}
	if err := ActArchive.checkReason(why); err != nil {
		return Change{}, err
	}
	next.Version++
	next.DueAt = time.Time{}
	next.LastChange = LastChange{By: by.Name, Action: "archived", At: at}
	return next.changedFrom(m, by, "message.archive", why, at), nil
}

// Restore brings an archived message back: resolved if its latest delivery succeeded, otherwise to a person.
func (m Message) Restore(by Actor, version int, at time.Time) (Change, error) {
	if err := m.fresh(version, at); err != nil {
		return Change{}, err
	}
	if err := m.checkArchived(at); err != nil {
		return Change{}, err
	}
	status := Failed
	switch m.Outcome {
	case Delivered:
		status = Resolved
	case OutcomeRedriven:
		status = Redriven
	case ErrorResponse, Unreachable, Unknown:
	}
	next, err := m.become(status, at)
	if err != nil {
		return Change{}, err
	}
	next.Version++
	next.LastChange = LastChange{By: by.Name, Action: "restored", At: at}
	return next.changedFrom(m, by, "message.restore", "", at), nil
}

// checkArchived returns a Conflict where there is nothing to restore.
func (m Message) checkArchived(at time.Time) error {
	if m.Status == Archived {
		return nil
	}
	return Errorf(
		Conflict,
		"this message is %s, not archived: there is nothing to restore%s",
		m.Status,
		m.lastChange(at),
	)
}

// become is the one function that moves a message to another status.
func (m Message) become(next Status, at time.Time) (Message, error) {
	if m.Status.canBecome(next) {
		m.Status = next
		return m, nil
	}
	switch {
	case m.Status == Replaying && m.Request.Trigger == TriggerAuto:
		return m, Errorf(Conflict, "an automatic retry of this message is in flight: wait for its result")
	case m.Status == Replaying:
		return m, Errorf(
			Conflict,
			"already %s by %s %s: wait for the result",
			m.Request.Trigger.did(),
			m.Request.By,
			ago(m.Request.At, at),
		)
	case m.Status == Resolved && m.LastChange.By == "":
		return m, Errorf(Conflict, "this message is resolved: it was delivered by itself")
	case m.Status == Resolved:
		return m, Errorf(Conflict, "this message is resolved: it was delivered%s", m.lastChange(at))
	case m.Status == Archived && next != Archived:
		return m, Errorf(Conflict, "this message is archived: restore it first%s", m.lastChange(at))
	}
	return m, Errorf(Conflict, "this message is %s already%s", m.Status, m.lastChange(at))
}

// lastChange returns, in brackets, who changed the message last and when; "" where no person did.
func (m Message) lastChange(at time.Time) string {
	if m.LastChange.By == "" {
		return ""
	}
	return fmt.Sprintf(" (%s by %s %s)", m.LastChange.Action, m.LastChange.By, ago(m.LastChange.At, at))
}

// fresh refuses an order given on a page that shows an older version.
func (m Message) fresh(version int, at time.Time) error {
	if version == m.Version {
		return nil
	}
	if m.LastChange.By == "" {
		return Errorf(Conflict, "this page showed another state of the message: look again before you act")
	}
	return Errorf(Conflict, "already %s by %s %s: this page showed an older state, look again before you act",
		m.LastChange.Action, m.LastChange.By, ago(m.LastChange.At, at))
}

func ago(then, now time.Time) string {
	switch d := max(0, now.Sub(then)); {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return "on " + then.UTC().Format("2 January 2006")
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// Covers reports whether a capture of the same id counts as one more arrival of the message. The same message always
// does. Another one does if it was received within the window, unless it brings other bytes after the message is
// dealt with, where nobody would look for them.
func (m Message) Covers(c Capture, original Revision, window time.Duration) bool {
	open := m.Status == Failed || m.Status == Retrying || m.Status == Replaying
	recent := window > 0 && c.ReceivedAt.Sub(m.ReceivedAt).Abs() <= window
	return m.ID == c.ID || recent && (open || string(c.Body) == string(original.Body))
}
