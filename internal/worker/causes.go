package worker

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// causeLoop makes the changes of causes that happen by themselves: claims and mutes end, causes are no longer new, are
// resolved or come back. It also measures which causes grow.
type causeLoop struct {
	w          *Worker
	lookedAt   time.Time // when it looked last
	measuredAt time.Time // when growth was measured last
	errors     telemetry.RepeatedError
}

const (
	causesEvery = time.Second
	growthEvery = time.Minute
	causeBatch  = 200  // causes that change in one transaction
	maxMeasured = 2000 // causes whose growth is measured
)

// run changes causes until ctx ends. It looks once a second, however many messages fail.
func (l *causeLoop) run(ctx context.Context) {
	for {
		if err := l.w.KeepCauses(ctx); ctx.Err() == nil {
			l.report(ctx, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(causesEvery):
		}
	}
}

// report logs an error that lasts, and its end.
func (l *causeLoop) report(ctx context.Context, err error) {
	l.errors.Report(ctx, l.w.log, err, l.w.now(), "cannot keep the states of causes up to date; trying again",
		"the states of causes are up to date again")
}

// KeepCauses makes the changes of causes that are due, and measures once a minute which causes grow. It must not be
// called while the worker runs.
func (w *Worker) KeepCauses(ctx context.Context) error {
	if err := w.setCausesBack(ctx, w.now()); err != nil {
		return err
	}
	for more := true; more; {
		due, err := w.store.DueCauses(ctx, w.now(), causeBatch)
		if err != nil {
			return err
		}
		if err := w.changeCauses(ctx, due); err != nil {
			return err
		}
		more = len(due) == causeBatch
	}
	muted, err := w.store.CausesMutedUntilDelivered(ctx, causeBatch)
	if err != nil {
		return err
	}
	muted = slices.DeleteFunc(muted, func(c deadletter.Cause) bool {
		_, changes := c.Next(w.causeFacts(c, nil), w.now())
		return !changes
	})
	if err := w.changeCauses(ctx, muted); err != nil || !deadletter.Elapsed(w.causes.measuredAt, w.now(), growthEvery) {
		return err
	}
	w.causes.measuredAt = w.now()
	return w.measureGrowth(ctx)
}

// setCausesBack brings back the times of causes that a clock left which was ahead: before the start, or until now.
func (w *Worker) setCausesBack(ctx context.Context, at time.Time) error {
	if looked := w.causes.lookedAt; looked.IsZero() || at.Before(looked) {
		if err := w.store.SetCausesBack(ctx, at); err != nil {
			return err
		}
	}
	w.causes.lookedAt = at
	return nil
}

// changeCauses makes every change of some causes that follows from the facts of now.
func (w *Worker) changeCauses(ctx context.Context, list []deadletter.Cause) error {
	if len(list) == 0 {
		return nil
	}
	hours, err := w.hoursOf(ctx, list, time.Hour, func(c deadletter.Cause) bool { return c.Mute.PerHour > 0 })
	if err != nil {
		return err
	}
	err = w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, c := range list {
			if err := w.changeCause(ctx, tx, c.Fingerprint, hours[c.Fingerprint]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("change the states of causes, %s the first of %d: %w", list[0].Fingerprint, len(list), err)
	}
	return nil
}

func (w *Worker) changeCause(
	ctx context.Context, tx *store.Tx, fingerprint string, hours []deadletter.CauseHour,
) error {
	c, err := tx.Cause(ctx, fingerprint)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return nil // it was put together with another one meanwhile
	}
	if err != nil {
		return err
	}
	for {
		change, ok := c.Next(w.causeFacts(c, hours), w.now())
		if !ok {
			return tx.ScheduleCause(ctx, c)
		}
		if err := tx.ApplyCause(ctx, change); err != nil {
			return err
		}
		c = change.After
	}
}

// causeFacts returns the facts that a cause changes by.
func (w *Worker) causeFacts(c deadletter.Cause, hours []deadletter.CauseHour) deadletter.CauseFacts {
	f := deadletter.CauseFacts{PerHour: deadletter.PerHour(hours, w.now())}
	if s, ok := w.source(c.Source); ok {
		f.DeliveredAt = s.Breaker.Status().DeliveredAt
	}
	return f
}

// hoursOf returns the hours of those causes that need them, by fingerprint, of a time back from now.
func (w *Worker) hoursOf(
	ctx context.Context, list []deadletter.Cause, back time.Duration, needs func(deadletter.Cause) bool,
) (map[string][]deadletter.CauseHour, error) {
	var fingerprints []string
	for _, c := range list {
		if needs(c) {
			fingerprints = append(fingerprints, c.Fingerprint)
		}
	}
	if len(fingerprints) == 0 {
		return nil, nil
	}
	return w.store.CauseHours(ctx, fingerprints, w.now().Add(-back))
}

// measureGrowth writes the growth of causes where it has changed.
func (w *Worker) measureGrowth(ctx context.Context) error {
	list, err := w.store.ActiveCauses(ctx, w.now().Add(-time.Hour), maxMeasured)
	if err != nil {
		return err
	}
	hours, err := w.hoursOf(ctx, list, deadletter.GrowthTime, func(deadletter.Cause) bool { return true })
	if err != nil {
		return err
	}
	grown := map[string]int{}
	for _, c := range list {
		if growth := c.GrowthAt(hours[c.Fingerprint], w.now()); growth != c.Growth {
			grown[c.Fingerprint] = growth
		}
	}
	if len(grown) == 0 {
		return nil
	}
	return w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for fingerprint, growth := range grown {
			if err := tx.SetGrowth(ctx, fingerprint, growth); err != nil {
				return err
			}
		}
		return nil
	})
}
