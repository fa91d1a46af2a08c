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

// CanArchive tells whether a message in this status can be put away.
func (s Status) CanArchive() bool { return s.canBecome(Archived) }

// CanRestore tells whether a message in this status can be brought back.
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
	DueAt         time.Time // when the worker may deliver it next; zero when nothing is due
	Arrivals      int       // how often the webhook arrived on the queue
	Revision      int       // the latest revision; 0 is what was received
	Version       int       // counts the changes that people ordered
	Order         Order     // the delivery that is ordered or in flight, while Replaying
	Lease         Lease     // who delivers it now; zero when nobody does
	LastOrder     LastOrder // the latest change that a person ordered
	Queue         QueueFacts
}

// Order is a delivery that somebody asked for.
type Order struct {
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

// LastOrder tells who changed a message last, for the message that explains a conflict.
type LastOrder struct {
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

// IsForeign tells whether the message was another program's, which retries in its own way.
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
	Receipt   ID     // which receipt of the webhook it was: a message that the queue hands out again has the same
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
	// SequenceWindow is the largest difference between Number and Settled. It bounds what the ledger stores of arrivals.
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
	Marked       ID       // the message that a mark of ours names; "" where the message has none
	Digest       string   // names a message without a mark that may have been sent back
	RetryCount   int      // retries that another program made before
	First        *Attempt // the receiver's attempt; nil when the message does not tell
	Foreign      bool     // no envelope: another program's message, which was already retried its own way
	Queue        QueueFacts
}

// Receipt names what counts once in the ledger, however often a queue hands it out.
func (c Capture) Receipt() ID { return cmp.Or(ID(c.ReceiveID), c.ID) }

// Receive makes a new message of a capture. A transient failure of a known source is retried by itself while the policy
// has attempts left; everything else needs a person.
func Receive(c Capture, p RetryPolicy, roll float64, at time.Time) Change {
	l := Message{
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
	l.failedFor(c.Reason)
	if l.WebhookID == "" {
		l.WebhookID = string(c.ID)
	}
	failed := Attempt{Outcome: Unknown}
	if c.First != nil {
		failed = *c.First
		l.Attempts, l.LastAttemptAt = failed.Number, failed.StartedAt
		l.Outcome, l.StatusCode = failed.Outcome, failed.StatusCode
	}
	if due, ok := p.next(failed, l.AutoAttempts, roll, at); ok && c.Source != "" && !c.Foreign {
		l.Status, l.DueAt = Retrying, due
	}
	original := Revision{Body: c.Body, Headers: c.Headers, QueueMessage: c.QueueMessage, At: at}
	change := l.changedFrom(Message{}, System(), "message.received", c.Reason, at)
	change.Attempt, change.Revision = c.First, &original
	if c.Receipt() != c.ID {
		change.Arrival = &Arrival{Number: l.Arrivals, At: at, MessageID: c.Queue.MessageID, Receipt: c.Receipt()}
	}
	change.Event.After = state{Status: l.Status, Source: l.Source, DueAt: l.DueAt, BodySHA256: digestOf(c.Body)}.json()
	return change
}

// failedFor notes why the message failed, and with it the group that it belongs to.
func (l *Message) failedFor(reason string) {
	l.Reason, l.Fingerprint = reason, Fingerprint(l.Source, l.Destination, reason)
}

// ArriveAgain counts one more arrival of a message. Its status stays: what a person or a retry achieved is not undone.
func (l Message) ArriveAgain(c Capture, original Revision, at time.Time) Change {
	if back, err := l.become(Failed, at); err == nil && l.isDrained() {
		back.Version++
		back.LastOrder = LastOrder{}
		return back.arrived(l, c, original, "message.returned", at)
	}
	return l.arrived(l, c, original, "message.arrived_again", at)
}

// arrived counts an arrival of what l has become of a message. known is the revision that its body ought to be.
func (l Message) arrived(before Message, c Capture, known Revision, action string, at time.Time) Change {
	l.Arrivals++
	arrival := Arrival{Number: l.Arrivals, At: at, MessageID: c.Queue.MessageID, Receipt: c.Receipt()}
	if string(c.Body) != string(known.Body) {
		arrival.Differs, arrival.Body, arrival.Headers = true, c.Body, c.Headers
	}
	reason := ""
	if l.Reason != before.Reason {
		reason = l.Reason
	}
	change := l.changedFrom(before, System(), action, reason, at)
	change.Arrival = &arrival
	return change
}

// OrderReplay asks for a delivery of a revision. version is that of the page the person saw.
func (l Message) OrderReplay(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := l.CheckDestination(true); err != nil {
		return Change{}, err
	}
	return l.orderDelivery(by, trigger, revision, version, at)
}

func (l Message) orderDelivery(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := l.fresh(version, at); err != nil {
		return Change{}, err
	}
	if revision < 0 || revision > l.Revision {
		return Change{}, Errorf(NotFound, "this message has no revision %d", revision)
	}
	next, err := l.become(Replaying, at)
	if err != nil {
		return Change{}, err
	}
	next.order(by, trigger, revision, trigger.did(), at)
	action := "message.replay"
	if trigger.Redrives() {
		action = "message.redrive"
	}
	return next.changedFrom(l, by, action, "", at), nil
}

// did says in the past tense what was ordered.
func (t Trigger) did() string {
	if t.Redrives() {
		return "redriven"
	}
	return "replayed"
}

// EditAndReplay adds a revision and asks for its delivery.
func (l Message) EditAndReplay(by Actor, trigger Trigger, r Revision, version int, at time.Time) (Change, error) {
	if err := l.fresh(version, at); err != nil {
		return Change{}, err
	}
	if err := ActEdit.checkReason(r.Reason); err != nil {
		return Change{}, err
	}
	if err := l.checkWay(trigger.Redrives()); err != nil {
		return Change{}, err
	}
	next, err := l.become(Replaying, at)
	if err != nil {
		return Change{}, err
	}
	next.Revision++
	r.Number, r.By, r.At = next.Revision, by.Name, at
	next.order(by, trigger, r.Number, "edited and "+trigger.did(), at)
	action := "message.edit"
	if trigger.Redrives() {
		action = "message.edit_redrive"
	}
	c := next.changedFrom(l, by, action, r.Reason, at)
	after := next.state()
	after.BodySHA256 = digestOf(r.Body)
	c.Revision, c.Event.After = &r, after.json()
	return c, nil
}

func (l *Message) order(by Actor, t Trigger, revision int, action string, at time.Time) {
	l.Version++
	l.DueAt, l.Lease = at, Lease{}
	l.Order = Order{Trigger: t, By: by.Name, Revision: revision, At: at}
	l.LastOrder = LastOrder{By: by.Name, Action: action, At: at}
}

// Claim opens the delivery that is due, under a lease. The attempt it carries is written before the request is sent.
func (l Message) Claim(lease Lease, traceParent string, at time.Time) (Change, error) {
	waits := l.Status == Retrying || l.Status == Replaying
	if !waits || l.DueAt.IsZero() || l.DueAt.After(at) || l.Lease.Token != "" {
		return Change{}, Errorf(Conflict, "nothing of this message is due")
	}
	next := l
	if l.Status == Retrying {
		next.Status = Replaying
		next.Order = Order{Trigger: TriggerAuto, By: System().Name, Revision: l.Revision, At: at}
	}
	if next.Order.Trigger == TriggerAuto {
		next.AutoAttempts++
	}
	next.Attempts++
	next.Lease, next.DueAt, next.LastAttemptAt = lease, time.Time{}, at
	c := next.changedFrom(l, System(), "attempt.started", "", at)
	c.Attempt = &Attempt{
		Number:      next.Attempts,
		Trigger:     next.Order.Trigger,
		Actor:       next.Order.By,
		Revision:    next.Order.Revision,
		StartedAt:   at,
		TraceParent: traceParent,
	}
	return c, nil
}

// Finish records what became of the delivery under the lease of that token. A result whose lease was lost is a
// Conflict.
func (l Message) Finish(token string, a Attempt, p RetryPolicy, roll float64, at time.Time) (Change, error) {
	if l.Status != Replaying || l.Lease.Token == "" || l.Lease.Token != token {
		return Change{}, Errorf(Conflict, "the lease of this delivery was lost")
	}
	a.Done = true
	next := l
	next.Lease, next.Order = Lease{}, Order{}
	next.Outcome, next.StatusCode, next.DueAt = a.Outcome, a.StatusCode, time.Time{}
	if a.Probe && a.Transient() && l.Order.Trigger == TriggerAuto {
		next.AutoAttempts-- // the message was lent to test its destination, and waits as before
	}
	due, again := p.next(a, next.AutoAttempts, roll, at)
	switch {
	case a.Outcome == Delivered:
		next.Status = Resolved
	case a.Outcome == SentBack:
		next.Status = Redriven
	case l.SendsBack():
		next.Status = Failed // for the reason that it had: why it was not sent back stands with the attempt
	case again && l.Order.Revision == l.Revision: // retries deliver the latest revision: nobody asked for that one after another
		next.Status, next.DueAt = Retrying, due
		next.failedFor(a.Error)
	default:
		next.Status = Failed
		next.failedFor(a.Error)
	}
	by := System()
	if l.Order.Trigger != TriggerAuto {
		by = Actor{Kind: ActorUser, Name: l.Order.By}
	}
	action := "attempt." + string(a.Outcome)
	if l.SendsBack() && a.Outcome != SentBack {
		action = "attempt.redrive_" + string(a.Outcome)
	}
	c := next.changedFrom(l, by, action, a.Error, at)
	after := next.stateBeside(l)
	after.Attempt, after.StatusCode, after.LatencyMS = a.Number, a.StatusCode, a.Latency.Milliseconds()
	c.Attempt, c.Event.After = &a, after.json()
	return c, nil
}

// Reclaim ends a delivery whose process died. Nobody knows whether the handler got it, so its outcome is unknown.
func (l Message) Reclaim(open Attempt, p RetryPolicy, roll float64, at time.Time) (Change, error) {
	open.Outcome, open.Latency = Unknown, max(0, at.Sub(open.StartedAt))
	open.Error = "dlqdesk stopped during this delivery: the handler may have processed it"
	if l.SendsBack() {
		open.Error = "dlqdesk stopped during this redrive: the message may be on its queue"
	}
	return l.Finish(l.Lease.Token, open, p, roll, at)
}

// Probe makes the retry of a message that waits for it due now, to find out how its destination does.
func (l Message) Probe(by Actor, at time.Time) (Change, error) {
	if l.Status != Retrying || l.Lease.Token != "" {
		return Change{}, Errorf(Conflict, "this message is %s: it waits for no retry", l.Status)
	}
	next := l
	if next.DueAt.After(at) {
		next.DueAt = at
	}
	return next.changedFrom(l, by, "destination.probe", "", at), nil
}

// Archive puts the message away. It returns Conflict while a delivery is in flight, and Invalid without a reason.
func (l Message) Archive(by Actor, why string, version int, at time.Time) (Change, error) {
	if err := l.fresh(version, at); err != nil {
		return Change{}, err
	}
	next, err := l.become(Archived, at)
	if err != nil {
		return Change{}, err
	}
	if err := ActArchive.checkReason(why); err != nil {
		return Change{}, err
	}
	next.Version++
	next.DueAt = time.Time{}
	next.LastOrder = LastOrder{By: by.Name, Action: "archived", At: at}
	return next.changedFrom(l, by, "message.archive", why, at), nil
}

// Restore brings an archived message back: resolved if its latest delivery succeeded, otherwise to a person.
func (l Message) Restore(by Actor, version int, at time.Time) (Change, error) {
	if err := l.fresh(version, at); err != nil {
		return Change{}, err
	}
	if err := l.checkArchived(at); err != nil {
		return Change{}, err
	}
	status := Failed
	switch l.Outcome {
	case Delivered:
		status = Resolved
	case SentBack:
		status = Redriven
	case Rejected, Unreachable, Unknown:
	}
	next, err := l.become(status, at)
	if err != nil {
		return Change{}, err
	}
	next.Version++
	next.LastOrder = LastOrder{By: by.Name, Action: "restored", At: at}
	return next.changedFrom(l, by, "message.restore", "", at), nil
}

// checkArchived returns a Conflict where there is nothing to restore.
func (l Message) checkArchived(at time.Time) error {
	if l.Status == Archived {
		return nil
	}
	return Errorf(
		Conflict,
		"this message is %s, not archived: there is nothing to restore%s",
		l.Status,
		l.lastOrder(at),
	)
}

// become is the one function that moves a message to another status.
func (l Message) become(next Status, at time.Time) (Message, error) {
	if l.Status.canBecome(next) {
		l.Status = next
		return l, nil
	}
	switch {
	case l.Status == Replaying && l.Order.Trigger == TriggerAuto:
		return l, Errorf(Conflict, "an automatic retry of this message is in flight: wait for its result")
	case l.Status == Replaying:
		return l, Errorf(
			Conflict,
			"already %s by %s %s: wait for the result",
			l.Order.Trigger.did(),
			l.Order.By,
			ago(l.Order.At, at),
		)
	case l.Status == Resolved && l.LastOrder.By == "":
		return l, Errorf(Conflict, "this message is resolved: it was delivered by itself")
	case l.Status == Resolved:
		return l, Errorf(Conflict, "this message is resolved: it was delivered%s", l.lastOrder(at))
	case l.Status == Archived && next != Archived:
		return l, Errorf(Conflict, "this message is archived: restore it first%s", l.lastOrder(at))
	}
	return l, Errorf(Conflict, "this message is %s already%s", l.Status, l.lastOrder(at))
}

// lastOrder says, in brackets, who changed the message last and when; "" where no person did.
func (l Message) lastOrder(at time.Time) string {
	if l.LastOrder.By == "" {
		return ""
	}
	return fmt.Sprintf(" (%s by %s %s)", l.LastOrder.Action, l.LastOrder.By, ago(l.LastOrder.At, at))
}

// fresh refuses an order given on a page that shows an older version.
func (l Message) fresh(version int, at time.Time) error {
	if version == l.Version {
		return nil
	}
	if l.LastOrder.By == "" {
		return Errorf(Conflict, "this page showed another state of the message: look again before you act")
	}
	return Errorf(Conflict, "already %s by %s %s: this page showed an older state, look again before you act",
		l.LastOrder.Action, l.LastOrder.By, ago(l.LastOrder.At, at))
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

// Covers tells whether a capture of the same id counts as one more arrival of the message. The same message always
// does. Another one does if it was received within the window, unless it brings other bytes after the message is
// dealt with, where nobody would look for them.
func (l Message) Covers(c Capture, original Revision, window time.Duration) bool {
	open := l.Status == Failed || l.Status == Retrying || l.Status == Replaying
	recent := window > 0 && c.ReceivedAt.Sub(l.ReceivedAt).Abs() <= window
	return l.ID == c.ID || recent && (open || string(c.Body) == string(original.Body))
}
