package desk

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
)

// The labels of the queues of this process.
const (
	DLQHolds        = "Failed messages"
	ProcessingHolds = "Buffered webhooks"
	SpoolHolds      = "On disk, until SQS confirms"
	StrandedHolds   = "On disk, because SQS does not accept it"
)

// Where a queued message goes next.
const (
	MessageFate    = "A queued message becomes a message when the desk reads it from here."
	ProcessingFate = "A webhook is delivered from here, and becomes a message if that fails."
	SpoolFate      = "A queued message moves to SQS as soon as SQS confirms it."
)

// Queue is a queue whose depth people see.
type Queue struct {
	Name          string
	Holds         string // "Failed messages"
	Fate          string // where its messages go next; "" where they cannot be listed
	ReportsOldest bool
	Spool         bool // worth a line only while something waits in it
	Buffered      bool // of webhooks: worth a line only while a source is buffered, or something waits in it
	Shared        bool // other receivers may deliver from it as well: a webhook lost on it does not show here
	Depth         func(ctx context.Context) (queue.Depth, error)
	// calls fn with its messages; nil: only a receiver sees them
	Browse func(ctx context.Context, q queue.BrowseQuery, fn func(queue.BrowsedMessage) error) error
	// messages that were read and are still on it, oldest first; nil where a queue forgets none
	Undeleted func() []queue.Undeleted
	// since when the queue confirms nothing, zero: it does; nil where that cannot be
	UnconfirmedSince func() time.Time
}

// QueueView is a queue as it is now.
type QueueView struct {
	Queue
	Now queue.Depth
	Err error // why its depth is not known
}

// Queues returns queues as they are now. It returns Forbidden for an actor who is limited to some sources.
func (d *Desk) Queues(ctx context.Context, by deadletter.Actor, list []Queue) (views []QueueView, err error) {
	if err := errors.Join(by.May(deadletter.ActView), by.ReachesAll()); err != nil {
		return nil, err
	}
	for _, q := range list {
		depth, err := q.Depth(ctx)
		views = append(views, QueueView{q, depth, err})
	}
	return views, nil
}

// ListableQueue returns the queue of that name whose messages can be listed; the zero value: there is none.
func ListableQueue(list []Queue, name string) Queue {
	for _, q := range list {
		if q.Name == name && q.Browse != nil {
			return q
		}
	}
	return Queue{}
}

// BrowseBytes bounds the messages that are decoded for a list, in bytes. SQS allows no larger ones; of a larger one
// only the id is shown.
const BrowseBytes = 1 << 20

// QueuedMessage is a message that waits on a queue, decoded far enough to list it, and masked.
type QueuedMessage struct {
	queue.BrowsedMessage        // without its body
	ID                   string // of the message that it becomes
	Source, Reason       string
	TooLarge             bool // only its id is known
}

// QueuedMessages returns messages of a queue, oldest first. It returns NotFound for a queue whose messages cannot be
// listed, and Forbidden for an actor who is limited to some sources.
func (d *Desk) QueuedMessages(
	ctx context.Context, by deadletter.Actor, q Queue, asked queue.BrowseQuery,
) (list []QueuedMessage, err error) {
	if err := errors.Join(by.May(deadletter.ActView), by.ReachesAll()); err != nil {
		return nil, err
	}
	if q.Browse == nil {
		return nil, deadletter.Errorf(deadletter.NotFound, "there is no such queue, or its messages cannot be listed")
	}
	hider := d.Hider()
	asked.BodyBytes = BrowseBytes
	err = q.Browse(ctx, asked, func(m queue.BrowsedMessage) error {
		list = append(list, hider.queued(m))
		return nil
	})
	return list, err
}

func (h *Hider) queued(m queue.BrowsedMessage) QueuedMessage {
	body := m.Body
	m.Body = nil
	out := QueuedMessage{BrowsedMessage: m}
	if m.Size > len(body) {
		out.ID, out.TooLarge = cmp.Or(firstText(body, "messageId"), m.ID), true
		return out
	}
	c := envelope.Decode(envelope.Raw{
		MessageID: m.ID, Body: body, SentAt: m.SentAt, Unpack: func(int64) bool { return false },
	}, m.SentAt)
	h.Capture(&c)
	out.ID, out.Source, out.Reason = string(c.ID), c.Source, c.Reason
	return out
}

// firstText returns the first value of a JSON object, of which only the beginning is given, where it is a string of
// that name; "" otherwise.
func firstText(beginning []byte, name string) string {
	d := json.NewDecoder(bytes.NewReader(beginning))
	for _, want := range []json.Token{json.Delim('{'), name} {
		if got, err := d.Token(); err != nil || got != want {
			return ""
		}
	}
	value, err := d.Token()
	text, ok := value.(string)
	if err != nil || !ok {
		return ""
	}
	return text
}
