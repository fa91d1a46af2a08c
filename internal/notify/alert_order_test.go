package notify_test

import (
	"errors"
	"testing"
	"time"

	"dlqdesk/internal/notify"
)

// PagerDuty takes what is told of the same thing for one incident, so an old end must not come after a new beginning.
func TestOldEndIsNotToldOnceItBeganAgain(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	b.goesDown("genesys")
	b.pass(time.Second)
	b.wants("raised destination-down")
	b.sinks["ops"].fail = func(notify.Notice) error { return errors.New("no answer") }
	b.comesUp("genesys")
	b.pass(time.Second)
	for _, wait := range []time.Duration{2 * time.Minute, 5 * time.Second, 10 * time.Second} {
		b.pass(wait) // the end is tried
	}
	b.sinks["ops"].fail = nil
	b.goesDown("genesys")
	b.pass(time.Second)
	b.wants("raised destination-down")
	b.pass(10 * time.Minute)
	b.wants()
	b.comesUp("genesys")
	b.pass(time.Second)
	b.pass(2 * time.Minute)
	b.wants("resolved destination-down")
}

// If the new beginning is over before it was told as well, the sink still has to hear that the first one ended.
func TestEndIsToldIfWhatBeganAgainIsOverUntold(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	b.goesDown("genesys")
	b.pass(time.Second)
	b.wants("raised destination-down")
	b.sinks["ops"].fail = func(notify.Notice) error {
		return &notify.SendError{RetryAfter: 10 * time.Minute, Err: errors.New("too many requests")}
	}
	for range 2 {
		b.comesUp("genesys")
		b.pass(time.Second)
		b.pass(2 * time.Minute)
		b.goesDown("genesys")
		b.pass(time.Second)
	}
	b.comesUp("genesys")
	b.pass(time.Second)
	b.pass(2 * time.Minute)
	b.sinks["ops"].fail = nil
	b.pass(10 * time.Minute)
	b.wants("resolved destination-down")
	b.pass(time.Hour)
	b.wants()
}

// The day in which a sink is tried begins with the first try: the program may have been down before.
func TestAlertThatWasNeverTriedIsNotGivenUpAtOnce(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	b.goesDown("genesys")
	if err := b.watch.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sinks["ops"].fail = func(notify.Notice) error { return errors.New("no answer") }
	b.clock.Add(25 * time.Hour)
	b.restart()
	if err := b.sender.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sinks["ops"].fail = nil
	b.clock.Add(10 * time.Second)
	if err := b.sender.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.wants("raised destination-down")
}
