package notify_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// failsFor lets a message of a source fail for a reason of its own.
func (b *bundle) failsFor(source, reason string, code int) deadletter.Message {
	b.Helper()
	c := desktest.Failure(source+" "+reason, code, b.clock.Now())
	c.Source, c.Reason, c.FirstAttempt.Error = source, reason, reason
	return desktest.Receive(b.T, b.store, c)
}

// word returns a word that no normalisation takes for a number.
func word(n int) string {
	return "wrong" + string([]rune{'a' + rune(n/676), 'a' + rune(n/26%26), 'a' + rune(n%26)}) + "field"
}

// A source with more news than are looked at each time, which has told enough for this minute, delays no other one.
func TestNoisySourceDelaysNoOtherOne(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	for i := range 3 {
		b.failsFor("genesys", word(i), 422)
	}
	b.pass(3 * time.Second)
	b.wants("raised new-cause", "raised new-cause", "raised new-cause")
	for i := range 520 {
		b.failsFor("genesys", word(10+i), 422)
	}
	b.clock.Add(time.Second)
	b.failsFor("cxone", "out of stock", 422)
	b.pass(3 * time.Second)
	if got := b.sinks["ops"].got; len(got) != 1 || got[0].Alert.Sources[0] != "cxone" {
		t.Errorf("told was %+v", got)
	}
	b.wants("raised new-cause")
	b.pass(time.Minute)
	if got := b.sinks["ops"].got; len(got) != 1 || got[0].Alert.CauseCount < 500 {
		t.Errorf("told was %+v", got)
	}
}

// Causes come as one although the first of them was told with others that are still open.
func TestBundleBeginsWhileAnOlderOneIsOpen(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	var ids []deadletter.ID
	for i := range 9 {
		ids = append(ids, b.failsFor("genesys", word(i), 422).ID)
		b.clock.Add(time.Millisecond)
	}
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
	for _, n := range []int{6, 4} { // so many end, and come back
		b.archive(ids[:n]...)
		b.pass(2 * time.Minute)
		b.wants()
		b.clock.Add(time.Minute)
		for i := range n {
			c := desktest.Failure(fmt.Sprintf("again-%d-%d", n, i), 422, b.clock.Now())
			c.Reason, c.FirstAttempt.Error = word(i), word(i)
			ids[i] = desktest.Receive(t, b.store, c).ID
			b.clock.Add(time.Millisecond)
		}
		b.pass(3 * time.Second)
		b.wants("raised regressed-cause")
	}
}

// grows lets causes grow that were told more than an hour ago. Each has one message so far.
func (b *bundle) grows(code, percent int, reasons ...string) {
	b.Helper()
	for _, reason := range reasons {
		var m deadletter.Message
		for i := range 6 {
			c := desktest.Failure(fmt.Sprintf("%s-%d-%d", reason, percent, i), code, b.clock.Now())
			c.Reason, c.FirstAttempt.Error = reason, reason
			m = desktest.Receive(b.T, b.store, c)
		}
		b.write(func(ctx context.Context, tx *store.Tx) error { return tx.SetGrowth(ctx, m.Fingerprint, percent) })
	}
}

// A cause that the destination answered grows for another reason than an outage. One of the outage is told once it
// outlasts that.
func TestGrowingCauseIsOfAnOutageOnlyIfItsFailuresAre(t *testing.T) {
	t.Parallel()
	for code, told := range map[int]bool{422: true, 503: false} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			b := alerting(t)
			b.failsFor("genesys", "out of stock", code)
			b.pass(3 * time.Second)
			b.wants("raised new-cause")
			b.clock.Add(2 * time.Hour)
			b.goesDown("genesys")
			b.grows(code, 400, "out of stock")
			b.pass(10 * time.Second)
			b.pass(time.Second)
			if told {
				b.wants("raised destination-down", "raised growing-cause")
				return
			}
			b.wants("raised destination-down")
			b.comesUp("genesys")
			b.pass(time.Second)
			b.pass(2 * time.Minute)
			b.wants("resolved destination-down")
			b.clock.Add(2 * time.Minute)
			b.grows(code, 401, "out of stock")
			b.pass(time.Second)
			b.wants("raised growing-cause")
			b.pass(time.Minute)
			b.wants()
		})
	}
}

func TestManyGrowingCausesComeAsOneAlert(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	var reasons []string
	for i := range 5 {
		reasons = append(reasons, word(i))
		b.failsFor("genesys", word(i), 422)
	}
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
	b.clock.Add(2 * time.Hour)
	b.grows(422, 400, reasons...)
	b.pass(10 * time.Second)
	if got := b.sinks["ops"].got; len(got) != 1 || got[0].Alert.Title != "5 causes grow in genesys" {
		t.Errorf("told was %+v", got)
	}
	b.wants("raised growing-cause") // receivers that route by kind do not take it for another one
	b.pass(2 * time.Minute)
	b.restart()
	b.pass(2 * time.Minute)
	b.wants()
	b.grows(422, 0, reasons[1:]...)
	b.pass(10 * time.Second)
	b.pass(2 * time.Minute)
	b.wants()
	b.grows(422, 0, reasons[0])
	b.pass(10 * time.Second)
	b.pass(time.Minute)
	b.pass(time.Second)
	got := b.sinks["ops"].got
	if len(got) != 1 || got[0].Alert.Resolution != "none of its causes grows any more" {
		t.Errorf("told was %+v", got)
	}
	b.wants("resolved growing-cause")
}

// Alerts that were told go on, although more halt or grow than are looked at each time.
func TestWhatWasToldGoesOnWhileMuchElseBegins(t *testing.T) {
	t.Parallel()
	t.Run("halted jobs", func(t *testing.T) {
		t.Parallel()
		b := alerting(t)
		halt := func() {
			b.write(func(ctx context.Context, tx *store.Tx) error {
				draft, err := deadletter.NewJob(anna, deadletter.ActArchive, b.clock.Now())
				if err != nil {
					return err
				}
				job, err := tx.AddJob(ctx, draft)
				if err != nil {
					return err
				}
				job.Items.Pending = 1
				c, err := job.Start(anna, deadletter.JobInput{Reason: "not needed"}, b.clock.Now())
				if err != nil {
					return err
				}
				if err := tx.ApplyJob(ctx, c); err != nil {
					return err
				}
				if c, err = c.After.PauseBySystem("too many fail", b.clock.Now()); err != nil {
					return err
				}
				return tx.ApplyJob(ctx, c)
			})
		}
		halt()
		b.pass(time.Second)
		b.wants("raised job-halted")
		for range 51 {
			halt()
		}
		b.pass(time.Second)
		b.pass(time.Second)
		for _, told := range b.sinks["ops"].told() {
			if told != "raised job-halted" {
				t.Errorf("ops was told %q", told)
			}
		}
	})
	t.Run("growing causes", func(t *testing.T) {
		t.Parallel()
		b := alerting(t)
		var reasons []string
		for i := range 102 {
			reasons = append(reasons, word(i))
			b.failsFor("genesys", word(i), 422)
		}
		b.pass(3 * time.Second)
		b.wants("raised new-cause")
		b.clock.Add(2 * time.Hour)
		b.grows(422, 400, reasons[0])
		b.pass(10 * time.Second)
		b.wants("raised growing-cause")
		b.grows(422, 900, reasons[1:]...)
		b.pass(10 * time.Second)
		b.pass(time.Minute)
		b.pass(time.Minute)
		if told := b.sinks["ops"].told(); len(told) == 0 || slices.Contains(told, "resolved growing-cause") {
			t.Errorf("ops was told %q", told)
		}
	})
}
