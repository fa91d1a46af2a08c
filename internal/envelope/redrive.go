package envelope

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
)

// Mark is the message attribute that a redrive adds to the sender's own. Its value is the message's id. SQS keeps it
// when it moves the message to the DLQ again, so that a message which fails again is recognised.
const Mark = "Dlqdesk-Message"

const (
	// markAttributes is the largest number of other attributes beside the mark. SQS accepts ten.
	markAttributes = 9

	// ownDeduplication begins the deduplication id of a redrive. The sender's own id cannot be used, because SQS
	// confirms and drops a message whose id it has received in the last five minutes.
	ownDeduplication = "dlqdesk."

	maxDeduplication = 128 // characters, SQS's limit

	// envelopeField is the type of a field that another program added to the six fields. It is not sent
	// as an attribute.
	envelopeField = "envelope field"
)

// Message is a message as it goes back to the queue that it came from.
type Message struct {
	Body            []byte
	Attributes      []deadletter.QueueAttribute
	GroupID         string
	DeduplicationID string
	Digest          string // names the message where it has no room for the mark; "" where it has the mark
}

// Redrive returns the queue message to send back, with the body of revision r: the sender's bytes, attributes and
// group, and the Mark if it fits into the attributes and into limit bytes. original is revision 0. attempt is the
// number of the attempt.
func Redrive(l deadletter.Message, original, r deadletter.Revision, attempt, limit int) (Message, error) {
	m := Message{
		Body:            r.Body,
		GroupID:         l.Queue.GroupID,
		DeduplicationID: deduplicationID(l.ID, l.Queue.AttemptsBefore+attempt),
	}
	for _, a := range l.Queue.Attributes {
		if a.Type != envelopeField {
			m.Attributes = append(m.Attributes, a)
		}
	}
	if original.QueueMessage != nil {
		m.Body = original.QueueMessage
		if r.Number > 0 {
			text, err := edited(original, r)
			if err != nil {
				return m, err
			}
			m.Body = text
		}
	}
	mark := deadletter.QueueAttribute{Name: Mark, Type: "String", Value: string(l.ID)}
	if len(m.Attributes) > markAttributes || m.size()+attributeSize(mark) > limit {
		m.Digest = digest(m.Body, m.Attributes)
		return m, nil
	}
	m.Attributes = append(m.Attributes, mark)
	return m, nil
}

// CaptureOf returns the capture that the receiver would have put on the queue for a message. first is the receiver's
// attempt; nil if it is unknown.
func CaptureOf(l deadletter.Message, r deadletter.Revision, first *deadletter.Attempt) deadletter.Capture {
	return deadletter.Capture{
		ID:           l.ID,
		Source:       l.Source,
		Destination:  l.Destination,
		Method:       l.Method,
		Query:        l.Query,
		WebhookID:    l.DeliveredWebhookID(),
		ReceivedAt:   l.ReceivedAt,
		Headers:      r.Headers,
		Body:         r.Body,
		Reason:       l.Reason,
		RetryCount:   max(0, l.AutoAttempts-1),
		FirstAttempt: first,
		Queue:        deadletter.QueueFacts{TraceParent: l.Queue.TraceParent},
	}
}

func (m Message) size() int {
	n := len(m.Body)
	for _, a := range m.Attributes {
		n += attributeSize(a)
	}
	return n
}

func attributeSize(a deadletter.QueueAttribute) int {
	return len(a.Name) + len(a.Type) + len(a.Value) + len(a.Binary)
}

func deduplicationID(id deadletter.ID, attempt int) string {
	suffix := "." + strconv.Itoa(attempt)
	if len(ownDeduplication)+len(id)+len(suffix) <= maxDeduplication {
		return ownDeduplication + string(id) + suffix
	}
	sum := sha256.Sum256([]byte(id))
	return ownDeduplication + hex.EncodeToString(sum[:]) + suffix
}

// cutMark removes the Mark and our deduplication id from a queue message that arrives again. It returns the id of the
// message that they name; "" if there are none.
func cutMark(m *Raw) deadletter.ID {
	var marked deadletter.ID
	if rest, ours := strings.CutPrefix(m.DeduplicationID, ownDeduplication); ours {
		marked, m.DeduplicationID = deadletter.ID(rest[:max(0, strings.LastIndexByte(rest, '.'))]), ""
	}
	i := slices.IndexFunc(
		m.Attributes, func(a deadletter.QueueAttribute) bool { return a.Name == Mark && a.Type == "String" },
	)
	if i >= 0 {
		marked = deadletter.ID(m.Attributes[i].Value)
		m.Attributes = slices.Delete(slices.Clone(m.Attributes), i, i+1)
	}
	return marked
}

// digest returns a hash of the body and the attributes that the sender set.
func digest(body []byte, attributes []deadletter.QueueAttribute) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d:", len(body))
	sum.Write(body)
	for _, a := range attributes {
		fmt.Fprintf(sum, "%q %q %q %x\n", a.Name, a.Type, a.Value, a.Binary)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
