package desk

import (
	"cmp"
	"context"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// JobScope is what a draft that delivers would do.
type JobScope struct {
	Targets    []JobTarget              // most messages first
	Causes     []JobCause               // likewise, maxScopeCauses at most
	MoreCauses int                      // beyond those
	Recipes    []deadletter.SavedRecipe // of those causes, the likeliest to help first; of a job that edits
	Asks       []string                 // see deadletter.Job.Asks
	Takes      time.Duration
	Rate       float64 // messages a second, by which it takes so long; 0: neither is known
}

// JobTarget is a destination of a job.
type JobTarget struct {
	Source, Destination string // without what can be credentials; of a redrive: a queue
	Messages            int
}

// JobCause is a cause with how many messages of a job failed for it.
type JobCause struct {
	Cause    deadletter.Cause
	Messages int
}

// maxScopeCauses bounds the causes that a JobScope names.
const maxScopeCauses = 5

// JobScope returns what a draft would do; nothing of one that does not deliver.
func (d *Desk) JobScope(ctx context.Context, j deadletter.Job) (s JobScope, err error) {
	if !j.Delivers() || j.State != deadletter.JobDraft {
		return s, nil
	}
	shares, err := d.store.JobShares(ctx, j)
	if err != nil {
		return s, err
	}
	causes := map[string]int{}
	for _, share := range shares {
		s.add(share)
		causes[share.Cause] += share.Messages
	}
	slices.SortStableFunc(s.Targets, func(a, b JobTarget) int { return cmp.Compare(b.Messages, a.Messages) })
	s.Asks = j.Asks(destinations(shares))
	if s.Rate, s.Takes, err = d.willTake(ctx, j); err != nil {
		return s, err
	}
	if err := d.addCauses(ctx, &s, causes); err != nil || !j.Action.Edits() {
		return s, err
	}
	return s, d.addRecipes(ctx, &s)
}

// add counts the messages of a share for their target.
func (s *JobScope) add(share store.JobShare) {
	address := redact.Address(share.Destination)
	i := slices.IndexFunc(s.Targets, func(t JobTarget) bool {
		return t.Source == share.Source && t.Destination == address
	})
	if i < 0 {
		s.Targets = append(s.Targets, JobTarget{Source: share.Source, Destination: address})
		i = len(s.Targets) - 1
	}
	s.Targets[i].Messages += share.Messages
}

// destinations returns how many different ones there are.
func destinations(shares []store.JobShare) int {
	different := map[string]bool{}
	for _, share := range shares {
		different[redact.Address(share.Destination)] = true
	}
	return len(different)
}

// checkCount returns why a draft cannot be started with the number that a person entered, see
// deadletter.Job.CheckCount.
func (d *Desk) checkCount(ctx context.Context, j deadletter.Job, entered int) error {
	if !j.Delivers() || j.State != deadletter.JobDraft {
		return nil
	}
	shares, err := d.store.JobShares(ctx, j)
	if err != nil {
		return err
	}
	return j.CheckCount(destinations(shares), entered)
}

func (d *Desk) addCauses(ctx context.Context, s *JobScope, messages map[string]int) error {
	delete(messages, "")
	fingerprints := make([]string, 0, len(messages))
	for fingerprint := range messages {
		fingerprints = append(fingerprints, fingerprint)
	}
	slices.SortFunc(fingerprints, func(a, b string) int {
		return cmp.Or(cmp.Compare(messages[b], messages[a]), cmp.Compare(a, b))
	})
	if s.MoreCauses = len(fingerprints) - maxScopeCauses; s.MoreCauses > 0 {
		fingerprints = fingerprints[:maxScopeCauses]
	}
	for _, fingerprint := range fingerprints {
		cause, err := d.store.Cause(ctx, fingerprint)
		if deadletter.KindOf(err) == deadletter.NotFound {
			continue // retention has deleted it
		}
		if err != nil {
			return err
		}
		s.Causes = append(s.Causes, JobCause{cause, messages[fingerprint]})
	}
	return nil
}

func (d *Desk) addRecipes(ctx context.Context, s *JobScope) (err error) {
	fingerprints := make([]string, len(s.Causes))
	for i, c := range s.Causes {
		fingerprints[i] = c.Cause.Fingerprint
	}
	if s.Recipes, err = d.store.RecipesOf(ctx, fingerprints, false); err != nil {
		return err
	}
	deadletter.SortRecipes(s.Recipes)
	d.Hider().Recipes(s.Recipes)
	return nil
}

// willTake returns how long a draft will take at the lowest rate that bounds it, or as fast as the latest job of its
// kind was. Both are 0 where neither is known.
func (d *Desk) willTake(ctx context.Context, j deadletter.Job) (rate float64, takes time.Duration, err error) {
	limits, err := d.JobLimits(ctx, j)
	if err != nil {
		return 0, 0, err
	}
	for _, l := range limits {
		if l.Rate > 0 && (rate == 0 || l.Rate < rate) {
			rate = l.Rate
		}
	}
	if rate == 0 {
		if rate, err = d.latestRate(ctx, j.Action); err != nil || rate == 0 {
			return 0, 0, err
		}
	}
	return rate, time.Duration(float64(j.Sends()) / rate * float64(time.Second)), nil
}

// latestRate returns how fast the latest finished job with an action was, in messages a second; 0 if none was long
// enough to tell.
func (d *Desk) latestRate(ctx context.Context, a deadletter.Action) (float64, error) {
	const looked, least = 20, 100
	page, err := d.store.Jobs(ctx, "", looked)
	if err != nil {
		return 0, err
	}
	for _, j := range page.Items {
		took := j.EndedAt.Sub(j.StartedAt)
		if n := j.Items.Done + j.Items.Failed; j.Action == a && j.State == deadletter.JobDone && n >= least &&
			took > 0 {
			return float64(n) / took.Seconds(), nil
		}
	}
	return 0, nil
}

// AsksReview reports whether a draft must be shown before it is started, see deadletter.Job.NeedsReview; one that goes
// to several destinations must as well.
func (d *Desk) AsksReview(ctx context.Context, j deadletter.Job) (bool, error) {
	if j.NeedsReview() {
		return true, nil
	}
	err := d.checkCount(ctx, j, 0)
	if deadletter.KindOf(err) == deadletter.NeedsConfirmation {
		return true, nil
	}
	return false, err
}
