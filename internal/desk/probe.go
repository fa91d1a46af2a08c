package desk

import (
	"cmp"
	"context"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Probe sends one waiting message to the destination of a source at once: of those that wait for a retry the one whose
// latest attempt is longest ago, or else one of a job. It returns Conflict if no message waits. It asks for no
// confirmation: the retry would be sent anyway.
func (d *Desk) Probe(ctx context.Context, by deadletter.Actor, source string) error {
	if err := by.May(deadletter.ActProbe); err != nil {
		return err
	}
	if err := by.Reaches(source, "source "+source); err != nil {
		return err
	}
	s, ok := d.Source(source)
	if !ok || s.Probe == nil {
		return deadletter.Errorf(deadletter.NotFound, "the source %q is not configured", source)
	}
	byJob := false
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		m, err := firstOf(s, func(name string) (deadletter.Message, error) { return probeCandidate(ctx, tx, name) })
		if deadletter.KindOf(err) == deadletter.NotFound {
			byJob = true
			return d.probeByJob(ctx, tx, by, s)
		}
		if err != nil {
			return err
		}
		change, err := m.Probe(by, m.Version, d.now())
		if err != nil {
			return err
		}
		return tx.Apply(ctx, change)
	})
	if err != nil {
		return err
	}
	if byJob {
		s.Probe()
	}
	d.kick()
	return nil
}

// probeCandidate returns the message of a source to probe with. Each click takes another one.
func probeCandidate(ctx context.Context, tx *store.Tx, source string) (deadletter.Message, error) {
	waiting, err := tx.ProbeCandidates(ctx, source)
	if err != nil || len(waiting) == 0 {
		return deadletter.Message{}, cmp.Or(err, errNoneWaits)
	}
	return slices.MinFunc(waiting, func(a, b deadletter.Message) int {
		return a.LastAttemptAt.Compare(b.LastAttemptAt)
	}), nil
}

var errNoneWaits error = deadletter.Errorf(deadletter.NotFound, "no message waits for a retry")

// ProbeWith sends a message to its destination at once, to test it while its circuit breaker makes retries and jobs
// wait. It returns Conflict where they do not wait, or the message has no destination.
func (d *Desk) ProbeWith(ctx context.Context, by deadletter.Actor, ref Ref, cmd SendCommand) (View, error) {
	return d.change(ctx, by, deadletter.ActProbe, ref,
		func(ctx context.Context, tx *store.Tx, m deadletter.Message) (deadletter.Change, error) {
			if err := d.checkProbe(m); err != nil {
				return deadletter.Change{}, err
			}
			c, err := m.Probe(by, ref.Version, d.now())
			if err != nil {
				return c, err
			}
			return c, d.checkConfirmed(ctx, tx, m, cmd)
		})
}

// checkProbe returns a Conflict where the message cannot test a destination, or where there is nothing to test.
func (d *Desk) checkProbe(m deadletter.Message) error {
	if err := d.checkDestination(m); err != nil {
		return err
	}
	if s, _ := d.Source(m.Source); s.Waits == nil || !s.Waits() {
		return deadletter.Errorf(
			deadletter.Conflict,
			"the circuit breaker lets retries and jobs through, so there is nothing to test: replay the message "+
				"instead",
		)
	}
	return nil
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

// JobWaiting returns a job that waits for the destination of a source. It returns NotFound if there is none.
func (d *Desk) JobWaiting(ctx context.Context, source string) (deadletter.JobID, error) {
	s, ok := d.Source(source)
	if !ok {
		return 0, deadletter.Errorf(deadletter.NotFound, "the source %q is not configured", source)
	}
	return firstOf(s, func(name string) (deadletter.JobID, error) { return d.store.JobWaiting(ctx, name) })
}

// firstOf finds what waits for a source. For the default source it also finds what waits for webhooks that named none.
func firstOf[T any](s Source, find func(name string) (T, error)) (T, error) {
	found, err := find(s.Name)
	if s.Unnamed && deadletter.KindOf(err) == deadletter.NotFound {
		return find("")
	}
	return found, err
}
