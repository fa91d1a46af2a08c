package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
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

// ageCap is where counting the letters of an age stops.
const ageCap = 10_000

// topCauses is how many causes the page names.
const topCauses = 6

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
	causes  []store.Cause
	queues  []queueDepth
}

// ageCount counts the open letters that were received within a time.
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

func (c *Console) overview(w http.ResponseWriter, r *http.Request) {
	figures, status := c.overviewFigures(r)
	if isPartial(r) {
		c.render(w, r, status, page.OverviewFigure(figures))
		return
	}
	c.render(w, r, status, page.Overview(page.OverviewView{Chrome: c.chrome(r, "Overview"), Figures: figures}))
}

// overviewFigures answers how things stand, or the state that says why nothing is known.
func (c *Console) overviewFigures(r *http.Request) (page.OverviewFigures, int) {
	query := only(r.URL.Query(), []field{{name: "range"}, {name: "source"}})
	o, err := c.readOverview(r.Context(), query)
	if kind := deadletter.KindOf(err); err != nil {
		c.logFailure(r, kind, err)
		v := page.OverviewFigures{State: page.StateFault, Fault: why(err), RetryURL: "/overview"}
		if kind != deadletter.Invalid {
			v.RetryURL, v.URL = address("/overview", query), address("/overview", query) // the page heals by itself
		}
		return v, statusOf(kind)
	}
	if len(o.counts) == 0 {
		return page.OverviewFigures{State: page.StateNothing, Curl: c.curl(r), URL: address("/overview", o.query)}, http.StatusOK
	}
	return c.overviewView(o), http.StatusOK
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
	if o.tallies, err = c.Store.Tallies(ctx, store.TallyQuery{Source: o.source, From: o.from, To: o.to, Step: o.back.step}); err != nil {
		return o, err
	}
	if o.ages, err = c.countAges(ctx, o); err != nil {
		return o, err
	}
	if o.causes, err = c.Store.TopCauses(ctx, o.source, topCauses); err != nil {
		return o, err
	}
	for _, q := range c.Queues {
		depth, err := q.Depth(ctx)
		o.queues = append(o.queues, queueDepth{q, depth, err})
	}
	return o, nil
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
	return lookBack{}, deadletter.Errorf(deadletter.Invalid, "there is no range %q: look back on 1h, 24h, 7d or 30d", value)
}

// countAges counts what is open by age. Its times are whole minutes, as the addresses of the lists that it counts have them.
func (c *Console) countAges(ctx context.Context, o overview) ([]ageCount, error) {
	minute := o.now.Truncate(time.Minute)
	hour, day, week := minute.Add(-time.Hour), minute.Add(-24*time.Hour), minute.Add(-7*24*time.Hour)
	ages := []ageCount{{age: "Under 1 hour", from: hour}, {age: "1 to 24 hours", from: day, to: hour}, {age: "1 to 7 days", from: week, to: day}, {age: "Over 7 days", to: week}}
	for i := range ages {
		for status, n := range map[deadletter.Status]*int{deadletter.Failed: &ages[i].needPerson, deadletter.Retrying: &ages[i].retrying} {
			var err error
			if *n, err = c.Store.CountUpTo(ctx, store.Filter{Status: status, Source: o.source, From: ages[i].from, To: ages[i].to}, ageCap+1); err != nil {
				return nil, err
			}
		}
	}
	return ages, nil
}
