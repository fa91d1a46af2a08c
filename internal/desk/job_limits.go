package desk

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// JobLimit is what holds a job at the destination of a source.
type JobLimit struct {
	Source string // "" where it holds the job as a whole
	deadletter.Limit
}

// JobLimits returns what holds a running job at each destination that it has messages for, or would hold a draft. Those
// that let nothing through come first. It returns nothing for other jobs, and where no limit is known.
func (d *Desk) JobLimits(ctx context.Context, j deadletter.Job) ([]JobLimit, error) {
	if !j.Delivers() || j.State != deadletter.JobRunning && j.State != deadletter.JobDraft {
		return nil, nil
	}
	sources, err := d.JobSources(ctx, j)
	if err != nil {
		return nil, err
	}
	inFlight, err := d.store.ItemsInFlight(ctx, j.ID)
	if err != nil {
		return nil, err
	}
	var list []JobLimit
	for _, s := range sources {
		l := JobLimit{s.Name, j.LimitAt(s.pace(j, inFlight), d.now())}
		if l.Kind.OfJob() {
			l.Source = ""
		}
		if l.Kind != deadletter.LimitNone && !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	kinds := deadletter.LimitKinds()
	slices.SortStableFunc(list, func(a, b JobLimit) int {
		return cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind))
	})
	return list, nil
}

// JobLeft returns how fast a running job goes on, in messages a second, and how long the rest will take at that rate.
// Both are 0 while that is not known.
func (d *Desk) JobLeft(j deadletter.Job) (rate float64, left time.Duration) {
	if d.jobRate == nil || j.State != deadletter.JobRunning {
		return 0, 0
	}
	if rate = d.jobRate(j.ID); rate <= 0 {
		return 0, 0
	}
	return rate, time.Duration(float64(j.Items.Pending+j.Items.InFlight) / rate * float64(time.Second))
}

// pace returns what bounds the deliveries of a job, which has so many in flight. Nothing is known of queues.
func (s Source) pace(j deadletter.Job, inFlight map[string]int) deadletter.Pace {
	if s.Pace == nil || j.Action.Redrives() {
		return deadletter.Pace{}
	}
	p := s.Pace()
	p.InFlight = inFlight[s.Name]
	if s.Unnamed {
		p.InFlight += inFlight[""]
	}
	return p
}

// JobSources returns the sources that deliver the rest of a job, by name: the default one for webhooks that named none.
// One that is no longer configured has nothing but a name.
func (d *Desk) JobSources(ctx context.Context, j deadletter.Job) ([]Source, error) {
	names, err := d.store.PendingSources(ctx, j.ID)
	if err != nil {
		return nil, err
	}
	known := map[string]Source{}
	for _, name := range names {
		s := Source{Name: name}
		for _, configured := range d.sources() {
			if configured.Name == name && name != "" || configured.Unnamed && name == "" {
				s = configured
			}
		}
		known[s.Name] = s
	}
	var list []Source
	for _, s := range known {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}
