package desk_test

import (
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// Webhooks that named no source are held by the destination of the default one; a limit of the job is listed once, and
// a source that is no longer configured holds nothing.
func TestJobIsHeldByTheLimitsOfItsDestinations(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	opened := clock.Now().Add(-time.Hour)
	pace := func(p deadletter.Pace) func() deadletter.Pace { return func() deadletter.Pace { return p } }
	d := desk.New(desk.Deps{
		Store: s, Masks: desktest.NoMasks, Kick: func() {}, Now: clock.Now,
		Sources: desktest.Always([]desk.Source{
			{Name: "cxone", Pace: pace(deadletter.Pace{RateLimit: 5})},
			{Name: "genesys", Unnamed: true, Pace: pace(deadletter.Pace{OpenSince: opened})},
			{Name: ""},
		}),
	})
	var refs []desk.Ref
	for _, source := range []string{"", "cxone", "genesys", "gone"} {
		c := desktest.Failure("of-"+source, 422, clock.Now())
		c.Source = source
		refs = append(refs, desk.Ref{ID: desktest.Receive(t, s, c).ID})
	}
	job := func(refs ...desk.Ref) deadletter.Job {
		j, err := d.FreezeSelected(t.Context(), anna, deadletter.ActReplay, refs)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	limits := func(j deadletter.Job) []desk.JobLimit {
		list, err := d.JobLimits(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	breaker := desk.JobLimit{
		Source: "genesys", Limit: deadletter.Limit{Kind: deadletter.LimitBreaker, Since: opened},
	}
	rate := desk.JobLimit{Source: "cxone", Limit: deadletter.Limit{Kind: deadletter.LimitRateLimit, Rate: 5}}
	if got := limits(job(refs...)); !slices.Equal(got, []desk.JobLimit{breaker, rate}) {
		t.Errorf("all are held by %+v", got)
	}
	if got := limits(job(refs[0])); !slices.Equal(got, []desk.JobLimit{breaker}) {
		t.Errorf("those without a source are held by %+v", got)
	}
	if got := limits(job(refs[3])); len(got) != 0 {
		t.Errorf("those of a source that is gone are held by %+v", got)
	}
	j := job(refs[1:]...)
	j.Rate = 2
	own := desk.JobLimit{Limit: deadletter.Limit{Kind: deadletter.LimitJobRate, Rate: 2}}
	if got := limits(j); !slices.Equal(got, []desk.JobLimit{breaker, own}) {
		t.Errorf("with a rate of its own: %+v", got)
	}
	j.State = deadletter.JobPaused
	if got := limits(j); len(got) != 0 {
		t.Errorf("a paused job is held by %+v", got)
	}
}
