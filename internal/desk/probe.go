package desk

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Probe tries the destination of a source at once, by the message whose retry comes first or else by one of a job.
// Conflict says that no message waits.
func (d *Desk) Probe(ctx context.Context, by deadletter.Actor, source string) error {
	if err := by.May(deadletter.ActProbe); err != nil {
		return err
	}
	s, ok := d.sources[source]
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

// probeByJob lets a job that waits for the destination go on with one message.
func (d *Desk) probeByJob(ctx context.Context, tx *store.Tx, by deadletter.Actor, s Source) error {
	job, err := firstOf(s, func(name string) (deadletter.JobID, error) { return tx.JobWaiting(ctx, name) })
	if deadletter.KindOf(err) == deadletter.NotFound {
		return deadletter.Errorf(
			deadletter.Conflict,
			"no message of %s waits for a retry: replay one, or send a webhook, to test its handler",
			s.Name,
		)
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

// firstOf looks for what waits by the name of a source, and else for what named none and goes there as well.
func firstOf[T any](s Source, look func(name string) (T, error)) (T, error) {
	found, err := look(s.Name)
	if s.Unnamed && deadletter.KindOf(err) == deadletter.NotFound {
		return look("")
	}
	return found, err
}
