package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// lookBack is a time that the overview looks back on, in steps that a plot can show.
type lookBack struct {
	value, label, name string
	span, step         time.Duration
}

func lookBacks() []lookBack {
	const day = 24 * time.Hour
	return []lookBack{
		{"1h", "1 h", "hour", time.Hour, time.Minute},
		{"24h", "24 h", "24 hours", day, 15 * time.Minute},
		{"7d", "7 d", "7 days", 7 * day, 2 * time.Hour},
		{"30d", "30 d", "30 days", 30 * day, 6 * time.Hour},
	}
}

// usualLookBack is what the page shows unasked.
const usualLookBack = "24h"

// openCap is where counting the open messages of an age or a cause stops.
const openCap = 10_000

// topCauses is how many causes the page names.
const topCauses = 6

// cause is one of those for which most messages are open.
type cause struct {
	store.Group
	needPerson, retrying int
}

// overview is what the page is made of.
type overview struct {
	query    url.Values
	back     lookBack
	source   string
	now      time.Time
	from, to time.Time

	tallies []store.Tally
	counts  map[string]map[deadletter.Status]int
	ages    []ageCount
	causes  []cause
	queues  []queueDepth

	heldJobs map[string]deadletter.JobID // by source
}

// ageCount counts the open messages that were received within a time.
type ageCount struct {
	age                  string
	from, to             time.Time // zero: open
	needPerson, retrying int
}

type queueDepth struct {
	Queue
	depth Depth
	err   error
}

// emptySpool tells of a spool that holds nothing: it is worth no row.
func (q queueDepth) emptySpool() bool { return q.Spool && q.err == nil && q.depth.held() == 0 }

// fault says why what is known of a queue is not all there is to know.
func (q queueDepth) fault() page.QueueFault {
	switch {
	case q.Away != nil && !q.Away().IsZero():
		return page.QueueFault{
			Text:  "SQS confirms nothing: what should go there waits on this machine's disk",
			Since: ui.At(q.Away()),
		}
	case q.err != nil:
		return page.QueueFault{Text: "The queue could not be asked. It is asked again in a few seconds."}
	}
	return page.QueueFault{}
}

func (c *Console) overview(w http.ResponseWriter, r *http.Request) {
	figures, status := c.overviewFigures(r, only(r.URL.Query(), overviewFields()))
	if isPartial(r) {
		c.render(w, r, status, page.OverviewFigure(figures))
		return
	}
	c.render(w, r, status, page.Overview(page.OverviewView{Chrome: c.chrome(r, "Overview"), Figures: figures}))
}

// overviewFigures answers how things stand, or the state that says why nothing is known.
func (c *Console) overviewFigures(r *http.Request, query url.Values) (page.OverviewFigures, int) {
	o, err := c.readOverview(r.Context(), query)
	if kind := deadletter.KindOf(err); err != nil {
		c.logFailure(r, kind, err)
		v := page.OverviewFigures{State: page.StateFault, Fault: why(err), RetryURL: "/overview"}
		if kind != deadletter.Invalid {
			v.RetryURL, v.URL = address("/overview", query), address("/overview", query) // the page heals by itself
		}
		return v, statusOf(kind)
	}
	if len(o.counts) == 0 && !o.anyWaits() {
		return page.OverviewFigures{
			State: page.StateNothing,
			Curl:  c.curl(r),
			URL:   address("/overview", o.query),
		}, http.StatusOK
	}
	v := c.overviewView(o)
	v.Outages = c.outages(auth.Actor(r.Context()), o)
	return v, http.StatusOK
}

// anyWaits tells whether a queue holds what will be a message.
func (o overview) anyWaits() bool {
	return slices.ContainsFunc(o.queues, func(q queueDepth) bool { return q.depth.held() > 0 })
}

func (c *Console) readOverview(ctx context.Context, query url.Values) (overview, error) {
	o := overview{query: query, now: c.Now().UTC()}
	var err error
	if o.back, err = parseLookBack(query.Get("range")); err != nil {
		return o, err
	}
	if o.source, err = parseText("source", query.Get("source")); err != nil {
		return o, err
	}
	// The step that has begun is shown as far as it has come.
	o.to = o.now.Truncate(o.back.step).Add(o.back.step)
	o.from = o.to.Add(-o.back.span)
	if o.counts, err = c.Store.CountsBySource(ctx); err != nil {
		return o, err
	}
	if o.tallies, err = c.Store.Tallies(
		ctx,
		store.TallyQuery{Source: o.source, From: o.from, To: o.to, Step: o.back.step},
	); err != nil {
		return o, err
	}
	if o.ages, err = c.countAges(ctx, o); err != nil {
		return o, err
	}
	if o.causes, err = c.countCauses(ctx, o); err != nil {
		return o, err
	}
	o.queues = c.queueDepths(ctx)
	o.heldJobs, err = c.jobsHeld(ctx)
	return o, err
}

func parseLookBack(value string) (lookBack, error) {
	if value == "" {
		value = usualLookBack
	}
	for _, b := range lookBacks() {
		if b.value == value {
			return b, nil
		}
	}
	return lookBack{}, deadletter.Errorf(
		deadletter.Invalid,
		"there is no range %q: look back on 1h, 24h, 7d or 30d",
		value,
	)
}

// countAges counts what is open by age. Its times are whole minutes, as the addresses of the lists that it counts
// have them.
func (c *Console) countAges(ctx context.Context, o overview) ([]ageCount, error) {
	minute := o.now.Truncate(time.Minute)
	hour, day, week := minute.Add(-time.Hour), minute.Add(-24*time.Hour), minute.Add(-7*24*time.Hour)
	ages := []ageCount{
		{age: "Under 1 hour", from: hour},
		{age: "1 to 24 hours", from: day, to: hour},
		{age: "1 to 7 days", from: week, to: day},
		{age: "Over 7 days", to: week},
	}
	for i := range ages {
		a := &ages[i]
		var err error
		if a.needPerson, a.retrying, err = c.countOpen(
			ctx,
			store.Filter{Source: o.source, From: a.from, To: a.to},
		); err != nil {
			return nil, err
		}
	}
	return ages, nil
}

func (c *Console) countCauses(ctx context.Context, o overview) ([]cause, error) {
	groups, err := c.Store.TopGroups(ctx, o.source, topCauses)
	if err != nil {
		return nil, err
	}
	causes := make([]cause, len(groups))
	for i, g := range groups {
		causes[i].Group = g
		if causes[i].needPerson, causes[i].retrying, err = c.countOpen(
			ctx,
			store.Filter{Group: g.Fingerprint},
		); err != nil {
			return nil, err
		}
	}
	return causes, nil
}

// countOpen counts what is open of a filter, each up to one more than openCap.
func (c *Console) countOpen(ctx context.Context, f store.Filter) (needPerson, retrying int, err error) {
	f.Status = deadletter.Failed
	if needPerson, err = c.Store.CountUpTo(ctx, f, openCap+1); err != nil {
		return 0, 0, err
	}
	f.Status = deadletter.Retrying
	retrying, err = c.Store.CountUpTo(ctx, f, openCap+1)
	return needPerson, retrying, err
}
