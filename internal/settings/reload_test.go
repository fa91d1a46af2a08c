package settings_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/settings"
)

// A reload changes everything or nothing: it is refused if the file cannot be read, if the program cannot run with it,
// and if its audit event cannot be written.
func TestReloadChangesEverythingOrNothing(t *testing.T) {
	t.Parallel()
	files := newFiles(t)
	first, second := files.load(t, "timeout: 5s"), files.load(t, "timeout: 4s")
	broken := errors.New("the disk is full")
	for name, c := range map[string]struct{ read, check, record error }{
		"faulty file":       {read: broken},
		"cannot run":        {check: broken},
		"cannot be audited": {record: broken},
		"applied":           {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var events []deadletter.Event
			applied := 0
			live, err := settings.NewLive(first, settings.LiveDeps{
				Deps: settings.Deps{
					Tracker: delivery.NewTracker(
						delivery.TrackerDeps{Policies: settings.Breakers(first), Now: time.Now},
					),
					MasksSince: func([]byte) (time.Time, error) { return time.Time{}, nil },
					Now:        time.Now,
					Log:        slog.New(slog.DiscardHandler),
				},
				Check: func(config.Config) error { return c.check },
				Record: func(_ context.Context, list ...deadletter.Event) error {
					events = append(events, list...)
					return c.record
				},
				Applied: func(context.Context) { applied++ },
			})
			if err != nil {
				t.Fatal(err)
			}
			before := live.Load()
			failed := errors.Join(c.read, c.check, c.record) != nil
			err = live.Reload(t.Context(), settings.BySignal, func() (config.Config, error) { return second, c.read })
			if (err != nil) != failed || failed && !errors.Is(err, broken) {
				t.Errorf("it returns %v", err)
			}
			timeout, status := live.Load().Config.Sources[0].Timeout, live.Status()
			last := events[len(events)-1]
			if failed {
				if live.Load() != before || applied != 0 || len(status.Fault) == 0 ||
					last.Action != "config.reload_refused" {
					t.Errorf(
						"%d times applied, timeout %s, status %+v, event %s",
						applied,
						timeout,
						status,
						last.Action,
					)
				}
				return
			}
			if timeout != 4*time.Second || applied != 1 || len(status.Fault) != 0 || last.Action != "config.reload" ||
				!strings.Contains(string(last.After), `"sources.orders.timeout":"4s"`) || last.Reason != "SIGHUP" {
				t.Errorf("%d times applied, timeout %s, status %+v, event %s", applied, timeout, status, last.After)
			}
		})
	}
}
