// Package queue moves bytes: to and from SQS, and to and from the embedded queue, which replaces SQS on one machine.
// One conformance suite holds for both. The spool stores on disk the messages that SQS does not confirm.
//
// A received message is in flight: it is hidden from other receivers until its visibility ends, and it is visible again
// after that unless its receiver has deleted it. Its receipt handle is valid until the next receive. Example: a message
// received at 10:00:00 with a visibility of 30 s and not deleted is received again at 10:00:30, with another handle.
//
// The package must not read a body.
package queue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Attribute is a message attribute, preserved to the byte and type. Type is String, Number or Binary, or one of these
// with a label after a dot. The value is in Binary for a binary type, in String otherwise.
type Attribute struct {
	Type   string
	String string
	Binary []byte
}

// Message is a received message. ExtendVisibility, Release and Delete use its ReceiptHandle.
type Message struct {
	ID              string
	Body            []byte
	Attributes      map[string]Attribute
	System          map[string]string // system attributes, by SQS's names
	GroupID         string
	DeduplicationID string
	ReceiveCount    int  // by SQS, or by this process from the embedded queue
	Redelivered     bool // it was received before, or may have been
	SentAt          time.Time
	ReceiptHandle   string
}

// Outgoing is a message to send. On a FIFO queue an empty GroupID means one common group, and an empty DeduplicationID
// a new one; other queues ignore both.
type Outgoing struct {
	Body            []byte
	Attributes      map[string]Attribute
	GroupID         string
	DeduplicationID string
	Trace           string // for AWSTraceHeader, which SQS carries beside the message; other queues do not
}

// Depth is how many messages are on a queue. SQS reports approximate numbers and not the oldest message.
type Depth struct {
	Visible  int
	InFlight int
	Delayed  int       // sent, but not to be received yet
	Oldest   time.Time // when the oldest message was sent; zero if the queue is empty or does not report it

	Retention time.Duration // after which the queue forgets a message; 0: never
}

// Total is the number of all messages on the queue, in whatever state.
func (d Depth) Total() int { return d.Visible + d.InFlight + d.Delayed }

// Faults of a single message.
var (
	ErrTooLarge         = errors.New("the message is larger than the queue takes")
	ErrIllegalBody      = errors.New("the message is empty or has a character that the queue refuses")
	ErrIllegalAttribute = errors.New("the message has an attribute that the queue refuses")
	ErrStaleReceipt     = errors.New("the receipt no longer stands: the message was received again or deleted")
	ErrRefused          = errors.New("the queue refuses the message")
)

// ErrUnavailable is a fault of the whole queue: nothing can be sent to it at the moment.
var ErrUnavailable = errors.New("the queue does not confirm messages")

const (
	// maxBatch, maxWait, maxVisibility and maxAttributes are SQS's limits.
	maxBatch      = 10
	maxWait       = 20 * time.Second
	maxVisibility = 12 * time.Hour
	maxAttributes = 10

	// defaultVisibility is SQS's default for how long a received message is hidden.
	defaultVisibility = 30 * time.Second

	// systemSQS and systemEmbedded are messaging.system of OpenTelemetry.
	systemSQS      = "aws_sqs"
	systemEmbedded = "dlqdesk"

	commonGroup = "dlqdesk"
	fifoSuffix  = ".fifo"
)

// check returns why a message cannot be sent, or nil.
func (o Outgoing) check(limit int) error {
	if size := o.size(); size > limit {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, size, limit)
	}
	if len(o.Body) == 0 || !legal(o.Body) {
		return ErrIllegalBody
	}
	return checkAttributes(o.Attributes)
}

// size returns what SQS counts: the body, and name, type and value of every attribute.
func (o Outgoing) size() int {
	n := len(o.Body)
	for name, a := range o.Attributes {
		n += len(name) + len(a.Type) + len(a.String) + len(a.Binary)
	}
	return n
}

// The rules for attributes are those of "Amazon SQS message metadata" in the SQS developer guide.
func checkAttributes(attributes map[string]Attribute) error {
	if len(attributes) > maxAttributes {
		return fmt.Errorf("%w: there are %d, at most %d", ErrIllegalAttribute, len(attributes), maxAttributes)
	}
	for name, a := range attributes {
		if err := a.check(name); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrIllegalAttribute, name, err)
		}
	}
	return nil
}

func (a Attribute) check(name string) error {
	if !attributeName.MatchString(name) || strings.Contains(name, "..") || strings.HasSuffix(name, ".") {
		return errors.New("its name may have letters, digits, " + // words:ok, of the alphabet
			"underscores, hyphens and single dots between them")
	}
	base, _, _ := strings.Cut(a.Type, ".")
	switch base {
	case "Binary":
		if len(a.Binary) == 0 || a.String != "" {
			return errors.New("its type asks for bytes")
		}
	case "String", "Number":
		if a.String == "" || len(a.Binary) > 0 || !legal([]byte(a.String)) {
			return errors.New("its type asks for text without control characters")
		}
	default:
		return fmt.Errorf("its type %q is none of String, Number and Binary", a.Type)
	}
	return nil
}

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,255}$`)

// legal reports whether SQS accepts the characters of a text, see SendMessage in its API reference.
func legal(text []byte) bool {
	for _, b := range text {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' {
			return false
		}
	}
	return utf8.Valid(text) && !bytes.Contains(text, []byte("\uFFFE")) && !bytes.Contains(text, []byte("\uFFFF"))
}

// withFIFOFields sets the fields that a FIFO queue requires. A deduplication id is set once, so that a message which is
// sent again because no response came remains the same message.
func withFIFOFields(list []Outgoing) []Outgoing {
	out := make([]Outgoing, len(list))
	for i, o := range list {
		if o.GroupID == "" {
			o.GroupID = commonGroup
		}
		if o.DeduplicationID == "" {
			o.DeduplicationID = uuid.NewString()
		}
		out[i] = o
	}
	return out
}

// Extender is a queue that extends the visibility of messages.
type Extender interface {
	ExtendVisibility(ctx context.Context, messages []Message, d time.Duration) []error
}

// StartHeartbeat keeps messages in flight while work on them goes on: it extends their visibility every half of it.
// The caller calls stop when the work is done; stop returns when no extension is under way.
func StartHeartbeat(ctx context.Context, q Extender, messages []Message, visibility time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(visibility / 2)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				// A failure is tried again at the next tick; a message that is gone needs nothing more.
				q.ExtendVisibility(ctx, messages, visibility)
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}

// Undeleted is a message that was received and is still on its queue, which forgets it after its retention.
type Undeleted struct {
	ID     string // of the message that it becomes
	SentAt time.Time
	Stored bool // it is in the store, and waits to be deleted from the queue
}
