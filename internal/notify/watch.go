package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Watch finds out which alerts begin and end, and stores them with a delivery for each sink that is to be told.
type Watch struct {
	deps   WatchDeps
	looks  []*look
	states deadletter.AlertWatch
	groups deadletter.CauseGroups
	after  deadletter.AlertID // the alert after which the next batch of open ones about causes begins
	sweep  sweep
	errors telemetry.RepeatedError
}

// WatchDeps are the parts that a Watch works with.
type WatchDeps struct {
	Store    *store.Store
	Settings func() config.Alerts // as configured at the moment
	Readings Readings
	Kick     func() // wakes the sender; it must not block
	Now      func() time.Time
	Log      *slog.Logger
}

const (
	watchEvery = time.Second

	// newsBatch bounds the causes, and the open alerts about causes, that are looked at each time.
	newsBatch = 500
	jobBatch  = 100

	// pruneEvery is how often old alerts are deleted, some at each look until none is left.
	pruneEvery = time.Hour
)

// NewWatch returns a watch that has seen nothing yet.
func NewWatch(deps WatchDeps) *Watch { return &Watch{deps: deps, looks: looksOf(deps)} }

// Run looks until ctx ends. It looks once a second, whatever happens.
func (w *Watch) Run(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		if err := w.Once(ctx); ctx.Err() == nil {
			w.report(ctx, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// report logs an error that lasts, and its end.
func (w *Watch) report(ctx context.Context, err error) {
	w.errors.Report(ctx, w.deps.Log, err, w.deps.Now(), "cannot find out all that is worth an alert; trying again",
		"what is worth an alert can be found out again")
}

// Once looks once. What could not be found out stays as it was, and is in the error.
func (w *Watch) Once(ctx context.Context) error {
	at := w.deps.Now()
	outages, growing, err := w.watchStates(ctx, at)
	if err == nil {
		err = w.watchCauses(ctx, outages, growing, at)
	}
	return errors.Join(err, w.watchJobs(ctx, at), w.prune(ctx, at), w.unknown())
}

// watchStates opens and ends the alerts of all kinds but new and regressed causes. It returns those of destinations
// that are down, by source, and those of growing causes that begin, which it leaves to watchCauses.
func (w *Watch) watchStates(
	ctx context.Context, at time.Time,
) (outages map[string]deadletter.Alert, growing []deadletter.Alert, err error) {
	open, err := w.deps.Store.OpenStateAlerts(ctx)
	if err != nil {
		return nil, nil, err
	}
	seen := w.look(ctx, open, at)
	raise, resolve := w.states.Step(seen, w.deps.Settings().UpFor, at)
	raise = slices.DeleteFunc(raise, func(a deadletter.Alert) bool {
		if a.Kind != deadletter.AlertGrowingCause {
			return false
		}
		growing = append(growing, a)
		return true
	})
	var raised []deadletter.Alert
	if len(raise)+len(resolve) > 0 {
		err = w.write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			raised, err = w.changeStates(ctx, tx, raise, resolve, at)
			return err
		})
	}
	ended := func(a deadletter.Alert) bool {
		return slices.ContainsFunc(resolve, func(r deadletter.Alert) bool { return r.ID == a.ID })
	}
	return deadletter.OutagesOf(slices.DeleteFunc(slices.Concat(open, raised), ended)), growing, err
}

func (w *Watch) changeStates(
	ctx context.Context, tx *store.Tx, raise, resolve []deadletter.Alert, at time.Time,
) (raised []deadletter.Alert, err error) {
	for _, a := range raise {
		if a, err = tx.RaiseAlert(ctx, a, w.due(a, at)); err != nil {
			return nil, err
		}
		raised = append(raised, a)
	}
	for _, a := range resolve {
		a.ResolvedAt, a.Resolution = at, cmp.Or(a.Resolution, "it is over")
		if err := tx.ResolveAlert(ctx, a, false, w.due(a, at)); err != nil {
			return nil, err
		}
	}
	return raised, nil
}

// watchCauses opens and ends the alerts of new and regressed causes, and opens those of growing ones.
func (w *Watch) watchCauses(
	ctx context.Context, outages map[string]deadletter.Alert, growing []deadletter.Alert, at time.Time,
) error {
	s, err := w.seeCauses(ctx)
	if err != nil {
		return err
	}
	s.Outages, s.Growing = outages, growing
	if s.Causes, err = w.deps.Store.CausesOf(ctx, growing); err != nil {
		return err
	}
	step := w.groups.Step(s, at)
	if len(step.End)+len(step.Raise)+len(step.Silent) == 0 {
		return nil
	}
	stateAt := map[string]time.Time{}
	for _, n := range s.News {
		stateAt[n.Fingerprint] = n.StateAt
	}
	return w.write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for _, e := range step.End {
			if err := tx.ResolveAlert(ctx, e.Alert, e.Muted, w.due(e.Alert, at)); err != nil {
				return err
			}
		}
		for _, c := range step.Silent {
			if err := tx.TellCause(ctx, c.Fingerprint, c.StateAt); err != nil {
				return err
			}
		}
		for _, g := range step.Raise {
			if err := w.raise(ctx, tx, g, stateAt, at); err != nil {
				return err
			}
		}
		return nil
	})
}

// seeCauses returns the news, and the next batch of open alerts about causes.
func (w *Watch) seeCauses(ctx context.Context) (s deadletter.CauseSighting, err error) {
	if s.Open, err = w.deps.Store.OpenCauseAlerts(ctx, w.after, newsBatch); err != nil {
		return s, err
	}
	if w.after = 0; len(s.Open) == newsBatch {
		w.after = s.Open[len(s.Open)-1].ID
	}
	grown, err := w.deps.Store.OpenGrowingGroups(ctx, newsBatch)
	if err != nil {
		return s, err
	}
	s.Open = append(s.Open, grown...)
	s.News, err = w.deps.Store.CauseNews(ctx, newsBatch)
	return s, err
}

// raise writes alerts about causes that are told together.
func (w *Watch) raise(
	ctx context.Context, tx *store.Tx, g deadletter.CauseAlerts, stateAt map[string]time.Time, at time.Time,
) error {
	whole := g.PartOf
	if g.Whole.Key != "" {
		a, err := tx.RaiseAlert(ctx, g.Whole, g.Due(w.deps.Settings().Routes, at))
		if err != nil {
			return err
		}
		whole = a.ID
	}
	for _, a := range g.Alerts {
		var due map[string]time.Time
		if a.PartOf = whole; whole == 0 {
			due = w.due(a, at)
		}
		var err error
		switch {
		case a.ID == 0:
			_, err = tx.RaiseAlert(ctx, a, due)
		case whole == 0:
			err = tx.TellAlert(ctx, a, due, at)
		default:
			err = tx.JoinAlert(ctx, a.ID, whole)
		}
		if began, ok := stateAt[a.Cause]; ok && err == nil {
			err = tx.TellCause(ctx, a.Cause, began)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// watchJobs opens the alerts of jobs that are done.
func (w *Watch) watchJobs(ctx context.Context, at time.Time) error {
	jobs, err := w.deps.Store.UntoldJobs(ctx, jobBatch)
	if err != nil || len(jobs) == 0 {
		return err
	}
	alerts := make([]deadletter.Alert, len(jobs))
	for i, j := range jobs {
		sources, err := sourcesOfJob(ctx, w.deps.Store, j)
		if err != nil {
			return err
		}
		alerts[i] = j.DoneAlert(sources, at)
	}
	return w.write(ctx, func(ctx context.Context, tx *store.Tx) error {
		for i, a := range alerts {
			if _, err := tx.RaiseAlert(ctx, a, w.due(a, at)); err != nil {
				return err
			}
			if err := tx.TellJob(ctx, jobs[i].ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// sweep is the deletion of the alerts that ended long ago, some at each look.
type sweep struct {
	began time.Time
	more  bool
	next  store.EndedAlert
}

// prune deletes some of the alerts that ended long ago, if it is time.
func (w *Watch) prune(ctx context.Context, at time.Time) (err error) {
	s := &w.sweep
	if !s.more {
		if !deadletter.Elapsed(s.began, at, pruneEvery) {
			return nil
		}
		*s = sweep{began: at}
	}
	s.next, s.more, err = w.deps.Store.PruneAlerts(ctx, at.Add(-w.deps.Settings().Keep), s.next)
	return err
}

// due returns when sinks are to be told of what happens to an alert now.
func (w *Watch) due(a deadletter.Alert, at time.Time) map[string]time.Time {
	return deadletter.AlertDue(w.deps.Settings().Routes, a, at)
}

// write writes, and wakes the sender if that succeeds.
func (w *Watch) write(ctx context.Context, fn func(ctx context.Context, tx *store.Tx) error) error {
	err := w.deps.Store.Write(ctx, fn)
	if err == nil {
		w.deps.Kick()
	}
	return err
}
