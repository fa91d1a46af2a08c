package desk_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

func TestProbeSendsTheFirstWaitingMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	transient := func(c *deadletter.Capture) { c.FirstAttempt.StatusCode = 503 }
	first := b.receive(t, "a-1", transient)
	b.clock.Add(time.Minute)
	b.receive(t, "a-2", transient)
	b.clock.Add(-time.Minute)
	if err := b.Probe(t.Context(), anna, "genesys"); err != nil {
		t.Fatal(err)
	}
	got := desktest.Message(t, b.store, "a-1")
	if first.DueAt.Equal(got.DueAt) || !got.DueAt.Equal(b.clock.Now()) || got.Status != deadletter.Retrying ||
		got.Version != first.Version {
		t.Errorf("message %+v", got)
	}
	if len(b.probe) != 1 || len(b.kicks) != 1 {
		t.Errorf("the breaker was told %d times, the worker %d", len(b.probe), len(b.kicks))
	}
	events, err := b.store.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: "destination."}, Limit: 10},
	)
	if err != nil || len(events.Items) != 1 || events.Items[0].By != "anna" || events.Items[0].Source != "genesys" ||
		events.Items[0].Target != "a-1" {
		t.Errorf("events %+v, %v", events.Items, err)
	}
}

func TestProbeIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", nil)
	b.receive(t, "b-1", func(c *deadletter.Capture) { c.Source, c.FirstAttempt.StatusCode = "old", 503 })
	for name, c := range map[string]struct {
		by     deadletter.Actor
		source string
		kind   deadletter.Kind
		text   string
	}{
		"a viewer":      {vera, "genesys", deadletter.Forbidden, "a viewer may not probe a destination"},
		"nobody":        {noone, "genesys", deadletter.Unauthenticated, "sign in"},
		"nothing waits": {anna, "genesys", deadletter.Conflict, "no message of genesys waits for a retry"},
		"no source":     {anna, "old", deadletter.NotFound, "is not configured"},
	} {
		t.Run(name, func(t *testing.T) {
			err := b.Probe(t.Context(), c.by, c.source)
			if deadletter.KindOf(err) != c.kind || !strings.Contains(deadletter.TextOf(err), c.text) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if len(b.probe)+len(b.kicks) != 0 {
		t.Error("something was probed")
	}
}

// Where nothing waits under the name of a source, a message that named none and goes there by default tests it, and
// else one of a job.
func TestProbeSendsMessagesOfOtherSourcesToTheDestination(t *testing.T) {
	t.Parallel()
	s, clock, probes := desktest.NewStore(t), desktest.NewClock(), 0
	d := desk.New(desk.Deps{
		Store: s,
		Sources: desktest.Always(
			[]desk.Source{{Name: "genesys", Probe: func() { probes++ }, Unnamed: true}, {Name: ""}},
		),
		Kick: func() {},
		Now:  clock.Now,
	})
	unnamed := desktest.Failure("u-1", 422, clock.Now())
	unnamed.Source = ""
	m := desktest.Receive(t, s, unnamed)
	if err := d.Probe(t.Context(), anna, "genesys"); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("where nothing waits: %v", err)
	}
	j, err := d.FreezeSelected(t.Context(), anna, deadletter.ActReplay, []desk.Ref{{ID: m.ID}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	if err := d.Probe(t.Context(), anna, "genesys"); err != nil || probes != 1 {
		t.Errorf("by a job: %v, %d probes", err, probes)
	}
	events, err := s.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: "destination."}, Limit: 10},
	)
	if err != nil || len(events.Items) != 1 || events.Items[0].Target != j.ID.String() ||
		events.Items[0].TargetKind != "job" ||
		events.Items[0].Source != "genesys" {
		t.Errorf("events %+v, %v", events.Items, err)
	}
}
