package deadletter_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

// queued is a message in a status that came from a queue of the list.
func queued(status deadletter.Status) deadletter.Message {
	l := messageIn(status)
	l.Queue = deadletter.QueueFacts{ConfigName: "orders", MessageID: "m-1"}
	return l
}

func TestRedriveReturnsToTheQueue(t *testing.T) {
	t.Parallel()
	for _, status := range deadletter.Statuses() {
		c, err := queued(status).Redrive(anna, deadletter.TriggerRedrive, 1, 6, now)
		if status.CanReplay() != (err == nil) || err != nil && deadletter.KindOf(err) != deadletter.Conflict {
			t.Errorf("%s: %v", status, err)
			continue
		}
		if err == nil &&
			(!c.After.IsRedriving() || c.After.Request.Revision != 1 || c.Event.Action != "message.redrive" ||
				c.After.LastChange.Action != "redriven") {
			t.Errorf("%s: %+v", status, c)
		}
	}
}

func TestFinishedRedriveRecordsItsOutcome(t *testing.T) {
	t.Parallel()
	for outcome, want := range map[deadletter.Outcome]deadletter.Status{
		deadletter.OutcomeRedriven: deadletter.Redriven, deadletter.ErrorResponse: deadletter.Failed,
		deadletter.Unreachable: deadletter.Failed,
		deadletter.Unknown:     deadletter.Failed,
	} {
		t.Run(string(outcome), func(t *testing.T) {
			l := inFlight(deadletter.TriggerRedrive)
			a := deadletter.Attempt{
				Number: 4, Trigger: deadletter.TriggerRedrive, Outcome: outcome, Error: "SQS said no",
			}
			c, err := l.Finish("token", a, retry, 0, now)
			if err != nil || c.After.Status != want || !c.After.DueAt.IsZero() || c.After.Reason != l.Reason ||
				!strings.HasPrefix(c.Event.Action, "attempt.redriv") {
				t.Errorf("%s: %v, %+v", outcome, err, c)
			}
			if _, _, counts := c.Replayed(); counts {
				t.Errorf("%s counts as a replay of its cause", outcome)
			}
			state, _ := c.Attempt.ItemResult()
			if (state == deadletter.ItemDone) != (outcome == deadletter.OutcomeRedriven) {
				t.Errorf("%s is %s in a job", outcome, state)
			}
		})
	}
}

func TestRedriveOfKilledProcessHasUnknownOutcome(t *testing.T) {
	t.Parallel()
	c, err := inFlight(
		deadletter.TriggerJobRedrive,
	).Reclaim(deadletter.Attempt{Number: 4, Trigger: deadletter.TriggerJobRedrive}, retry, 0, now)
	if err != nil || c.After.Status != deadletter.Failed || c.After.Outcome != deadletter.Unknown ||
		!strings.Contains(c.Attempt.Error, "may be on its queue") {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestReplayAndRedriveWithoutTargetAreRefused(t *testing.T) {
	t.Parallel()
	edit := deadletter.Revision{Body: []byte(`{}`), Reason: "x"}
	_, redrive := messageIn(deadletter.Failed).Redrive(anna, deadletter.TriggerRedrive, 0, 6, now)
	_, edited := messageIn(deadletter.Failed).EditAndReplay(anna, deadletter.TriggerRedrive, edit, 6, now)
	lost := queued(deadletter.Failed)
	lost.Source = ""
	_, replay := lost.Replay(anna, deadletter.TriggerReplay, 0, 6, now)
	_, editedReplay := lost.EditAndReplay(anna, deadletter.TriggerEdit, edit, 6, now)
	for name, err := range map[string]error{
		"redrive": redrive, "edited": edited, "replay": replay,
		"edited replay": editedReplay,
	} {
		t.Run(name, func(t *testing.T) {
			if deadletter.KindOf(err) != deadletter.Conflict {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if !strings.Contains(deadletter.TextOf(replay), "queues.orders.source") {
		t.Errorf("the reason %q does not help", replay)
	}
}

func TestReturnedMessageContinuesItsHistory(t *testing.T) {
	t.Parallel()
	back := deadletter.Capture{
		Body:   []byte("sent"),
		Reason: "too many receives",
		Queue:  deadletter.QueueFacts{ConfigName: "orders", MessageID: "m-2", ReceiveCount: 9},
	}
	for _, status := range deadletter.Statuses() {
		l := queued(status)
		if status == deadletter.Redriven {
			l.Outcome = deadletter.OutcomeRedriven
		}
		c := l.Return(back, nil, now)
		returns := status == deadletter.Redriven || status == deadletter.Failed || status == deadletter.Archived
		want := l.Status
		if returns {
			want = deadletter.Failed
		}
		if c.After.Status != want || c.Returned != returns || c.After.Arrivals != 2 || c.Arrival.Differs ||
			c.Arrival.MessageID != "m-2" {
			t.Errorf("%s: %+v", status, c)
		}
		if returns &&
			(c.After.Reason != "too many receives" || c.After.Queue.ReceiveCount != 9 || c.After.Outcome != "" ||
				c.Event.Action != "message.returned") {
			t.Errorf("%s: %+v", status, c.After)
		}
	}
}

// A message that is back before its redrive was written down was sent beyond doubt.
func TestReturnEndsARedriveInFlight(t *testing.T) {
	t.Parallel()
	l := inFlight(deadletter.TriggerRedrive)
	open := deadletter.Attempt{Number: 4, Trigger: deadletter.TriggerRedrive, StartedAt: now.Add(-time.Second)}
	c := l.Return(deadletter.Capture{Queue: deadletter.QueueFacts{MessageID: "m-2"}}, &open, now)
	if c.After.Status != deadletter.Failed || c.After.Lease.Token != "" || c.Attempt == nil ||
		c.Attempt.Outcome != deadletter.OutcomeRedriven ||
		!c.Attempt.Done {
		t.Errorf("%+v", c)
	}
	if _, err := c.After.Finish("token", open, retry, 0, now); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("the worker's own result answers %v", err)
	}
	replay := inFlight(deadletter.TriggerReplay)
	if c := replay.Return(deadletter.Capture{}, &open, now); c.After.Status != deadletter.Replaying ||
		c.Attempt != nil {
		t.Errorf("a replay in flight is disturbed: %+v", c)
	}
}

func TestRestoredRedriveIsStillRedriven(t *testing.T) {
	t.Parallel()
	l := queued(deadletter.Redriven)
	l.Outcome = deadletter.OutcomeRedriven
	put, err := l.Archive(anna, "x", 6, now)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := put.After.Restore(anna, 7, now); err != nil || c.After.Status != deadletter.Redriven {
		t.Errorf("%v, %+v", err, c)
	}
}

func TestDrainedMessageReturnsOpen(t *testing.T) {
	t.Parallel()
	for _, status := range deadletter.OpenStatuses() {
		c, err := messageIn(status).Drain(deadletter.System(), "dlq", now)
		if err != nil || c.After.Status != deadletter.Archived || !c.After.DueAt.IsZero() ||
			c.Event.Action != "message.drain" {
			t.Errorf("%s: %v, %+v", status, err, c)
			continue
		}
		back := c.After.ArriveAgain(deadletter.Capture{}, now)
		if back.After.Status != deadletter.Failed || back.After.Arrivals != 2 {
			t.Errorf("%s comes back as %+v", status, back.After)
		}
	}
	put, err := messageIn(deadletter.Failed).Archive(anna, "x", 6, now)
	if err != nil {
		t.Fatal(err)
	}
	if c := put.After.ArriveAgain(deadletter.Capture{}, now); c.After.Status != deadletter.Archived {
		t.Errorf("what a person archived is open again: %+v", c.After)
	}
	if _, err := inFlight(deadletter.TriggerReplay).Drain(deadletter.System(), "dlq", now); deadletter.KindOf(
		err,
	) != deadletter.Conflict {
		t.Errorf("one in flight is drained: %v", err)
	}
}

func TestAdoptAssignsAMissingSource(t *testing.T) {
	t.Parallel()
	l := messageIn(deadletter.Failed)
	l.Queue.ConfigName, l.Source = "orders", ""
	c, err := l.Adopt("shop", now)
	if err != nil || !c.SourceChanged || c.After.Source != "shop" || c.After.Version != l.Version ||
		c.Event.Action != "message.source" ||
		!strings.Contains(string(c.Event.After), "shop") ||
		c.After.Fingerprint != deadletter.Fingerprint("shop", l.Destination, "422: "+l.Reason) {
		t.Errorf("%v, %+v", err, c)
	}
	if _, err := c.After.Replay(anna, deadletter.TriggerReplay, 0, l.Version, now); err != nil {
		t.Errorf("it cannot be replayed: %v", err)
	}
	webhook, flying := messageIn(deadletter.Failed), inFlight(deadletter.TriggerRedrive)
	webhook.Source, flying.Queue.ConfigName, flying.Source = "", "orders", ""
	for name, l := range map[string]deadletter.Message{
		"one that has a source": c.After, "a webhook": webhook,
		"one in flight": flying,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := l.Adopt("other", now); deadletter.KindOf(err) != deadletter.Conflict {
				t.Errorf("%s gets another: %v", name, err)
			}
		})
	}
}
