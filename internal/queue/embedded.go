package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// MaxEmbedded is enough for the envelope of the largest webhook that can be configured, in bytes.
	MaxEmbedded = 96 << 20

	// embeddedBatch is enough messages of one receive that its own cost does not count.
	embeddedBatch = 500
)

// Embedded is a queue in a file of this machine. It has no retention: a message is gone only when it is deleted. When
// the process ends, the messages in flight are visible again at the next start, and no earlier receipt is valid.
type Embedded struct {
	file            *File
	name            string
	fifo            bool
	maxMessageBytes int
	now             func() time.Time
}

// NewEmbedded returns the queue with the given name in a file; its messages have maxMessageBytes at most. A name that
// ends in .fifo keeps order within a group. The caller closes the file.
func NewEmbedded(file *File, name string, maxMessageBytes int, now func() time.Time) *Embedded {
	return &Embedded{file, name, strings.HasSuffix(name, fifoSuffix), maxMessageBytes, now}
}

// Name returns the name of the queue.
func (e *Embedded) Name() string { return e.name }

// System returns the value of messaging.system for telemetry.
func (e *Embedded) System() string { return systemEmbedded }

// MaxMessageBytes is the largest message, attributes included.
func (e *Embedded) MaxMessageBytes() int { return e.maxMessageBytes }

// MaxReceive returns the largest number of messages of one receive. One that reads large bodies returns fewer.
func (e *Embedded) MaxReceive() int { return embeddedBatch }

// Visibility is how long a received message is hidden.
func (e *Embedded) Visibility() time.Duration { return defaultVisibility }

func (e *Embedded) flights() *flights { return e.file.flights(e.name) }

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
	if err := e.file.send(ctx, e.name, messages, e.now()); err != nil {
		for _, i := range indexes {
			errs[i] = err
		}
		return errs
	}
	e.flights().wake()
	return errs
}

func (e *Embedded) message(o Outgoing) Message {
	m := Message{ID: uuid.NewString(), Body: o.Body, Attributes: o.Attributes}
	if e.fifo {
		m.GroupID, m.DeduplicationID = o.GroupID, o.DeduplicationID
	}
	return m
}

// Receive returns up to limit messages, MaxReceive at most. It waits for the first one for up to wait, 20 seconds at
// most.
func (e *Embedded) Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	deadline := time.NewTimer(min(wait, maxWait))
	defer deadline.Stop()
	for {
		changed := e.flights().awaitChange()
		list, err := e.receive(ctx, min(limit, embeddedBatch))
		if err != nil || len(list) > 0 || wait <= 0 {
			return list, err
		}
		over, err := e.block(ctx, changed, deadline.C)
		if over || err != nil {
			return nil, err
		}
	}
}

// receive returns visible messages, the oldest first, and hides them for a while.
func (e *Embedded) receive(ctx context.Context, limit int) ([]Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx = context.WithoutCancel(ctx) // it is short, and a query whose context can end takes longer
	flights := e.flights()
	flights.receiving.Lock()
	defer flights.receiving.Unlock()
	rows, err := e.visible(ctx, flights, limit)
	if err != nil {
		return nil, fmt.Errorf("receive from embedded queue %s: %w", e.name, err)
	}
	return flights.begin(rows, e.now().Add(defaultVisibility)), nil
}

// visible reads messages that are visible.
func (e *Embedded) visible(ctx context.Context, f *flights, limit int) ([]row, error) {
	now := e.now()
	if e.fifo {
		return e.file.readFIFO(ctx, e.name, f.blocked(now), limit)
	}
	again, next := f.waiting(now)
	if len(again) > 0 {
		numbers, err := numbersText(again)
		if err != nil {
			return nil, err
		}
		rows, err := e.file.read(ctx, readNumbers, numbers, limit)
		if err != nil || len(rows) > 0 {
			return rows, err
		}
		f.forget(again) // something else has deleted them: they must not keep the newer ones waiting
	}
	if next > 0 {
		return e.file.read(ctx, readFrom, e.name, next, limit)
	}
	return nil, nil
}

var errFileClosed = errors.New("the file of the embedded queues is closed")

// block waits until a message may be visible. over reports whether the deadline has passed.
func (e *Embedded) block(
	ctx context.Context, changed <-chan struct{}, deadline <-chan time.Time,
) (over bool, err error) {
	visible := time.NewTimer(max(time.Millisecond, e.flights().nextVisible().Sub(e.now())))
	defer visible.Stop()
	select {
	case <-changed:
	case <-visible.C:
	case <-deadline:
		return true, nil
	case <-e.file.open.Done():
		return false, errFileClosed
	case <-ctx.Done():
		return false, ctx.Err()
	}
	return false, nil
}

// ExtendVisibility keeps received messages in flight for d from now, 12 hours at most.
func (e *Embedded) ExtendVisibility(_ context.Context, messages []Message, d time.Duration) []error {
	errs := e.flights().hide(messages, e.now().Add(min(d, maxVisibility)))
	e.flights().wake() // they may be visible sooner than a receiver expects
	return errs
}

// Release makes received messages visible at once.
func (e *Embedded) Release(ctx context.Context, messages []Message) []error {
	return e.ExtendVisibility(ctx, messages, 0)
}

// Delete removes received messages.
func (e *Embedded) Delete(ctx context.Context, messages []Message) []error {
	flights := e.flights()
	numbers, groups, errs := flights.leave(messages)
	if len(numbers) == 0 {
		return errs
	}
	err := e.file.delete(ctx, e.name, numbers, groups)
	flights.left(numbers, err == nil)
	if e.fifo || err != nil {
		flights.wake() // the next message of a group may be received now, or these again
	}
	for i := range errs {
		if errs[i] == nil {
			errs[i] = err
		}
	}
	return errs
}
