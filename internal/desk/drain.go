package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
)

// DrainRequest selects the messages that go back on a queue.
type DrainRequest struct {
	Status        deadletter.Status // "": failed, retrying and replaying
	Source, Queue string            // "": any
	DryRun        bool              // only count
}

// DrainResult counts what a drain did.
type DrainResult struct {
	Messages int // put on the queue; with DryRun those that would be
	Skipped  int
	LastSkip string // the message skipped last, and why
}

// DrainQueue is the queue that messages are put on.
type DrainQueue interface {
	Name() string
	MaxMessageBytes() int
	Send(ctx context.Context, list []queue.Outgoing) []error
}

// Drainer puts messages of the store on a queue as envelopes, and archives each with its audit event once the queue has
// confirmed it. No other process may use the store: it would read the messages back at once. A drain that is
// interrupted can be repeated.
type Drainer struct {
	Store   *store.Store
	To      DrainQueue
	Returns func(queue string) bool // whether a message of that queue of the list is recognised when it comes from To
	Now     func() time.Time
}

// drainBatch is how many messages are sent and then archived together. A drain that is interrupted in between sends as
// many a second time; their ids make that recognisable.
const drainBatch = 50

// Drain runs a drain. The result is valid with an error as well.
func (d Drainer) Drain(ctx context.Context, r DrainRequest) (result DrainResult, err error) {
	statuses := deadletter.OpenStatuses()
	if r.Status != "" {
		if !slices.Contains(statuses, r.Status) {
			return result, refusedStatus(r.Status)
		}
		statuses = []deadletter.Status{r.Status}
	}
	for _, status := range statuses {
		r.Status = status
		if err := d.drainStatus(ctx, r, &result); err != nil {
			return result, err
		}
	}
	return result, nil
}

func (d Drainer) drainStatus(ctx context.Context, r DrainRequest, result *DrainResult) error {
	filter := store.Filter{Status: r.Status, Source: r.Source, Queue: r.Queue}
	for cursor := store.FromOldest; cursor != ""; {
		page, err := d.Store.Messages(ctx, store.MessageQuery{Filter: filter, Cursor: cursor, Limit: drainBatch})
		if err != nil {
			return err
		}
		cursor = page.Newer
		slices.Reverse(page.Items) // the order of a message group is that of receipt
		if r.DryRun {
			d.count(page.Items, result)
			continue
		}
		if err := d.drainPage(ctx, page.Items, result); err != nil {
			return err
		}
	}
	return nil
}

// refusedStatus returns why messages of a status are not drained.
func refusedStatus(s deadletter.Status) error {
	if slices.Contains(deadletter.Statuses(), s) {
		return deadletter.Errorf(deadletter.Invalid,
			"messages that are %s cannot be drained: nothing is left to do with them", s)
	}
	return deadletter.Errorf(deadletter.Invalid, "there is no status %q: use failed, retrying or replaying", s)
}

// count adds what a drain would do with messages. Deliveries in flight have ended when the server is stopped.
func (d Drainer) count(messages []deadletter.Message, result *DrainResult) {
	for _, m := range messages {
		if err := d.returnsTo(m); err != nil {
			result.skip(m, err)
			continue
		}
		result.Messages++
	}
}

func (d Drainer) drainPage(ctx context.Context, messages []deadletter.Message, result *DrainResult) error {
	var sending []deadletter.Message
	var envelopes []queue.Outgoing
	for _, m := range messages {
		if err := d.drainable(m); err != nil {
			result.skip(m, err)
			continue
		}
		body, err := d.encode(ctx, m)
		if err != nil {
			return err
		}
		sending = append(sending, m)
		envelopes = append(envelopes, queue.Outgoing{Body: body, GroupID: m.Queue.GroupID}) // FIFO keeps its order
	}
	var confirmed []deadletter.Message
	var away error
	for i, err := range d.To.Send(ctx, envelopes) {
		if err == nil {
			confirmed = append(confirmed, sending[i])
			continue
		}
		result.skip(sending[i], err)
		if errors.Is(err, queue.ErrUnavailable) {
			away = err
			break
		}
	}
	return errors.Join(away, d.archive(ctx, confirmed, result))
}

// drainable returns why a message cannot be put on the queue, or nil.
func (d Drainer) drainable(m deadletter.Message) error {
	if m.Lease.Token != "" {
		return errors.New("a delivery of it was in flight when dlqdesk stopped: start dlqdesk once, and stop it again")
	}
	return d.returnsTo(m)
}

// returnsTo returns why a message would not return to the queue that it came from, or nil.
func (d Drainer) returnsTo(m deadletter.Message) error {
	if m.Queue.ConfigName == "" || d.Returns(m.Queue.ConfigName) {
		return nil
	}
	return fmt.Errorf("it came from the queue %s, and would not return to it from another queue of the list: "+
		"drain it to that, or to dlq", m.Queue.ConfigName)
}

func (r *DrainResult) skip(m deadletter.Message, err error) {
	r.Skipped++
	r.LastSkip = fmt.Sprintf("%s: %v", m.ID, err)
}

// encode returns a message as the receiver would have sent it, with its latest revision and the receiver's attempt.
func (d Drainer) encode(ctx context.Context, m deadletter.Message) ([]byte, error) {
	original, err := d.Store.Revision(ctx, m.ID, 0)
	if err != nil {
		return nil, err
	}
	latest := original
	if m.Revision > 0 {
		if latest, err = d.Store.Revision(ctx, m.ID, m.Revision); err != nil {
			return nil, err
		}
	}
	attempts, err := d.Store.Attempts(ctx, m.ID)
	if err != nil {
		return nil, err
	}
	var first *deadletter.Attempt
	byReceiver := func(a deadletter.Attempt) bool { return a.Trigger == deadletter.TriggerReceive }
	if i := slices.IndexFunc(attempts, byReceiver); i >= 0 {
		first = &attempts[i]
	}
	c, err := envelope.Drained(m, original, latest, first)
	if err != nil {
		return nil, err
	}
	return envelope.EncodeWithin(c, d.To.MaxMessageBytes())
}

func (d Drainer) archive(ctx context.Context, messages []deadletter.Message, result *DrainResult) error {
	if len(messages) == 0 {
		return nil
	}
	// The queue has them: that is recorded even if ctx has ended.
	err := d.Store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		for _, sent := range messages {
			m, err := tx.Message(ctx, sent.ID)
			if err != nil {
				return err
			}
			change, err := m.Drain(deadletter.System(), d.To.Name(), d.Now())
			if err != nil {
				return err
			}
			if err := tx.Apply(ctx, change); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		result.Messages += len(messages)
	}
	return err
}
