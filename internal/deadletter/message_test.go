package deadletter_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

var (
	now   = time.Date(2026, 3, 2, 10, 15, 0, 0, time.UTC)
	anna  = deadletter.User("anna", deadletter.Operator, "192.0.2.1")
	retry = deadletter.RetryPolicy{MaxAttempts: 5, Base: 2 * time.Second, Cap: time.Minute}
)

// messageIn returns a message in a status as it would truly be there, last changed by ben three seconds ago.
func messageIn(status deadletter.Status) deadletter.Message {
	l := deadletter.Message{
		ID:            "a-1",
		Source:        "genesys",
		Status:        status,
		Outcome:       deadletter.ErrorResponse,
		StatusCode:    422,
		Reason:        "field id is missing",
		Attempts:      4,
		AutoAttempts:  2,
		Arrivals:      1,
		Revision:      2,
		Version:       6,
		ReceivedAt:    now.Add(-time.Hour),
		LastAttemptAt: now.Add(-time.Minute),
		LastChange:    deadletter.LastChange{By: "ben", Action: "replayed", At: now.Add(-3 * time.Second)},
	}
	switch status {
	case deadletter.Retrying:
		l.DueAt = now
	case deadletter.Replaying:
		l.Request = deadletter.DeliveryRequest{
			Trigger:  deadletter.TriggerReplay,
			By:       "ben",
			Revision: 2,
			At:       now.Add(-3 * time.Second),
		}
		l.DueAt = now
	case deadletter.Resolved:
		l.Outcome, l.StatusCode = deadletter.Delivered, 200
	case deadletter.Archived:
		l.LastChange.Action = "archived"
	case deadletter.Failed, deadletter.Redriven:
	}
	return l
}

// inFlight returns a message whose delivery is under way.
func inFlight(t deadletter.Trigger) deadletter.Message {
	l := messageIn(deadletter.Replaying)
	l.Request.Trigger = t
	if t == deadletter.TriggerAuto {
		l.Request.By = deadletter.System().Name
	}
	l.DueAt, l.Lease = time.Time{}, deadletter.Lease{Token: "token", Until: now.Add(time.Minute)}
	return l
}

// operation is something that happens to a message, and where each status leads; a status that is not there is a
// Conflict.
type operation struct {
	action string
	actor  deadletter.ActorKind
	by     string
	person bool // the refusal is shown to a person, so it names who and when
	do     func(l deadletter.Message) (deadletter.Change, error)
	leads  map[deadletter.Status]deadletter.Status
}

func operations() map[string]operation {
	toReplaying := map[deadletter.Status]deadletter.Status{
		deadletter.Failed: deadletter.Replaying, deadletter.Retrying: deadletter.Replaying,
	}
	same := map[deadletter.Status]deadletter.Status{}
	for _, s := range deadletter.Statuses() {
		same[s] = s
	}
	finish := func(a deadletter.Attempt) func(l deadletter.Message) (deadletter.Change, error) {
		return func(l deadletter.Message) (deadletter.Change, error) {
			if l.Status == deadletter.Replaying {
				l = inFlight(deadletter.TriggerReplay)
			}
			l.Lease.Token = "token" // even so: no other status has a delivery to finish
			return l.Finish("token", a, retry, 0.5, now)
		}
	}
	return map[string]operation{
		"replay": {
			"message.replay",
			deadletter.ActorUser,
			"anna",
			true,
			func(l deadletter.Message) (deadletter.Change, error) {
				return l.Replay(anna, deadletter.TriggerReplay, 1, l.Version, now)
			},
			toReplaying,
		},
		"edit": {
			"message.edit",
			deadletter.ActorUser,
			"anna",
			true,
			func(l deadletter.Message) (deadletter.Change, error) {
				return l.EditAndReplay(
					anna, deadletter.TriggerEdit, deadletter.Revision{Body: []byte("{}"), Reason: "id added"},
					l.Version, now,
				)
			},
			toReplaying,
		},
		"archive": {
			"message.archive",
			deadletter.ActorUser,
			"anna",
			true,
			func(l deadletter.Message) (deadletter.Change, error) {
				return l.Archive(anna, "a test event", l.Version, now)
			},
			map[deadletter.Status]deadletter.Status{
				deadletter.Failed:   deadletter.Archived,
				deadletter.Retrying: deadletter.Archived,
				deadletter.Resolved: deadletter.Archived,
				deadletter.Redriven: deadletter.Archived,
			},
		},
		"restore": {
			"message.restore",
			deadletter.ActorUser,
			"anna",
			true,
			func(l deadletter.Message) (deadletter.Change, error) {
				return l.Restore(anna, l.Version, now)
			},
			map[deadletter.Status]deadletter.Status{deadletter.Archived: deadletter.Failed},
		},
		"claim": {
			"attempt.started",
			deadletter.ActorSystem,
			"system",
			false,
			func(l deadletter.Message) (deadletter.Change, error) {
				l.DueAt = now // even so: only what waits for a delivery is delivered
				return l.Claim(deadletter.Lease{Token: "token", Until: now.Add(time.Minute)}, "00-trace", now)
			},
			map[deadletter.Status]deadletter.Status{
				deadletter.Retrying:  deadletter.Replaying,
				deadletter.Replaying: deadletter.Replaying,
			},
		},
		"delivered": {
			"attempt.delivered",
			deadletter.ActorUser,
			"ben",
			false,
			finish(deadletter.Attempt{Number: 4, Outcome: deadletter.Delivered, StatusCode: 200}),
			map[deadletter.Status]deadletter.Status{deadletter.Replaying: deadletter.Resolved},
		},
		"error response": {
			"attempt.error_response",
			deadletter.ActorUser,
			"ben",
			false,
			finish(deadletter.Attempt{Number: 4, Outcome: deadletter.ErrorResponse, StatusCode: 422}),
			map[deadletter.Status]deadletter.Status{deadletter.Replaying: deadletter.Failed},
		},
		"unreachable": {
			"attempt.unreachable",
			deadletter.ActorUser,
			"ben",
			false,
			finish(deadletter.Attempt{Number: 4, Outcome: deadletter.Unreachable}),
			map[deadletter.Status]deadletter.Status{deadletter.Replaying: deadletter.Retrying},
		},
		"reclaim": {
			"attempt.unknown",
			deadletter.ActorUser,
			"ben",
			false,
			func(l deadletter.Message) (deadletter.Change, error) {
				if l.Status == deadletter.Replaying {
					l = inFlight(deadletter.TriggerReplay)
				}
				return l.Reclaim(deadletter.Attempt{Number: 4, StartedAt: now.Add(-time.Minute)}, retry, 0.5, now)
			},
			map[deadletter.Status]deadletter.Status{deadletter.Replaying: deadletter.Retrying},
		},
		"arrival": {
			"message.arrived_again",
			deadletter.ActorSystem,
			"system",
			false,
			func(l deadletter.Message) (deadletter.Change, error) {
				return l.ArriveAgain(deadletter.Capture{}, now), nil
			},
			same,
		},
	}
}

func TestEveryOperationInEveryStatus(t *testing.T) {
	t.Parallel()
	for name, op := range operations() {
		for _, status := range deadletter.Statuses() {
			t.Run(fmt.Sprintf("%s a %s message", name, status), func(t *testing.T) {
				t.Parallel()
				change, err := op.do(messageIn(status))
				if want, legal := op.leads[status]; legal {
					wantChange(t, change, err, op, want)
					return
				}
				text := deadletter.TextOf(err)
				if deadletter.KindOf(err) != deadletter.Conflict || !reflect.DeepEqual(change, deadletter.Change{}) {
					t.Fatalf("got %v and a change to %q, want a Conflict alone", err, change.After.Status)
				}
				if op.person && !(strings.Contains(text, "by ben") && strings.Contains(text, "3 s ago")) {
					t.Errorf("the refusal does not say who and when: %q", text)
				}
			})
		}
	}
}

func wantChange(t *testing.T, c deadletter.Change, err error, op operation, status deadletter.Status) {
	t.Helper()
	if err != nil || c.After.Status != status {
		t.Fatalf("got %s, %v; want %s", c.After.Status, err, status)
	}
	e := c.Event
	if e.Action != op.action || e.Actor != op.actor || e.By != op.by || e.TargetKind != "message" ||
		e.Target != "a-1" ||
		e.Source != "genesys" ||
		!e.At.Equal(now) {
		t.Errorf("the event is %+v; want %s of message a-1 by %s %s", e, op.action, op.actor, op.by)
	}
	if want := ""; op.by == "anna" {
		if want = anna.Addr; e.Addr != want {
			t.Errorf("the event came from %q, want %q", e.Addr, want)
		}
		if c.After.Version != c.Before.Version+1 || c.After.LastChange.By != "anna" ||
			!c.After.LastChange.At.Equal(now) ||
			c.After.LastChange.Action == "" {
			t.Errorf("the next person would not see it: version %d after %d, last order %+v", c.After.Version,
				c.Before.Version, c.After.LastChange)
		}
	} else if c.After.Version != c.Before.Version || c.After.LastChange != c.Before.LastChange {
		t.Error("what no person ordered counts as ordered")
	}
	wantFacts(t, e.Before, c.Before)
	wantFacts(t, e.After, c.After)
}

// wantFacts holds an event's side against the message that it reports of.
func wantFacts(t *testing.T, side json.RawMessage, l deadletter.Message) {
	t.Helper()
	var facts struct {
		Status   deadletter.Status
		Revision int
		Arrivals int
		DueAt    time.Time
	}
	if err := json.Unmarshal(side, &facts); err != nil {
		t.Fatalf("the event holds %q: %v", side, err)
	}
	if facts.Status != l.Status || facts.Revision != l.Revision || facts.Arrivals != l.Arrivals ||
		!facts.DueAt.Equal(l.DueAt) {
		t.Errorf("the event tells of %+v, the message is %+v", facts, l)
	}
}

func TestPermissionsFollowTheTransitions(t *testing.T) {
	t.Parallel()
	ops := operations()
	for _, s := range deadletter.Statuses() {
		for name, can := range map[string]bool{
			"replay": s.CanReplay(), "archive": s.CanArchive(),
			"restore": s.CanRestore(),
		} {
			t.Run(fmt.Sprintf("%s %s", name, s), func(t *testing.T) {
				if _, legal := ops[name].leads[s]; can != legal {
					t.Errorf("a %s message is said to take %s: %t, and it is %t", s, name, can, legal)
				}
			})
		}
	}
}

func TestRefusalsNameTheNextStep(t *testing.T) {
	t.Parallel()
	auto := inFlight(deadletter.TriggerAuto)
	byItself := messageIn(deadletter.Resolved)
	byItself.LastChange = deadletter.LastChange{}
	namesake := inFlight(deadletter.TriggerReplay)
	namesake.Request.By = "system"
	for _, c := range []struct {
		name    string
		message deadletter.Message
		want    string
	}{
		{"ordered by ben", messageIn(deadletter.Replaying), "already replayed by ben 3 s ago: wait for the result"},
		{"an automatic retry", auto, "an automatic retry of this message is in flight: wait for its result"},
		{"a person whose name is system", namesake, "already replayed by system 3 s ago: wait for the result"},
		{"delivered by itself", byItself, "this message is resolved: it was delivered by itself"},
		{
			"delivered by ben", messageIn(deadletter.Resolved),
			"this message is resolved: it was delivered (replayed by ben 3 s ago)",
		},
		{
			"archived", messageIn(deadletter.Archived),
			"this message is archived: restore it first (archived by ben 3 s ago)",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.message.Replay(anna, deadletter.TriggerReplay, 0, c.message.Version, now)
			if got := deadletter.TextOf(err); err == nil || got != c.want {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		})
	}
}

func TestStaleVersionIsAConflict(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(l deadletter.Message, version int) (deadletter.Change, error){
		"replay": func(l deadletter.Message, version int) (deadletter.Change, error) {
			return l.Replay(anna, deadletter.TriggerReplay, 0, version, now)
		},
		"edit": func(l deadletter.Message, version int) (deadletter.Change, error) {
			return l.EditAndReplay(anna, deadletter.TriggerEdit, deadletter.Revision{Reason: "x"}, version, now)
		},
		"archive": func(l deadletter.Message, version int) (deadletter.Change, error) {
			return l.Archive(anna, "", version, now)
		},
		"restore": func(l deadletter.Message, version int) (deadletter.Change, error) {
			return l.Restore(anna, version, now)
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, version := range []int{5, 7, 0, -1} {
				l := messageIn(deadletter.Failed)
				_, err := do(l, version)
				if text := deadletter.TextOf(err); deadletter.KindOf(err) != deadletter.Conflict ||
					!strings.Contains(text, "already replayed by ben 3 s ago") {
					t.Errorf("%s of version %d of a message at %d: %v", name, version, l.Version, err)
				}
				l.LastChange = deadletter.LastChange{}
				_, err = do(l, version)
				if text := deadletter.TextOf(err); deadletter.KindOf(err) != deadletter.Conflict ||
					strings.Contains(text, " by ") {
					t.Errorf("%s of version %d of a message that nobody changed: %v", name, version, err)
				}
			}
		})
	}
}

func TestReplayOfUnknownRevisionIsRefused(t *testing.T) {
	t.Parallel()
	l := messageIn(deadletter.Failed)
	for revision := range l.Revision + 1 {
		c, err := l.Replay(anna, deadletter.TriggerJob, revision, l.Version, now)
		want := deadletter.DeliveryRequest{Trigger: deadletter.TriggerJob, By: "anna", Revision: revision, At: now}
		if err != nil || c.After.Request != want || !c.After.DueAt.Equal(now) || c.After.Revision != l.Revision {
			t.Errorf("revision %d: %v, order %+v due %s", revision, err, c.After.Request, c.After.DueAt)
		}
	}
	for _, revision := range []int{-1, l.Revision + 1} {
		t.Run(fmt.Sprintf("revision %d", revision), func(t *testing.T) {
			if _, err := l.Replay(anna, deadletter.TriggerReplay, revision, l.Version, now); deadletter.KindOf(
				err,
			) != deadletter.NotFound {
				t.Errorf("revision %d: %v, want NotFound", revision, err)
			}
		})
	}
}

func TestEditAddsARevision(t *testing.T) {
	t.Parallel()
	l := messageIn(deadletter.Failed)
	c, err := l.EditAndReplay(
		anna, deadletter.TriggerEdit,
		deadletter.Revision{Number: 99, Body: []byte(`{"id":1}`), By: "eve", Reason: "id added"}, l.Version,
		now,
	)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Revision; r == nil || r.Number != 3 || r.By != "anna" || !r.At.Equal(now) ||
		string(r.Body) != `{"id":1}` ||
		c.After.Revision != 3 {
		t.Errorf("the revision is %+v, the message's latest %d", r, c.After.Revision)
	}
	if c.After.Request.Revision != 3 || c.After.Request.Trigger != deadletter.TriggerEdit {
		t.Errorf("ordered is %+v", c.After.Request)
	}
	if c.Event.Reason != "id added" || !bytes.Contains(c.Event.After, []byte(`"bodySha256":"`)) ||
		bytes.Contains(c.Event.After, []byte(`"id"`)) {
		t.Errorf("the event is %s, because %q", c.Event.After, c.Event.Reason)
	}
	for _, reason := range []string{"", " \t\n"} {
		t.Run(fmt.Sprintf("%q", reason), func(t *testing.T) {
			if _, err := l.EditAndReplay(
				anna, deadletter.TriggerEdit, deadletter.Revision{Reason: reason}, l.Version, now,
			); deadletter.KindOf(err) != deadletter.Invalid {
				t.Errorf("an edit because of %q: %v, want Invalid", reason, err)
			}
		})
	}
}

func TestClaim(t *testing.T) {
	t.Parallel()
	lease := deadletter.Lease{Token: "token", Until: now.Add(time.Minute)}
	t.Run("an automatic retry delivers the latest revision", func(t *testing.T) {
		t.Parallel()
		l := messageIn(deadletter.Retrying)
		c, err := l.Claim(lease, "00-trace", now)
		if err != nil {
			t.Fatal(err)
		}
		want := deadletter.Attempt{
			Number:      5,
			Trigger:     deadletter.TriggerAuto,
			Actor:       "system",
			Revision:    2,
			StartedAt:   now,
			TraceParent: "00-trace",
		}
		if c.Attempt == nil || !reflect.DeepEqual(*c.Attempt, want) {
			t.Errorf("the attempt is %+v, want %+v", c.Attempt, want)
		}
		if a := c.After; a.AutoAttempts != l.AutoAttempts+1 || a.Attempts != 5 || a.Lease != lease ||
			!a.DueAt.IsZero() ||
			!a.LastAttemptAt.Equal(now) {
			t.Errorf("the message is %+v", a)
		}
	})
	t.Run("a replay delivers what was ordered", func(t *testing.T) {
		t.Parallel()
		l := messageIn(deadletter.Replaying)
		l.Request.Revision = 1
		c, err := l.Claim(lease, "", now)
		if err != nil {
			t.Fatal(err)
		}
		if a := c.Attempt; a.Trigger != deadletter.TriggerReplay || a.Actor != "ben" || a.Revision != 1 || a.Done {
			t.Errorf("the attempt is %+v", a)
		}
	})
	t.Run("one at a time, and not before its time", func(t *testing.T) {
		t.Parallel()
		early, never, taken := messageIn(deadletter.Retrying), messageIn(deadletter.Replaying), messageIn(
			deadletter.Replaying,
		)
		early.DueAt = now.Add(time.Millisecond)
		never.DueAt = time.Time{}
		taken.Lease = deadletter.Lease{Token: "another", Until: now.Add(-time.Hour)}
		for name, l := range map[string]deadletter.Message{"early": early, "never due": never, "taken": taken} {
			t.Run(name, func(t *testing.T) {
				if _, err := l.Claim(lease, "", now); deadletter.KindOf(err) != deadletter.Conflict {
					t.Errorf("%s: %v, want a Conflict", name, err)
				}
			})
		}
	})
}

func TestFinishIsFencedByTheToken(t *testing.T) {
	t.Parallel()
	result := deadletter.Attempt{Outcome: deadletter.Delivered, StatusCode: 200}
	for _, token := range []string{"", "another", "toke", "token "} {
		t.Run(fmt.Sprintf("%q", token), func(t *testing.T) {
			if _, err := inFlight(
				deadletter.TriggerAuto,
			).Finish(token, result, retry, 0, now); deadletter.KindOf(err) != deadletter.Conflict {
				t.Errorf("token %q: %v, want a Conflict", token, err)
			}
		})
	}
	ordered := messageIn(deadletter.Replaying) // not claimed yet: no token fits, the empty one neither
	if _, err := ordered.Finish("", result, retry, 0, now); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a delivery that was never claimed: %v, want a Conflict", err)
	}
}

func TestFinishRecordsTheResult(t *testing.T) {
	t.Parallel()
	l := inFlight(deadletter.TriggerAuto)
	result := deadletter.Attempt{
		Number:     4,
		Outcome:    deadletter.Delivered,
		StatusCode: 204,
		Latency:    84 * time.Millisecond,
	}
	c, err := l.Finish("token", result, retry, 0, now)
	if err != nil {
		t.Fatal(err)
	}
	if a := c.After; a.Outcome != deadletter.Delivered || a.StatusCode != 204 || a.Lease != (deadletter.Lease{}) ||
		a.Request != (deadletter.DeliveryRequest{}) ||
		a.Reason != l.Reason {
		t.Errorf("the message is %+v", a)
	}
	if c.Attempt == nil || !c.Attempt.Done || c.Event.Actor != deadletter.ActorSystem || c.Event.By != "system" {
		t.Errorf("the attempt is %+v, the event %+v", c.Attempt, c.Event)
	}
	for _, fact := range []string{`"attempt":4`, `"statusCode":204`, `"latencyMs":84`} {
		if !bytes.Contains(c.Event.After, []byte(fact)) {
			t.Errorf("the event %s lacks %s", c.Event.After, fact)
		}
	}
}

// Automatic retries deliver the latest revision, so the replay of an older one schedules none.
func TestAnOlderRevisionIsNotRetriedAsTheLatest(t *testing.T) {
	t.Parallel()
	for revision, want := range map[int]deadletter.Status{2: deadletter.Retrying, 0: deadletter.Failed} {
		t.Run(fmt.Sprintf("revision %d", revision), func(t *testing.T) {
			l := inFlight(deadletter.TriggerReplay)
			l.Request.Revision = revision
			c, err := l.Finish(
				"token", deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503, Error: "down"},
				retry, 0.5, now,
			)
			if err != nil || c.After.Status != want || c.After.DueAt.IsZero() != (want == deadletter.Failed) ||
				c.After.Reason != "down" {
				t.Errorf("after revision %d of 2: %s due %s because %q, %v; want %s", revision, c.After.Status,
					c.After.DueAt, c.After.Reason, err, want)
			}
		})
	}
}

func TestReclaimedDeliveryHasUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, started := range map[string]time.Time{
		"before":                       now.Add(-time.Minute),
		"after the clock was set back": now.Add(time.Minute),
	} {
		t.Run(name, func(t *testing.T) {
			open := deadletter.Attempt{Number: 4, Trigger: deadletter.TriggerAuto, StartedAt: started}
			c, err := inFlight(deadletter.TriggerAuto).Reclaim(open, retry, 0.5, now)
			if err != nil {
				t.Fatal(err)
			}
			a := c.Attempt
			if a.Outcome != deadletter.Unknown || !a.Done || a.Latency != max(0, now.Sub(started)) ||
				!strings.Contains(a.Error, "may have processed it") {
				t.Errorf("%s: the attempt is %+v", name, a)
			}
			if c.After.Status != deadletter.Retrying || c.After.Outcome != deadletter.Unknown ||
				c.After.StatusCode != 0 ||
				c.After.Reason != a.Error {
				t.Errorf("%s: the message is %+v", name, c.After)
			}
		})
	}
	spent := inFlight(deadletter.TriggerAuto)
	spent.AutoAttempts = retry.MaxAttempts
	if c, err := spent.Reclaim(deadletter.Attempt{StartedAt: now}, retry, 0, now); err != nil ||
		c.After.Status != deadletter.Failed {
		t.Errorf("with no attempt left it is %s, %v", c.After.Status, err)
	}
	if _, err := messageIn(
		deadletter.Replaying,
	).Reclaim(deadletter.Attempt{}, retry, 0, now); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a message that waits for its delivery: %v, want a Conflict", err)
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	first := func(code int) *deadletter.Attempt {
		return &deadletter.Attempt{
			Number:     1,
			Trigger:    deadletter.TriggerReceive,
			StartedAt:  now.Add(-time.Second),
			Outcome:    deadletter.ErrorResponse,
			StatusCode: code,
			Error:      "no",
		}
	}
	for _, c := range []struct {
		name    string
		capture deadletter.Capture
		want    deadletter.Status
		auto    int
	}{
		{
			"a transient failure",
			deadletter.Capture{Source: "genesys", FirstAttempt: first(503)},
			deadletter.Retrying, 1,
		},
		{"a permanent one", deadletter.Capture{Source: "genesys", FirstAttempt: first(422)}, deadletter.Failed, 1},
		{"a source that nobody knows", deadletter.Capture{FirstAttempt: first(503)}, deadletter.Failed, 1},
		{
			"another program's, that retries are left of",
			deadletter.Capture{Source: "genesys", RetryCount: 3},
			deadletter.Retrying, 4,
		},
		{
			"another program's, that was retried enough",
			deadletter.Capture{Source: "genesys", RetryCount: 4},
			deadletter.Failed, 5,
		},
		{"no envelope", deadletter.Capture{Source: "genesys", Foreign: true}, deadletter.Failed, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.capture.ID, c.capture.Reason, c.capture.Body = "a-1", "no", []byte("payload")
			c.capture.Headers = deadletter.Headers{"Content-Type": {"text/plain"}}
			change := deadletter.NewMessage(c.capture, retry, 0.5, now)
			l := change.After
			if l.Status != c.want || l.AutoAttempts != c.auto || l.Arrivals != 1 || l.WebhookID != "a-1" ||
				l.ContentType != "text/plain" ||
				l.DueAt.IsZero() == (c.want == deadletter.Retrying) {
				t.Errorf("the message is %+v; want %s after %d automatic deliveries", l, c.want, c.auto)
			}
			if a := c.capture.FirstAttempt; change.Attempt != a ||
				a != nil &&
					(l.StatusCode != a.StatusCode || l.Outcome != a.Outcome || l.Attempts != 1 ||
						!l.LastAttemptAt.Equal(a.StartedAt)) {
				t.Errorf("the first attempt is lost: %+v", l)
			}
			if r := change.Revision; r == nil || r.Number != 0 || string(r.Body) != "payload" || r.By != "" {
				t.Errorf("what was received is lost: %+v", r)
			}
			e := change.Event
			if e.Action != "message.received" || e.By != "system" || e.Target != "a-1" || e.Before != nil ||
				!strings.Contains(string(e.After), `"bodySha256":"239f59ed55e737c7`) {
				t.Errorf("the event is %+v with %s", e, e.After)
			}
			if !reflect.DeepEqual(change.Before, deadletter.Message{}) {
				t.Errorf("a new message has a past: %+v", change.Before)
			}
		})
	}
	kept := deadletter.NewMessage(deadletter.Capture{ID: "a-1", WebhookID: "platform-7"}, retry, 0, now)
	if kept.After.WebhookID != "platform-7" {
		t.Errorf("the platform's webhook id became %q", kept.After.WebhookID)
	}
}

func TestArrivalChangesTheCountAlone(t *testing.T) {
	t.Parallel()
	l := messageIn(deadletter.Resolved)
	again := l.ArriveAgain(deadletter.Capture{ID: "b-2", Queue: deadletter.QueueFacts{MessageID: "m-2"}}, now)
	want := deadletter.Arrival{Number: 2, At: now, MessageID: "m-2", ReceiptID: "b-2"}
	if a := again.Arrival; a == nil || !reflect.DeepEqual(*a, want) {
		t.Errorf("the same once more: %+v", a)
	}
	message := l
	message.Arrivals = 2
	if !reflect.DeepEqual(again.After, message) {
		t.Errorf("an arrival changed more than its count: %+v", again.After)
	}
}

func TestRestoreReturnsToTheEarlierStatus(t *testing.T) {
	t.Parallel()
	delivered := messageIn(deadletter.Archived)
	delivered.Outcome = deadletter.Delivered
	if c, err := delivered.Restore(anna, delivered.Version, now); err != nil || c.After.Status != deadletter.Resolved {
		t.Errorf("a delivered message came back as %s, %v", c.After.Status, err)
	}
	retrying := messageIn(deadletter.Retrying)
	away, err := retrying.Archive(anna, "a test", retrying.Version, now)
	if err != nil || !away.After.DueAt.IsZero() {
		t.Fatalf("an archived message is still due %s, %v", away.After.DueAt, err)
	}
	back, err := away.After.Restore(anna, away.After.Version, now)
	if err != nil || back.After.Status != deadletter.Failed || !back.After.DueAt.IsZero() {
		t.Errorf("a message archived while it was retried came back as %s due %s, %v", back.After.Status,
			back.After.DueAt, err)
	}
}

func TestTimesInErrorsAreRelative(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]string{
		-time.Minute: "0 s ago", 59 * time.Second: "59 s ago", time.Minute: "1 min ago", 59*time.Minute +
			59*time.Second: "59 min ago",
		time.Hour: "1 h ago", 47 * time.Hour: "47 h ago", 48 * time.Hour: "on 28 February 2026",
	} {
		t.Run(age.String(), func(t *testing.T) {
			l := messageIn(deadletter.Replaying)
			l.Request.At = now.Add(-age)
			_, err := l.Archive(anna, "", l.Version, now)
			if text := deadletter.TextOf(err); !strings.Contains(text, " "+want+":") {
				t.Errorf("%s: %q, want %q", age, text, want)
			}
		})
	}
}

func TestNewEvent(t *testing.T) {
	t.Parallel()
	e, err := deadletter.NewEvent(
		anna, "user.add", "user", "vera", "hired", nil, map[string]string{"role": "viewer"}, now,
	)
	want := deadletter.Event{
		At:         now,
		Actor:      deadletter.ActorUser,
		By:         "anna",
		Addr:       anna.Addr,
		Action:     "user.add",
		TargetKind: "user",
		Target:     "vera",
		Reason:     "hired",
		After:      json.RawMessage(`{"role":"viewer"}`),
	}
	if err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("got %+v, %v; want %+v", e, err, want)
	}
	if _, err := deadletter.NewEvent(
		anna, "x", "user", "vera", "", func() {}, nil, now,
	); deadletter.KindOf(err) != deadletter.Internal || err == nil {
		t.Errorf("facts that are no JSON: %v", err)
	}
}

// The event of a change says what the reason was and what it is, where it is another one.
func TestEventRecordsAChangedReason(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"field id is missing": `{"status":"replaying","revision":0,"arrivals":1}`,
		"no such customer":    `{"status":"replaying","revision":0,"arrivals":1,"reason":"field id is missing"}`,
	} {
		t.Run(reason, func(t *testing.T) {
			l := deadletter.Message{
				ID:       "a-1",
				Status:   deadletter.Replaying,
				Arrivals: 1,
				Reason:   "field id is missing",
				Lease:    deadletter.Lease{Token: "t"},
			}
			c, err := l.Finish(
				"t",
				deadletter.Attempt{Number: 2, Outcome: deadletter.ErrorResponse, StatusCode: 422, Error: reason},
				deadletter.RetryPolicy{}, 0, time.Time{},
			)
			if err != nil || string(c.Event.Before) != want ||
				strings.Contains(string(c.Event.After), reason) != strings.Contains(want, "reason") {
				t.Errorf("%s: before %s, after %s, %v", reason, c.Event.Before, c.Event.After, err)
			}
		})
	}
}
