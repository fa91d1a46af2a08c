package queue

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// MaxEmbedded is enough for the envelope of the largest webhook that can be configured, in bytes.
	MaxEmbedded = 96 << 20

	// embeddedBatch is enough messages of one receive that its own cost does not count.
	embeddedBatch = 500
)

// Embedded is a queue in a file of this machine. It has no retention: a message is gone only when it is deleted.
type Embedded struct {
	file            *File
	name            string
	fifo            bool
	maxMessageBytes int
	now             func() time.Time

	mu      sync.Mutex
	changed chan struct{} // closed when a message may have become visible
}

// NewEmbedded returns the queue with the given name in a file; its messages have maxMessageBytes at most. A name that
// ends in .fifo keeps order within a group. A file must have one Embedded for each name. The caller closes the file.
func NewEmbedded(file *File, name string, maxMessageBytes int, now func() time.Time) *Embedded {
	return &Embedded{
		file:            file,
		name:            name,
		fifo:            strings.HasSuffix(name, fifoSuffix),
		maxMessageBytes: maxMessageBytes,
		now:             now,
		changed:         make(chan struct{}),
	}
}

// Name returns the name of the queue.
func (e *Embedded) Name() string { return e.name }

// System returns the value of messaging.system for telemetry.
func (e *Embedded) System() string { return systemEmbedded }

// MaxMessageBytes is the largest message, attributes included.
func (e *Embedded) MaxMessageBytes() int { return e.maxMessageBytes }

// MaxReceive returns the largest number of messages of one receive.
func (e *Embedded) MaxReceive() int { return embeddedBatch }

// Visibility is how long a received message is hidden.
func (e *Embedded) Visibility() time.Duration { return defaultVisibility }

// Send appends messages. It returns an error for each that is not on disk.
func (e *Embedded) Send(ctx context.Context, list []Outgoing) []error {
	if e.fifo {
		list = withFIFOFields(list)
	}
	errs := make([]error, len(list))
	var messages []Message
	var indexes []int
	for i, o := range list {
		if errs[i] = o.check(e.maxMessageBytes); errs[i] == nil {
			messages, indexes = append(messages, e.message(o)), append(indexes, i)
		}
	}
	if len(messages) == 0 {
		return errs
	}
	if _, err := e.file.Send(ctx, e.name, messages, e.now()); err != nil {
		for _, i := range indexes {
			errs[i] = err
		}
		return errs
	}
	e.wake()
	return errs
}

func (e *Embedded) message(o Outgoing) Message {
	m := Message{ID: uuid.NewString(), Body: o.Body, Attributes: o.Attributes}
	if e.fifo {
		m.GroupID, m.DeduplicationID = o.GroupID, o.DeduplicationID
	}
	return m
}

// Receive returns up to limit messages, MaxReceive at most. It waits for the first one for up to wait, 20 seconds at most.
func (e *Embedded) Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	deadline := time.NewTimer(min(wait, maxWait))
	defer deadline.Stop()
	request := ReceiveRequest{Queue: e.name, FIFO: e.fifo, Limit: min(limit, embeddedBatch), Visibility: defaultVisibility}
	for {
		changed := e.awaitChange()
		list, err := e.file.Receive(ctx, request, e.now())
		if err != nil || len(list) > 0 || wait <= 0 {
			return list, err
		}
		over, err := e.block(ctx, changed, deadline.C)
		if over || err != nil {
			return nil, err
		}
	}
}

// block waits until a message may be visible. over reports whether the deadline has passed.
func (e *Embedded) block(
	ctx context.Context, changed <-chan struct{}, deadline <-chan time.Time,
) (over bool, err error) {
	next, err := e.file.NextVisible(ctx, e.name)
	if err != nil {
		return false, err
	}
	var visible <-chan time.Time
	if !next.IsZero() {
		timer := time.NewTimer(max(time.Millisecond, next.Sub(e.now())))
		defer timer.Stop()
		visible = timer.C
	}
	select {
	case <-changed:
	case <-visible:
	case <-deadline:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return false, nil
}

func (e *Embedded) awaitChange() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changed
}

func (e *Embedded) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.changed)
	e.changed = make(chan struct{})
}

// ExtendVisibility keeps received messages in flight for d from now, 12 hours at most.
func (e *Embedded) ExtendVisibility(ctx context.Context, messages []Message, d time.Duration) []error {
	if d <= 0 {
		return e.Release(ctx, messages)
	}
	valid, err := e.file.Hide(ctx, e.name, receiptHandles(messages), e.now().Add(min(d, maxVisibility)))
	e.wake() // they may be visible sooner than a receiver expects
	return resultsOf(messages, valid, err)
}

// Release makes received messages visible at once.
func (e *Embedded) Release(ctx context.Context, messages []Message) []error {
	valid, err := e.file.Release(ctx, e.name, receiptHandles(messages))
	e.wake()
	return resultsOf(messages, valid, err)
}

// Delete removes received messages.
func (e *Embedded) Delete(ctx context.Context, messages []Message) []error {
	valid, err := e.file.Delete(ctx, e.name, receiptHandles(messages))
	if e.fifo {
		e.wake() // the next message of the group may be received now
	}
	return resultsOf(messages, valid, err)
}

func receiptHandles(messages []Message) []string {
	list := make([]string, len(messages))
	for i, m := range messages {
		list[i] = m.ReceiptHandle
	}
	return list
}

func resultsOf(messages []Message, valid []bool, err error) []error {
	errs := make([]error, len(messages))
	for i := range errs {
		if errs[i] = err; err == nil && !valid[i] {
			errs[i] = ErrStaleReceipt
		}
	}
	return errs
}

// Depth returns how many messages are on the queue.
func (e *Embedded) Depth(ctx context.Context) (Depth, error) {
	return e.file.Depth(ctx, e.name, e.now())
}
