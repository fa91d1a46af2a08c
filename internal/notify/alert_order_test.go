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

// A clock that was ahead leaves times of the future behind, in memory and in the store. They count as past.
func TestClockThatWasAheadDelaysNothing(t *testing.T) {
	t.Parallel()
	t.Run("a look", func(t *testing.T) {
		t.Parallel()
		b := alerting(t)
		used := int64(1)
		b.readings.DiskUse = func() (notify.Use, error) { return notify.Use{Used: used, Of: 100}, nil }
		b.restart()
		b.pass(48 * time.Hour)
		used = 95
		b.pass(-48 * time.Hour)
		b.wants("raised disk-nearly-full")
	})
	for name, fault := range map[string]error{
		"a try":                     errors.New("no answer"),
		"a sink that asked to wait": &notify.SendError{RetryAfter: time.Hour, Err: errors.New("too many requests")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := alerting(t)
			b.sinks["ops"].fail = func(notify.Notice) error { return fault }
			b.clock.Add(12 * time.Hour)
			b.goesDown("genesys")
			b.pass(time.Second)
			b.sinks["ops"].fail = nil
			b.pass(-12 * time.Hour)
			b.wants("raised destination-down")
		})
	}
	t.Run("a quiet period that goes on", func(t *testing.T) {
		t.Parallel()
		b := alerting(t)
		hour := b.clock.Now().Hour()
		b.settings.Routes[0].Quiet.From = time.Duration((hour+23)%24) * time.Hour
		b.settings.Routes[0].Quiet.To = time.Duration((hour+3)%24) * time.Hour
		b.clock.Add(10 * time.Minute)
		b.goesDown("genesys")
		b.pass(time.Second)
		b.pass(-10 * time.Minute)
		b.wants()
		b.pass(4 * time.Hour)
		b.wants("raised destination-down", "raised breaker-open")
	})
	t.Run("a quiet period", func(t *testing.T) {
		t.Parallel()
		b := alerting(t)
		ahead := 12 * time.Hour
		at := b.clock.Now().Add(ahead).Hour()
		b.settings.Routes[0].Quiet.From = time.Duration(at) * time.Hour
		b.settings.Routes[0].Quiet.To = time.Duration((at+2)%24) * time.Hour
		b.clock.Add(ahead)
		b.goesDown("genesys")
		b.pass(time.Second)
		b.wants()
		b.pass(-ahead)
		b.wants("raised destination-down")
	})
}
