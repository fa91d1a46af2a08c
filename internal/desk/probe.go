package desk

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Probe sends one waiting message to the destination of a source at once: the message whose retry is due first, or else
// one of a job. It returns Conflict if no message waits.
func (d *Desk) Probe(ctx context.Context, by deadletter.Actor, source string) error {
	if err := by.May(deadletter.ActProbe); err != nil {
		return err
	}
	s, ok := d.Source(source)
	if !ok || s.Probe == nil {
		return deadletter.Errorf(deadletter.NotFound, "the source %q is not configured", source)
	}
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		l, err := firstOf(s, func(name string) (deadletter.Message, error) { return tx.NextRetry(ctx, name) })
		if deadletter.KindOf(err) == deadletter.NotFound {
			return d.probeByJob(ctx, tx, by, s)
		}
		if err != nil {
			return err
		}
		change, err := l.Probe(by, d.now())
		if err != nil {
			return err
		}
		return tx.Apply(ctx, change)
	})
	if err == nil {
		s.Probe()
		d.kick()
	}
	return err
}

// probeByJob lets a job that waits for the destination send one message.
func (d *Desk) probeByJob(ctx context.Context, tx *store.Tx, by deadletter.Actor, s Source) error {
	job, err := firstOf(s, func(name string) (deadletter.JobID, error) { return tx.JobWaiting(ctx, name) })
	if deadletter.KindOf(err) == deadletter.NotFound {
		return deadletter.Errorf(deadletter.Conflict,
			"no message of %s waits for a retry: replay one, or send a webhook, to test its destination", s.Name)
	}
	if err != nil {
		return err
	}
	e, err := deadletter.NewEvent(by, "destination.probe", "job", job.String(), "", nil, nil, d.now())
	if e.Source = s.Name; err != nil {
		return err
	}
	return tx.Record(ctx, e)
}

// firstOf finds what waits for a source. For the default source it also finds what waits for webhooks that named none.
func firstOf[T any](s Source, find func(name string) (T, error)) (T, error) {
	found, err := find(s.Name)
	if s.Unnamed && deadletter.KindOf(err) == deadletter.NotFound {
		return find("")
	}
	return found, err
}
