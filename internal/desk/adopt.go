package desk

import (
	"context"
	"log/slog"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

const (
	// adoptBatch is how many messages get a source in one transaction, so that other writes wait for some milliseconds
	// at most.
	adoptBatch = 200

	// adoptPause is the wait after a fault.
	adoptPause = time.Minute
)

// Adopter gives messages of a queue the source that the configuration names for it now. They were ingested while the
// queue had none, and can then be delivered over HTTP. Example: queues.orders had no source when message 7 arrived; it
// has "shop" since the restart, and message 7 becomes one of "shop".
type Adopter struct {
	Store         *store.Store
	Queue, Source string
	SignsID       bool // the source's platform signs the Webhook-Id: see payload.Dedup
	OrderKey      payload.OrderKey
	Now           func() time.Time
	Log           *slog.Logger
}

// Run adopts all messages of the queue. It retries until ctx ends. A message that is being redriven is left for the
// next start.
func (a Adopter) Run(ctx context.Context) error {
	for cursor := store.FromOldest; cursor != "" && ctx.Err() == nil; {
		next, err := a.adoptPage(ctx, cursor)
		if err == nil {
			cursor = next
			continue
		}
		const failed = "messages of a queue cannot be given its source; trying again in a minute"
		a.Log.ErrorContext(ctx, failed, "queue", a.Queue, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(adoptPause):
		}
	}
	return nil
}

func (a Adopter) adoptPage(ctx context.Context, cursor string) (next string, err error) {
	withoutSource := store.Filter{Queue: a.Queue, NoSource: true}
	page, err := a.Store.Messages(ctx, store.MessageQuery{Filter: withoutSource, Cursor: cursor, Limit: adoptBatch})
	if err != nil || len(page.Items) == 0 {
		return "", err
	}
	err = a.Store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, listed := range page.Items {
			if err := a.adopt(ctx, tx, listed.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return page.Newer, err
}

func (a Adopter) adopt(ctx context.Context, tx *store.Tx, id deadletter.ID) error {
	m, err := tx.Message(ctx, id)
	if err != nil {
		return err
	}
	change, err := m.Adopt(a.Source, a.Now())
	if deadletter.KindOf(err) == deadletter.Conflict {
		return nil
	}
	if err != nil {
		return err
	}
	received, err := tx.Revision(ctx, id, 0)
	if err != nil {
		return err
	}
	if change, err = beside(ctx, tx, change, received, a.SignsID); err != nil {
		return err
	}
	change.After.OrderKey = a.OrderKey.Of(a.Source, received.Headers, received.Body)
	return tx.Apply(ctx, change)
}
