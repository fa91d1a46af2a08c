package deadletter

import (
	"cmp"
	"time"
)

// Capture is a failed webhook on its way to the store, as it is read from a queue message.
type Capture struct {
	ID          ID
	Source      string
	Destination string
	Method      string
	Query       string
	WebhookID   string
	// ReceiveID identifies one receipt of the webhook. It is another one if the platform sends the webhook again.
	ReceiveID  string
	ReceivedAt time.Time
	Run        string    // the run whose ledger counts it; "": unknown
	RunAt      time.Time // of its receipt, by that receiver's clock; zero: ReceivedAt
	Sequence   Sequence  // its number in that ledger; zero: unknown
	Headers    Headers
	Body       []byte
	EventType  string
	OrderKey   OrderKey
	Reason     string
	// QueueMessage is the whole queue message if Body is only a part of it; nil otherwise. A redrive sends it back.
	QueueMessage []byte
	RedriveOf    ID       // the message that its redrive mark names; "" without a mark
	Digest       string   // names a message without a mark that may have been sent back
	RetryCount   int      // retries that another program made before
	FirstAttempt *Attempt // the receiver's attempt; nil if unknown
	Masks        string   // names the rules by which the receiver masked FirstAttempt; "" if it did not
	Foreign      bool     // no envelope: another program sent it, and has retried it already
	Queue        QueueFacts
}

// statusCode returns the status code that Reason came with; 0 if it came with none, or not from the first delivery.
func (c Capture) statusCode() int {
	if c.FirstAttempt == nil || c.FirstAttempt.Error != c.Reason {
		return 0
	}
	return c.FirstAttempt.StatusCode
}

// ReceiptID names the receipt of the webhook. The ledger counts it once, however often a queue delivers it.
func (c Capture) ReceiptID() ID { return cmp.Or(ID(c.ReceiveID), c.ID) }

// QueueFacts describe the queue message in which a message came.
type QueueFacts struct {
	Queue string `json:"queue,omitempty"`
	// its name below queues in the configuration; "": the program's own DLQ
	ConfigName string `json:"configName,omitempty"`
	MessageID  string `json:"messageId,omitempty"`
	// the sender's message id, where it could not be the message's
	ProducerID      string    `json:"producerId,omitempty"`
	GroupID         string    `json:"groupId,omitempty"`
	DeduplicationID string    `json:"deduplicationId,omitempty"`
	SentAt          time.Time `json:"sentAt,omitzero"`
	ReceiveCount    int       `json:"receiveCount,omitempty"`
	Form            string    `json:"form,omitempty"` // envelope, interchange or foreign
	RetryCount      int       `json:"retryCount,omitempty"`
	// of AWS, that gave up on the message; "" where that is not known
	Service   string   `json:"service,omitempty"`
	ErrorCode string   `json:"errorCode,omitempty"` // that of the service
	Record    Record   `json:"record,omitempty"`    // "": the message itself
	Details   []Detail `json:"details,omitempty"`   // of the record, or of what was mended
	// of the queue, rule or topic that the message came from
	SourceARN string `json:"sourceArn,omitempty"`
	TargetARN string `json:"targetArn,omitempty"` // that the service could not deliver to
	RequestID string `json:"requestId,omitempty"`
	// of the program that handled the queue message last; deliveries continue this trace
	TraceParent string           `json:"traceparent,omitempty"`
	Attributes  []QueueAttribute `json:"attributes,omitempty"`
	// attempts that another desk made before it drained the message
	AttemptsBefore int `json:"attemptsBefore,omitempty"`
	// these facts came from an envelope and not from SQS, so any sender could have written them
	Drained bool `json:"drained,omitempty"`
}

// FormForeign is the form of a message that is no envelope.
const FormForeign = "foreign"

// IsForeign reports whether another program sent the message, which retries in its own way.
func (q QueueFacts) IsForeign() bool { return q.Form == FormForeign }

// QueueAttribute is a message attribute, with its type, to the byte.
type QueueAttribute struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Value  string `json:"value,omitempty"`
	Binary []byte `json:"binary,omitempty"`
}

// Sequence numbers a message among those of one run, source and hour that went to a queue, so that package ledger
// notices when one is missing.
type Sequence struct {
	Number  int `json:"number"`            // from 1, in the order of sending; 0: not numbered
	Settled int `json:"settled,omitempty"` // all up to this number were confirmed or refused before this one was sent
	Refused int `json:"refused,omitempty"` // at most so many of them were refused
}

const (
	// SequenceWindow is the largest difference between Number and Settled. It bounds the numbers that the ledger has to
	// remember.
	SequenceWindow = 1 << 16

	// LastSequenceNumber is the highest valid Number. No run, source and hour has as many messages.
	LastSequenceNumber = 1 << 40
)

// IsValid reports whether a receiver can have sent this sequence. A queue may contain anything.
func (s Sequence) IsValid() bool {
	return s.Number > 0 && s.Number <= LastSequenceNumber && s.Settled >= 0 && s.Settled < s.Number &&
		s.Number-s.Settled <= SequenceWindow && s.Refused >= 0 && s.Refused < s.Number
}
