package app

import (
	"context"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// adoptBatch is how many messages are given a source in one transaction, so that other writes wait for no longer than
// some milliseconds.
const adoptBatch = 200

// adopt gives the messages of a queue that were read while it had no source the one that it has now, so that they can
// be delivered as those to come are. One that is on its way back to its queue is left for the next start.
func (a *App) adopt(ctx context.Context, d *dlq) error {
	log := a.log.With("component", "adopt", "queue", d.Name)
	for cursor := store.FromOldest; cursor != "" && ctx.Err() == nil; {
		next, err := a.adoptPage(ctx, d, cursor)
		if err == nil {
			cursor = next
			continue
		}
		log.ErrorContext(ctx, "messages of a queue cannot be given its source; trying again in a minute", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(reopenEvery):
		}
	}
	return nil
}

func (a *App) adoptPage(ctx context.Context, d *dlq, cursor string) (next string, err error) {
	page, err := a.store.Messages(
		ctx,
		store.MessageQuery{Filter: store.Filter{Queue: d.Name, NoSource: true}, Cursor: cursor, Limit: adoptBatch},
	)
	if err != nil || len(page.Items) == 0 {
		return "", err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, listed := range page.Items {
			l, err := tx.Message(ctx, listed.ID)
			if err != nil {
				return err
			}
			change, err := l.Adopt(d.Source, a.now())
			if deadletter.KindOf(err) == deadletter.Conflict {
				continue
			}
			if err != nil {
				return err
			}
			if err := tx.Apply(ctx, change); err != nil {
				return err
			}
		}
		return nil
	})
	return page.Newer, err
}
