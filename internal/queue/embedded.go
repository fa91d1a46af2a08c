package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"dlqdesk/internal/store"
)

// MaxEmbedded is enough for the envelope of the largest webhook that can be configured, in bytes.
const MaxEmbedded = 96 << 20

// Embedded is a queue in a file of this machine. It never gives a message up: one is gone only when it is deleted.
type Embedded struct {
	file *store.QueueFile
	name string
	fifo bool
	most int // bytes of a message
	now  func() time.Time

	mu      sync.Mutex
	changed chan struct{} // closed when a message may have become visible
}

// NewEmbedded answers the queue of that name in a file, whose messages have at most so many bytes. A name that ends
// in .fifo keeps order within a group. The file must have one Embedded for each name; the caller closes it.
func NewEmbedded(file *store.QueueFile, name string, most int, now func() time.Time) *Embedded {
	return &Embedded{
		file:    file,
		name:    name,
		fifo:    strings.HasSuffix(name, fifoSuffix),
		most:    most,
		now:     now,
		changed: make(chan struct{}),
	}
}

// Name names the queue.
func (e *Embedded) Name() string { return e.name }

// System tells it from SQS.
func (e *Embedded) System() string { return systemEmbedded }

// MaxMessageBytes is the largest message, attributes included.
func (e *Embedded) MaxMessageBytes() int { return e.most }

// Visibility is how long a received message is hidden.
func (e *Embedded) Visibility() time.Duration { return usualVisibility }

// Send appends messages and answers for each whether it is on disk.
func (e *Embedded) Send(ctx context.Context, list []Outgoing) []error {
	if e.fifo {
		list = inOrder(list)
	}
	errs := make([]error, len(list))
	var rows []store.QueuedMessage
	var places []int
	for i, o := range list {
		row, err := e.row(o)
		if err != nil {
			errs[i] = err
			continue
		}
		rows, places = append(rows, row), append(places, i)
	}
	if len(rows) == 0 {
		return errs
	}
	if _, err := e.file.Send(ctx, e.name, rows, e.now()); err != nil {
		for _, i := range places {
			errs[i] = err
		}
		return errs
	}
	e.wake()
	return errs
}

func (e *Embedded) row(o Outgoing) (store.QueuedMessage, error) {
	if err := o.check(e.most); err != nil {
		return store.QueuedMessage{}, err
	}
	attributes, err := json.Marshal(o.Attributes)
	if err != nil {
		return store.QueuedMessage{}, fmt.Errorf("write attributes: %w", err)
	}
	row := store.QueuedMessage{ID: uuid.NewString(), Body: o.Body, Attributes: string(attributes)}
	if e.fifo {
		row.Group, row.Dedup = o.GroupID, o.DeduplicationID
	}
	return row, nil
}

// Receive answers up to limit messages (10 at most), waiting for the first at most so long (20 seconds at most).
func (e *Embedded) Receive(ctx context.Context, limit int, wait time.Duration) ([]Message, error) {
	deadline := time.NewTimer(min(wait, maxWait))
	defer deadline.Stop()
	for {
		changed := e.awaitChange()
		rows, err := e.file.Receive(
			ctx,
			store.Take{Queue: e.name, Ordered: e.fifo, Limit: min(limit, maxBatch), Hide: usualVisibility},
			e.now(),
		)
		if err != nil {
			return nil, err
		}
		if len(rows) > 0 {
			return received(rows)
		}
		if wait <= 0 {
			return nil, nil
		}
		over, err := e.block(ctx, changed, deadline.C)
		if over || err != nil {
			return nil, err
		}
	}
}

// block waits until a message may be visible. It tells whether the receiver's wait is over.
func (e *Embedded) block(
	ctx context.Context,
	changed <-chan struct{},
	deadline <-chan time.Time,
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

func received(rows []store.QueuedMessage) ([]Message, error) {
	list := make([]Message, len(rows))
	for i, row := range rows {
		list[i] = Message{
			ID:              row.ID,
			Body:            row.Body,
			GroupID:         row.Group,
			DeduplicationID: row.Dedup,
			ReceiveCount:    row.Receives,
			SentAt:          row.SentAt,
			Receipt:         row.Receipt,
			System: map[string]string{
				"ApproximateReceiveCount": strconv.Itoa(
					row.Receives,
				),
				"SentTimestamp": strconv.FormatInt(row.SentAt.UnixMilli(), 10),
			},
		}
		if err := json.Unmarshal([]byte(row.Attributes), &list[i].Attributes); err != nil {
			return nil, fmt.Errorf("read attributes of message %s: %w", row.ID, err)
		}
	}
	return list, nil
}

// Extend hides messages for d from now (12 hours at most).
func (e *Embedded) Extend(ctx context.Context, messages []Message, d time.Duration) []error {
	if d <= 0 {
		return e.Release(ctx, messages)
	}
	stood, err := e.file.Hide(ctx, e.name, receipts(messages), e.now().Add(min(d, maxHide)))
	e.wake() // it may be sooner than what a receiver waits for
	return results(messages, stood, err)
}

// Release makes messages visible at once.
func (e *Embedded) Release(ctx context.Context, messages []Message) []error {
	stood, err := e.file.Show(ctx, e.name, receipts(messages))
	e.wake()
	return results(messages, stood, err)
}

// Delete takes messages off the queue.
func (e *Embedded) Delete(ctx context.Context, messages []Message) []error {
	stood, err := e.file.Delete(ctx, e.name, receipts(messages))
	if e.fifo {
		e.wake() // the next one of its group may come
	}
	return results(messages, stood, err)
}

func receipts(messages []Message) []string {
	list := make([]string, len(messages))
	for i, m := range messages {
		list[i] = m.Receipt
	}
	return list
}

func results(messages []Message, stood []bool, err error) []error {
	errs := make([]error, len(messages))
	for i := range errs {
		if errs[i] = err; err == nil && !stood[i] {
			errs[i] = ErrStale
		}
	}
	return errs
}

// Depth answers how much is on the queue.
func (e *Embedded) Depth(ctx context.Context) (Depth, error) {
	all, inFlight, oldest, err := e.file.Depth(ctx, e.name, e.now())
	return Depth{Visible: all - inFlight, InFlight: inFlight, Oldest: oldest}, err
}

// Browse shows messages of the queue to see, oldest first, and changes nothing about them. The query's Queue is this
// one.
func (e *Embedded) Browse(ctx context.Context, q store.HeldQuery, see func(store.Held) error) error {
	q.Queue = e.name
	return e.file.Held(ctx, q, e.now(), see)
}
