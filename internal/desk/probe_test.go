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

// Each probe sends the waiting message whose latest attempt is longest ago.
func TestProbeSendsAnotherWaitingMessageEachTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i, id := range []string{"a-1", "a-2"} {
		b.receive(t, id, func(c *deadletter.Capture) {
			c.FirstAttempt.StatusCode = 503
			c.FirstAttempt.StartedAt = b.clock.Now().Add(time.Duration(i) * time.Minute)
			c.Reason = "down " + id
		})
	}
	for _, id := range []deadletter.ID{"a-1", "a-2"} {
		if err := b.Probe(t.Context(), anna, "genesys"); err != nil {
			t.Fatal(err)
		}
		got := desktest.Message(t, b.store, id)
		if got.Status != deadletter.Replaying || got.Request.Trigger != deadletter.TriggerProbe ||
			got.Request.By != "anna" || !got.DueAt.Equal(b.clock.Now()) {
			t.Errorf("message %+v", got)
		}
	}
	if len(b.probe) != 0 || len(b.kicks) != 2 {
		t.Errorf("the breaker was told %d times, the worker %d", len(b.probe), len(b.kicks))
	}
	events, err := b.store.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: "destination."}, Limit: 10},
	)
	if err != nil || len(events.Items) != 2 || events.Items[1].By != "anna" || events.Items[1].Source != "genesys" ||
		events.Items[1].Target != "a-1" {
		t.Errorf("events %+v, %v", events.Items, err)
	}
}

// "Probe with this message" is refused, with the reason, where it would test nothing.
func TestProbeWithAMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	unknown := func(c *deadletter.Capture) { c.FirstAttempt.Outcome, c.FirstAttempt.StatusCode = deadletter.Unknown, 0 }
	failed, sent := b.receive(t, "a-1", nil), b.receive(t, "a-2", unknown)
	old := b.receive(t, "b-1", func(c *deadletter.Capture) { c.Source = "old" })
	probe := func(by deadletter.Actor, m deadletter.Message, confirmed bool) (desk.View, error) {
		cmd := desk.SendCommand{ConfirmUnknown: confirmed}
		return b.ProbeWith(t.Context(), by, desk.Ref{ID: m.ID, Version: m.Version}, cmd)
	}
	b.waits.Store(false)
	if _, err := probe(anna, failed, false); deadletter.KindOf(err) != deadletter.Conflict ||
		!strings.Contains(deadletter.TextOf(err), "nothing to test: replay the message instead") {
		t.Errorf("with a closed breaker: %v", err)
	}
	b.waits.Store(true)
	for name, c := range map[string]struct {
		by   deadletter.Actor
		m    deadletter.Message
		kind deadletter.Kind
		text string
	}{
		"a viewer":       {vera, failed, deadletter.Forbidden, "a viewer may not probe a destination"},
		"no destination": {anna, old, deadletter.Conflict, `the source "old" is not configured`},
		"unknown":        {anna, sent, deadletter.NeedsConfirmation, "may already have been processed"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := probe(c.by, c.m, false)
			if deadletter.KindOf(err) != c.kind || !strings.Contains(deadletter.TextOf(err), c.text) {
				t.Errorf("%v", err)
			}
			view := b.View(c.by, c.m).Refused[deadletter.ActProbe]
			if c.kind != deadletter.NeedsConfirmation && deadletter.TextOf(view) != deadletter.TextOf(err) {
				t.Errorf("the page says %v", view)
			}
		})
	}
	for _, m := range []deadletter.Message{failed, sent} {
		if got, err := probe(anna, m, true); err != nil || got.Message.Request.Trigger != deadletter.TriggerProbe {
			t.Errorf("%+v, %v", got.Message, err)
		}
	}
	if _, err := probe(anna, desktest.Message(t, b.store, "a-1"), true); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("while it is in flight: %v", err)
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

// If no message of the source waits, the probe sends one without a source that goes to the destination by default, or
// else one of a job.
func TestProbeSendsMessagesOfOtherSourcesToTheDestination(t *testing.T) {
	t.Parallel()
	s, clock, probes := desktest.NewStore(t), desktest.NewClock(), 0
	d := desk.New(desk.Deps{
		Masks: desktest.NoMasks,
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
	if id, err := d.JobWaiting(t.Context(), "genesys"); err != nil || id != j.ID {
		t.Errorf("job %s waits: %v", id, err)
	}
	if id, err := d.JobWaiting(t.Context(), "cxone"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("job %s waits for no source: %v", id, err)
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
