package deadletter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Arrival is a later arrival of a message: the platform sent the webhook again, or the queue delivered it again.
type Arrival struct {
	Number    int
	At        time.Time
	MessageID string // the queue's
	ReceiptID ID     // of the webhook; the same if the queue delivered the same message again

	// Differs is set on arrivals that an earlier version stored: it merged a webhook with other content into the open
	// message that had its id. Body and Headers are that webhook's. See Separate.
	Differs bool
	Headers Headers
	Body    []byte
}

// Superseded is the message that had a platform's id until a later message claimed it.
type Superseded struct {
	ID     ID
	Digest string // of its content
}

// digestOfContent names what a delivery sends: method, query and body. The headers do not count, because each sending
// of a webhook has its own time and signature.
func digestOfContent(method, query string, body []byte) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q ", method, query)
	sum.Write(body)
	return hex.EncodeToString(sum.Sum(nil))
}

// ContentDigest names what the capture delivers. Two webhooks that claim one id are the same message only if it is
// equal.
func (c Capture) ContentDigest() string { return digestOfContent(c.Method, c.Query, c.Body) }

// delivers reports whether the capture delivers the same as revision r of m. The revision may be the whole queue
// message, of which an earlier version read no part.
func (c Capture) delivers(m Message, r Revision) bool {
	body := string(c.Body) == string(r.Body) || c.QueueMessage != nil && string(c.QueueMessage) == string(r.Body)
	return body && c.Query == m.Query && c.Method == m.Method
}

// TakeOtherID gives the capture another id, because a message with other content has the one that its sender chose.
// The same id and content always lead to the same other id.
func (c *Capture) TakeOtherID() {
	taken := string(c.ID)
	c.WebhookID = cmp.Or(c.WebhookID, taken)
	c.Queue.ProducerID = cmp.Or(c.Queue.ProducerID, taken)
	c.ID = ID(digestOfContent(taken, c.ContentDigest(), nil)[:otherIDLength])
}

// otherIDLength is the length of the id that TakeOtherID makes: 128 bits in hexadecimal digits.
const otherIDLength = 32

// isOf reports whether the capture was read from the same queue message. What an envelope says about its queue message
// does not count, because any sender could have written it.
func (q QueueFacts) isOf(c Capture) bool {
	return q.MessageID != "" && q.MessageID == c.Queue.MessageID && q.Queue == c.Queue.Queue &&
		q.ConfigName == c.Queue.ConfigName && !q.Drained && !c.Queue.Drained
}

// Covers reports whether a capture that claims the id of the message is one more arrival of it: a queue delivered the
// same queue message again, or it brings the content of revision r under the same message id or within the window. A
// capture with other content never is, whatever the status of the message: it would be lost in it.
func (m Message) Covers(c Capture, r Revision, window time.Duration) bool {
	recent := window > 0 && c.ReceivedAt.Sub(m.ReceivedAt).Abs() <= window
	return m.Queue.isOf(c) || c.delivers(m, r) && (m.ID == c.ID || recent)
}

// IsReturnOf reports whether a capture that names the message as its origin brings the bytes that its redrive sent. The
// mark of a redrive is an attribute that any sender can copy.
func (c Capture) IsReturnOf(m Message, sent Revision) bool { return c.delivers(m, sent) }

// ArriveAgain counts one more arrival of a message. Its status stays: the work of a person or a retry is not undone.
func (m Message) ArriveAgain(c Capture, at time.Time) Change {
	if back, err := m.become(Failed, at); err == nil && m.isDrained() {
		back.Version++
		back.LastChange = LastChange{}
		return back.arrived(m, c, "message.returned", at)
	}
	return m.arrived(m, c, "message.arrived_again", at)
}

// arrived counts an arrival of a message that became m.
func (m Message) arrived(before Message, c Capture, action string, at time.Time) Change {
	m.Arrivals++
	reason := ""
	if m.Reason != before.Reason {
		reason = m.Reason
	}
	change := m.changedFrom(before, System(), action, reason, at)
	change.Arrival = &Arrival{Number: m.Arrivals, At: at, MessageID: c.Queue.MessageID, ReceiptID: c.ReceiptID()}
	return change
}

// Beside completes the change that adds a message whose platform's id belongs to other already, or that gives it the
// source of other: other leaves the id to it. original is revision 0 of other, received that of the message. If their
// contents differ, a destination that remembers ids must not take the message for other, so its deliveries carry the
// message's own id. Only a signed id is delivered as it came: with another one the signature would not fit.
func (c Change) Beside(other Message, original, received Revision, signed bool) Change {
	before := digestOfContent(other.Method, other.Query, original.Body)
	c.Supersedes = &Superseded{other.ID, before}
	c.Digest = digestOfContent(c.After.Method, c.After.Query, received.Body)
	c.After.OwnWebhookID = !signed && c.Digest != before
	facts := c.After.state()
	facts.Source, facts.BodySHA256, facts.SameIDAs = c.After.Source, digestOf(received.Body), other.ID
	c.Event.After = facts.json()
	return c
}

// HasSameID reports whether another message has the platform's id of this one.
func (m Message) HasSameID(other Message) bool {
	return other.Source == m.Source && other.WebhookID == m.WebhookID
}

// DeliveredWebhookID returns the Webhook-Id that deliveries of the message carry.
func (m Message) DeliveredWebhookID() string {
	if m.OwnWebhookID {
		return string(m.ID)
	}
	return m.WebhookID
}

// unknownReason is the reason of a separated message.
const unknownReason = "Not known: it was merged into another message when it arrived"

// SeparatedID returns the id of the message that an arrival with other content becomes: the one that its platform was
// told, if it was told one.
func (m Message) SeparatedID(a Arrival) ID {
	if a.ReceiptID != "" && a.ReceiptID != m.ID {
		return a.ReceiptID
	}
	c := Capture{ID: m.ID, Method: m.Method, Query: m.Query, Body: a.Body}
	c.TakeOtherID()
	return c.ID
}

// Separate makes an arrival with other content a message of its own, which waits for a person. It returns the change
// that adds it, and the change of m, which is only an entry in its trail. It returns Conflict if the arrival has the
// content of m.
func (m Message) Separate(by Actor, a Arrival, eventType string, at time.Time) (add, from Change, err error) {
	if !a.Differs {
		return Change{}, Change{}, Errorf(Conflict, "this arrival has the content of the message: replay that")
	}
	add = NewMessage(Capture{
		ID:          m.SeparatedID(a),
		Source:      m.Source,
		Destination: m.Destination,
		Method:      m.Method,
		Query:       m.Query,
		WebhookID:   m.WebhookID,
		ReceivedAt:  a.At,
		Headers:     a.Headers,
		Body:        a.Body,
		EventType:   eventType,
		Reason:      unknownReason,
		Queue: QueueFacts{
			Queue:      m.Queue.Queue,
			ConfigName: m.Queue.ConfigName,
			MessageID:  a.MessageID,
			Form:       m.Queue.Form,
		},
	}, RetryPolicy{}, 0, at)
	add.Event.Actor, add.Event.By, add.Event.Addr = by.Kind, by.Name, by.Addr
	add.Event.Action = actionSeparate
	from = m.changedFrom(m, by, actionSeparate, "", at)
	facts := m.state()
	facts.Separated = add.After.ID
	from.Event.After = facts.json()
	return add, from, nil
}

// actionSeparate is the action of both audit events of Separate.
const actionSeparate = "message.separate"
