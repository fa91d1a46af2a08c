package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// decoded is a queue message and what it contains.
type decoded struct {
	queued  queue.Message
	capture deadletter.Capture
}

// packed is a queue message with a compressed body, and the size that the body will have.
type packed struct {
	queued queue.Message
	bytes  int64
}

// decodeBatch decodes a batch except for the messages that have to be unpacked.
func (i *Ingest) decodeBatch(messages []queue.Message) (plain []decoded, compressed []packed) {
	plain = make([]decoded, 0, len(messages))
	for _, m := range messages {
		p := packed{m, -1}
		c := i.decode(m, func(bytes int64) bool {
			p.bytes = bytes
			return false
		})
		if p.bytes >= 0 {
			compressed = append(compressed, p)
		} else {
			plain = append(plain, decoded{m, c})
		}
	}
	return plain, compressed
}

// storePlain writes in one transaction, and returns which messages are stored and which are not. If that fails it tries
// each half alone, so that a message which the store refuses delays no other. It does not if the store cannot be
// written at all.
func (i *Ingest) storePlain(ctx context.Context, list []decoded) (stored, remaining []queue.Message, err error) {
	err = i.write(ctx, list...)
	switch {
	case err == nil:
		return queuedOf(list), nil, nil
	case len(list) == 1 || deadletter.KindOf(err) == deadletter.Unavailable:
		return nil, queuedOf(list), err
	}
	var errs []error
	for _, half := range [][]decoded{list[:len(list)/2], list[len(list)/2:]} {
		written, left, err := i.storePlain(ctx, half)
		stored, remaining, errs = append(stored, written...), append(remaining, left...), append(errs, err)
	}
	return stored, remaining, errors.Join(errs...)
}

// storeCompressed writes messages one by one, and returns which are stored and which are not.
func (i *Ingest) storeCompressed(ctx context.Context, list []packed) (stored, remaining []queue.Message, err error) {
	var errs []error
	for _, p := range list {
		if err := i.storePacked(ctx, p); err != nil {
			errs, remaining = append(errs, err), append(remaining, p.queued)
			continue
		}
		stored = append(stored, p.queued)
	}
	return stored, remaining, errors.Join(errs...)
}

// storePacked waits for memory, unpacks a message and writes it.
func (i *Ingest) storePacked(ctx context.Context, p packed) error {
	if err := i.UnpackMemory.Acquire(ctx, p.bytes); err != nil {
		return err
	}
	err := i.writePacked(ctx, p.queued) // a function of its own: its body is garbage when it has returned
	i.UnpackMemory.Release(p.bytes)
	return err
}

func (i *Ingest) writePacked(ctx context.Context, m queue.Message) error {
	return i.write(ctx, decoded{m, i.decode(m, nil)})
}

func queuedOf(list []decoded) []queue.Message {
	messages := make([]queue.Message, len(list))
	for n, d := range list {
		messages[n] = d.queued
	}
	return messages
}

// write stores messages in one transaction. It prepares the changes before, because all writers share one connection.
func (i *Ingest) write(ctx context.Context, list ...decoded) error {
	if len(list) == 0 {
		return nil
	}
	changes, spans := make([]deadletter.Change, len(list)), make([]telemetry.Span, len(list))
	for n := range list {
		c := &list[n].capture
		_, spans[n] = telemetry.Process(ctx, i.Queue, list[n].queued.ID, c)
		c.Queue.TraceParent = cmp.Or(spans[n].TraceParent(), c.Queue.TraceParent)
		changes[n] = i.newMessage(*c)
	}
	err := i.Store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return i.apply(ctx, tx, list, changes)
	})
	for _, span := range spans {
		span.End(err)
	}
	if err == nil && i.Keyed != nil {
		i.Keyed(keysOf(list)...)
	}
	return err
}

func keysOf(list []decoded) []deadletter.OrderKey {
	keys := make([]deadletter.OrderKey, len(list))
	for n, d := range list {
		keys[n] = d.capture.OrderKey
	}
	return keys
}

func (i *Ingest) newMessage(c deadletter.Capture) deadletter.Change {
	return deadletter.NewMessage(c, i.Settings().Retry[c.Source], i.Random(), i.Now())
}

// apply stores decoded messages. The ledger counts a receipt id once, however often the queue delivers it.
func (i *Ingest) apply(ctx context.Context, tx *store.Tx, list []decoded, received []deadletter.Change) error {
	fresh, changes := make([]int, 0, len(list)), make([]*deadletter.Change, 0, len(list))
	for n := range list {
		c := &list[n].capture
		redriven, err := i.applyRedriven(ctx, tx, c)
		if err != nil {
			return fmt.Errorf("store message %s, which was redriven before: %w", c.ID, err)
		}
		if !redriven {
			fresh, changes = append(fresh, n), append(changes, &received[n])
		}
	}
	added, err := tx.Add(ctx, changes...)
	if err != nil {
		return err
	}
	for at, n := range fresh {
		c := &list[n].capture
		if added[at] {
			tx.RecordArrival(c, false)
			continue
		}
		if err := i.applyKnown(ctx, tx, c); err != nil {
			return fmt.Errorf("store message %s: %w", c.ID, err)
		}
	}
	return nil
}

// applyKnown stores a capture whose message id or platform's id the store has already: as another arrival of the
// message with the same content, or, if there is none, as a message of its own.
func (i *Ingest) applyKnown(ctx context.Context, tx *store.Tx, c *deadletter.Capture) error {
	known, err := i.findCovering(ctx, tx, c)
	if err != nil {
		return err
	}
	again, err := tx.HasArrived(ctx, *c)
	if err != nil {
		return err
	}
	covered := known.ID != ""
	if !again {
		tx.RecordArrival(c, covered)
	}
	if covered {
		return tx.Apply(ctx, known.ArriveAgain(*c, i.Now()))
	}
	change := i.newMessage(*c)
	holder, err := tx.HolderOfWebhookID(ctx, c.Source, change.After.WebhookID)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return tx.Apply(ctx, change)
	}
	if err != nil {
		return err
	}
	original, err := tx.Revision(ctx, holder.ID, 0)
	if err != nil {
		return err
	}
	return tx.Apply(ctx, change.Beside(holder, original, *change.Revision, i.dedup(*c).Signed))
}

// findCovering returns the message that a capture is another arrival of; the zero Message if there is none. The capture
// takes another id if a message with other content has the one that its sender chose.
func (i *Ingest) findCovering(
	ctx context.Context, tx *store.Tx, c *deadletter.Capture,
) (deadletter.Message, error) {
	for {
		m, err := tx.Message(ctx, c.ID)
		if deadletter.KindOf(err) == deadletter.NotFound {
			break
		}
		if err != nil {
			return m, err
		}
		if covers, err := i.covers(ctx, tx, m, c); covers || err != nil {
			return m, err
		}
		c.TakeOtherID()
	}
	list, err := tx.SharingWebhookID(ctx, *c)
	for _, m := range list {
		if covers, err := i.covers(ctx, tx, m, c); covers || err != nil {
			return m, err
		}
	}
	return deadletter.Message{}, err
}

// covers reports whether a capture is one more arrival of a message: with the content that was received, or with the
// latest revision, as it comes back after a drain.
func (i *Ingest) covers(ctx context.Context, tx *store.Tx, m deadletter.Message, c *deadletter.Capture) (bool, error) {
	window := i.dedup(*c).Window
	for _, number := range slices.Compact([]int{0, m.Revision}) {
		r, err := tx.Revision(ctx, m.ID, number)
		if err != nil || m.Covers(*c, r, window) {
			return err == nil, err
		}
	}
	return false, nil
}
