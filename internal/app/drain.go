package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/server"
	"dlqdesk/internal/store"
)

// Drain says which messages go back on which queue.
type Drain struct {
	To            string            // dlq, or the URL or name of a queue in the configuration
	Status        deadletter.Status // "": all that somebody or something has to deal with
	Source, Queue string            // "": any
	DryRun        bool              // only count
}

// Drained is what a drain came to.
type Drained struct {
	Messages int // that were put on the queue, or would be
	Left     int // that were not
	Why      string
}

// drainBatch is how many messages are sent and then marked together. A drain that is cut off between the two sends as
// many twice, which whoever reads them recognises by their ids.
const drainBatch = 50

// Drain puts messages of the store on a queue as envelopes, and puts each away with its audit event once SQS has it.
// No other dlqdesk may run on the data folder: it would take them straight back. What is left when it is cut off, the
// next drain takes.
func (a *App) Drain(ctx context.Context, d Drain) (result Drained, err error) {
	url, err := a.drainTarget(d.To)
	if err != nil {
		return result, err
	}
	dir, err := a.lockDataDir()
	if errors.Is(err, server.ErrLocked) {
		return result, fmt.Errorf(
			"stop dlqdesk serve on the data folder %s first, and start it again when the drain is done: it would read back at once what is put on a queue",
			a.cfg.DataDir,
		)
	}
	if err == nil {
		err = a.openStore(ctx, dir)
	}
	if err == nil {
		err = a.drain(ctx, url, d, &result)
	}
	return result, errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}

func (a *App) drainTarget(to string) (string, error) {
	if to == "dlq" && a.cfg.Queue.DLQURL == "" {
		return "", errors.New(
			"queue.dlq_url is empty: the embedded queue is in the same data folder, so nothing would leave it; set it to an SQS queue",
		)
	}
	if to == "dlq" || to == a.cfg.Queue.DLQURL {
		return a.cfg.Queue.DLQURL, nil
	}
	for _, q := range a.cfg.Queues {
		if to == q.Name || to == q.URL {
			return q.URL, nil
		}
	}
	return "", fmt.Errorf("%q is no DLQ of the configuration: name dlq, or one below queues, by its name or URL", to)
}

func (a *App) drain(ctx context.Context, url string, d Drain, result *Drained) error {
	region := a.cfg.Queue.Region
	if url != a.cfg.Queue.DLQURL {
		region = ""
	}
	q, err := queue.NewSQS(ctx, url, region)
	if err == nil {
		err = q.StartError()
	}
	if err != nil {
		return err
	}
	statuses := deadletter.Drains()
	if d.Status != "" {
		statuses = []deadletter.Status{d.Status}
	}
	for _, status := range statuses {
		if !slices.Contains(deadletter.Drains(), status) {
			return fmt.Errorf("messages that are %s are not drained: nobody has to deal with them", status)
		}
		d.Status = status
		if err := a.drainStatus(ctx, q, url, d, result); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) drainStatus(ctx context.Context, q *queue.SQS, url string, d Drain, result *Drained) error {
	for cursor := store.FromOldest; cursor != ""; {
		page, err := a.store.Messages(ctx, store.MessageQuery{
			Filter: store.Filter{Status: d.Status, Source: d.Source, Queue: d.Queue}, Cursor: cursor, Limit: drainBatch,
		})
		if err != nil {
			return err
		}
		cursor = page.Newer
		slices.Reverse(page.Items) // the order of a group is that of receipt
		if d.DryRun {
			result.Messages += len(page.Items)
			continue
		}
		if err := a.drainPage(ctx, q, url, page.Items, result); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) drainPage(
	ctx context.Context,
	q *queue.SQS,
	url string,
	messages []deadletter.Message,
	result *Drained,
) error {
	var sending []deadletter.Message
	var envelopes []queue.Outgoing
	for _, l := range messages {
		body, err := a.envelopeOf(ctx, l, q.MaxMessageBytes())
		if err != nil {
			return err
		}
		if err := a.drainable(l, url); err != nil {
			result.leave(l, err)
			continue
		}
		// A queue that has an order keeps that of the message's group.
		sending, envelopes = append(sending, l), append(envelopes, queue.Outgoing{Body: body, GroupID: l.Queue.GroupID})
	}
	var confirmed []deadletter.Message
	for i, err := range q.Send(ctx, envelopes) {
		if errors.Is(err, queue.ErrUnavailable) {
			result.leave(sending[i], err)
			return errors.Join(err, a.markDrained(ctx, confirmed, q.Name(), result))
		}
		if err != nil {
			result.leave(sending[i], err)
			continue
		}
		confirmed = append(confirmed, sending[i])
	}
	return a.markDrained(ctx, confirmed, q.Name(), result)
}

// drainable says why a message cannot be put on a queue, where it cannot.
func (a *App) drainable(l deadletter.Message, url string) error {
	if l.Lease.Token != "" {
		return errors.New("a delivery of it was in flight when dlqdesk stopped: start dlqdesk once, and stop it again")
	}
	own, listed := a.cfg.DLQ(l.Queue.From)
	if l.Queue.From == "" || url == a.cfg.Queue.DLQURL || listed && url == own.URL {
		return nil
	}
	return fmt.Errorf(
		"it is of the queue %s, and would not find its way back from another one of the list: drain it to that, or to dlq",
		l.Queue.From,
	)
}

func (d *Drained) leave(l deadletter.Message, err error) {
	d.Left++
	d.Why = fmt.Sprintf("%s: %v", l.ID, err)
}

// envelopeOf writes a message as the receiver would have, with its latest revision and the receiver's attempt.
func (a *App) envelopeOf(ctx context.Context, l deadletter.Message, limit int) ([]byte, error) {
	original, err := a.store.Revision(ctx, l.ID, 0)
	if err != nil {
		return nil, err
	}
	latest := original
	if l.Revision > 0 {
		if latest, err = a.store.Revision(ctx, l.ID, l.Revision); err != nil {
			return nil, err
		}
	}
	attempts, err := a.store.Attempts(ctx, l.ID)
	if err != nil {
		return nil, err
	}
	var first *deadletter.Attempt
	if i := slices.IndexFunc(
		attempts,
		func(a deadletter.Attempt) bool { return a.Trigger == deadletter.TriggerReceive },
	); i >= 0 {
		first = &attempts[i]
	}
	c, err := envelope.Drained(l, original, latest, first)
	if err != nil {
		return nil, err
	}
	return envelope.EncodeWithin(c, limit)
}

func (a *App) markDrained(ctx context.Context, messages []deadletter.Message, to string, result *Drained) error {
	if len(messages) == 0 {
		return nil
	}
	// SQS has them: that is written down whatever happens to whoever asked.
	err := a.store.Write(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		for _, l := range messages {
			now, err := tx.Message(ctx, l.ID)
			if err != nil {
				return err
			}
			change, err := now.Drain(deadletter.System(), to, a.now())
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
