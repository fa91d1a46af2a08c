package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// cause returns the cause of a message once what happens by itself has happened.
func (b bundle) cause(t *testing.T, of deadletter.ID) deadletter.Cause {
	t.Helper()
	if err := b.worker.KeepCauses(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := b.store.Cause(t.Context(), desktest.Message(t, b.store, of).Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b bundle) ref(t *testing.T, of deadletter.ID) desk.CauseRef {
	t.Helper()
	c := b.cause(t, of)
	return desk.CauseRef{Fingerprint: c.Fingerprint, Version: c.Version}
}

// facts returns what happened to a cause, oldest first, with the reasons.
func (b bundle) facts(t *testing.T, c deadletter.Cause) (list []string) {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Target: c.Fingerprint}, Limit: 100,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range page.Items {
		list = append(list, e.By+" "+e.Action+" "+e.Reason)
	}
	slices.Reverse(list)
	return list
}

func (b bundle) wantCause(t *testing.T, of deadletter.ID, want deadletter.CauseState) deadletter.Cause {
	t.Helper()
	c := b.cause(t, of)
	if c.State != want {
		t.Fatalf("the cause is %s, want %s; %v", c.State, want, b.facts(t, c))
	}
	return c
}

// deliver has a message delivered by a replay.
func (b bundle) deliver(t *testing.T, id deadletter.ID) {
	t.Helper()
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	stop := b.run(t)
	b.replay(t, desktest.Message(t, b.store, id), 0)
	b.becomes(t, id, deadletter.Resolved)
	stop()
}

// restart goes on with another worker, as after the end of the process.
func (b bundle) restart() bundle {
	b.worker = b.another()
	return b
}

func TestCauseIsResolvedAndComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
	b.wantCause(t, "a-1", deadletter.CauseNew)
	b.deliver(t, "a-1")
	b.clock.Add(59 * time.Second)
	b.wantCause(t, "a-1", deadletter.CauseNew)
	b = b.restart()
	b.clock.Add(time.Second)
	b.wantCause(t, "a-1", deadletter.CauseResolved)
	b.clock.Add(time.Hour)
	desktest.Receive(t, b.store, desktest.Failure("a-2", 422, b.clock.Now()))
	b.wantCause(t, "a-1", deadletter.CauseRegressed)
	b.clock.Add(24 * time.Hour)
	c := b.wantCause(t, "a-1", deadletter.CauseOpen)
	if got, want := b.facts(t, c), []string{
		"system cause.resolved none of its messages was open for a minute",
		"system cause.regressed a message failed after it was resolved",
		"system cause.opened it came back 24 hours ago",
	}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	if _, err := b.store.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClaimEndsByItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
	v, err := b.Claim(t.Context(), anna, b.ref(t, "a-1"), time.Hour)
	if err != nil || v.Cause.State != deadletter.CauseClaimed || v.Cause.Owner != "anna" {
		t.Fatalf("%+v, %v", v, err)
	}
	b.clock.Add(time.Hour - time.Millisecond)
	b.wantCause(t, "a-1", deadletter.CauseClaimed)
	b = b.restart()
	b.clock.Add(time.Millisecond)
	c := b.wantCause(t, "a-1", deadletter.CauseOpen)
	if got, want := b.facts(t, c), []string{
		"anna cause.claim ", "system cause.claim_ended the claim of anna ran out",
	}; c.Owner != "" || !slices.Equal(got, want) {
		t.Errorf("owner %q, events %q, want %q", c.Owner, got, want)
	}
}

func TestMuteEndsByItself(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mute deadletter.Mute
		// what does not end it, and what does
		not, then func(t *testing.T, b bundle)
		fact      string
	}{
		"a time": {
			mute: deadletter.Mute{Until: desktest.NewClock().Now().Add(time.Hour)},
			not:  func(_ *testing.T, b bundle) { b.clock.Add(time.Hour - time.Second) },
			then: func(_ *testing.T, b bundle) { b.clock.Add(time.Minute) },
			fact: "its time is over",
		},
		"a number": {
			mute: deadletter.Mute{Count: 3},
			not:  func(t *testing.T, b bundle) { b.fail(t, "b", 2) },
			then: func(t *testing.T, b bundle) { b.fail(t, "c", 1) },
			fact: "3 more messages failed",
		},
		"a rate": {
			mute: deadletter.Mute{PerHour: 4},
			not: func(t *testing.T, b bundle) {
				b.fail(t, "b", 2)
				b.clock.Add(2 * time.Hour)
			},
			then: func(t *testing.T, b bundle) { b.fail(t, "c", 4) },
			fact: "4 messages failed within an hour",
		},
		"a delivery": {
			mute: deadletter.Mute{UntilDelivered: true},
			not:  func(t *testing.T, b bundle) { b.fail(t, "b", 2) },
			then: func(t *testing.T, b bundle) {
				b.clock.Add(time.Second)
				b.deliver(t, "a-1")
			},
			fact: "a delivery to its destination succeeded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
			b.fail(t, "a-2", 1)
			if _, err := b.Mute(t.Context(), anna, b.ref(t, "a-1"), c.mute); err != nil {
				t.Fatal(err)
			}
			c.not(t, b)
			b.wantCause(t, "a-1", deadletter.CauseMuted)
			c.then(t, b)
			of := b.wantCause(t, "a-1", deadletter.CauseOpen)
			if got, want := b.facts(t, of), []string{
				"anna cause.mute ", "system cause.mute_ended " + c.fact,
			}; !slices.Equal(got, want) || of.Mute != (deadletter.Mute{}) {
				t.Errorf("events %q, want %q; %+v", got, want, of.Mute)
			}
		})
	}
}

// fail adds messages that fail for the cause of a-1.
func (b bundle) fail(t *testing.T, name string, n int) {
	t.Helper()
	var list []deadletter.Capture
	for i := range n {
		list = append(list, desktest.Failure(fmt.Sprintf("%s-%d", name, i), 422, b.clock.Now()))
	}
	desktest.ReceiveAll(t, b.store, list)
}

// A cause that fails as often as ever does not grow; one that fails more often does, and no longer when that ends.
func TestGrowthIsMeasuredEachMinute(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 5 {
		b.fail(t, fmt.Sprint("a", b.clock.Now().Unix()), 6)
		b.clock.Add(time.Hour)
	}
	first := deadletter.ID(fmt.Sprintf("a%d-0", b.clock.Now().Add(-5*time.Hour).Unix()))
	if c := b.cause(t, first); c.Growth != 0 {
		t.Errorf("it grows by %d %%", c.Growth)
	}
	b.fail(t, "b", 20)
	if c := b.cause(t, first); c.Growth != 0 {
		t.Errorf("within a minute it is measured again: %d %%", c.Growth)
	}
	b.clock.Add(time.Minute)
	if c := b.cause(t, first); c.Growth < 200 || c.Growth > 500 {
		t.Errorf("it grows by %d %%", c.Growth)
	}
	b.clock.Add(3 * time.Hour)
	if c := b.cause(t, first); c.Growth != 0 {
		t.Errorf("it still grows by %d %%", c.Growth)
	}
}

// A store with more due causes than one transaction changes.
func TestEveryDueCauseIsChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const n = 450
	var list []deadletter.Capture
	for i := range n {
		list = append(list, desktest.Failure(fmt.Sprintf("a-%d", i), 422, b.clock.Now()))
		list[i].Reason = fmt.Sprintf("the field %c%c is missing", 'a'+i%26, 'a'+i/26)
	}
	desktest.ReceiveAll(t, b.store, list)
	b.clock.Add(24 * time.Hour)
	if err := b.worker.KeepCauses(t.Context()); err != nil {
		t.Fatal(err)
	}
	counts, err := b.store.CauseCounts(t.Context(), store.CauseFilter{})
	if err != nil || counts.ByState[deadletter.CauseOpen] != n || len(counts.ByState) != 1 {
		t.Errorf("causes %v, %v", counts, err)
	}
}

// A clock that was ahead left times of the future. They hold up nothing once it is right, nor after a restart.
func TestCauseGoesOnAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(b bundle) bundle{
		"while it runs":   func(b bundle) bundle { return b },
		"after a restart": bundle.restart,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.clock.Add(12 * time.Hour)
			id := desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now())).ID
			b.tell(t, b.wantCause(t, id, deadletter.CauseNew))
			b.deliver(t, id)
			b.wantCause(t, id, deadletter.CauseNew)
			b.clock.Add(-12 * time.Hour)
			b = next(b)
			b.wantCause(t, id, deadletter.CauseNew)
			b.clock.Add(deadletter.QuietTime)
			b.wantCause(t, id, deadletter.CauseResolved)
			b.clock.Add(time.Minute)
			again := desktest.Receive(t, b.store, desktest.Failure("a-2", 422, b.clock.Now())).ID
			b.wantCause(t, again, deadletter.CauseRegressed)
			news, err := b.store.CauseNews(t.Context(), 10)
			if err != nil || len(news) != 1 || news[0].State != deadletter.CauseRegressed {
				t.Errorf("the news are %+v, %v", news, err)
			}
		})
	}
}

// tell writes that people were told of the state of a cause.
func (b bundle) tell(t *testing.T, c deadletter.Cause) {
	t.Helper()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.TellCause(ctx, c.Fingerprint, c.StateAt)
	})
	if err != nil {
		t.Fatal(err)
	}
}
