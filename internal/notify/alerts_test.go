package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/notify"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// bundle is what looks for alerts and sends them, on a real store.
type bundle struct {
	*testing.T
	store    *store.Store
	clock    *desktest.Clock
	desk     *desk.Desk
	watch    *notify.Watch
	sender   *notify.Sender
	settings config.Alerts
	readings notify.Readings
	health   map[string]delivery.DestinationHealth
	masks    *redact.Masks
	sinks    map[string]*recorder
}

// recorder is a sink that keeps what it was sent.
type recorder struct {
	mu   sync.Mutex
	got  []notify.Notice
	fail func(n notify.Notice) error
}

func (r *recorder) Send(_ context.Context, n notify.Notice) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		if err := r.fail(n); err != nil {
			return err
		}
	}
	r.got = append(r.got, n)
	return nil
}

// told returns what the sink was sent since it was last asked: "raised new-cause".
func (r *recorder) told() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.got {
		list = append(list, fmt.Sprintf("%s %s", n.Event, n.Alert.Kind))
	}
	r.got = nil
	return list
}

func alerting(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{
		T: t, store: desktest.NewStore(t), clock: desktest.NewClock(), health: map[string]delivery.DestinationHealth{},
		sinks: map[string]*recorder{"ops": {}},
	}
	b.settings = config.Alerts{
		Keep:   90 * 24 * time.Hour,
		Routes: []deadletter.AlertRoute{{Name: "all", To: []string{"ops"}, Severity: deadletter.SeverityInfo}},
		AlertThresholds: config.AlertThresholds{
			Growth: 300, GrowthFloor: 5, BreakerOpen: 15 * time.Minute, UpFor: 2 * time.Minute,
			ExpiresIn: 24 * time.Hour, Disk: 90, Spool: 80, Silence: time.Hour,
		},
	}
	b.readings = notify.Readings{
		Destinations: func() map[string]delivery.DestinationHealth { return b.health },
		ErrorText:    func(text string, at time.Time) string { return b.desk.ErrorText(text, at) },
		Ledger:       func() ledger.State { return ledger.State{At: b.clock.Now()} },
		Audit:        func() store.AuditResult { return store.AuditResult{At: b.clock.Now()} },
		Spools:       func(context.Context) ([]notify.Spool, error) { return nil, nil },
		Expiring:     func(context.Context) ([]notify.Expiring, error) { return nil, nil },
		SpoolUse:     func(context.Context) (notify.Use, error) { return notify.Use{}, nil },
		DiskUse:      func() (notify.Use, error) { return notify.Use{Used: 1, Of: 2}, nil },
		StartedAt:    b.clock.Now(),
		Sources:      func() []string { return []string{"genesys", "cxone"} },
	}
	b.masks = desktest.Masks("genesys", redact.Options{})
	b.desk = desk.New(desk.Deps{
		Store: b.store, Sources: desktest.Always([]desk.Source{}), Masks: func() *redact.Masks { return b.masks },
		Sinks: desktest.Always([]desk.AlertSink{{Name: "ops", Kind: "webhook"}}), Tell: func() {}, Now: b.clock.Now,
	})
	b.restart()
	return b
}

// restart begins anew, as after a restart of the program.
func (b *bundle) restart() {
	log := slog.New(slog.DiscardHandler)
	b.watch = notify.NewWatch(notify.WatchDeps{
		Store: b.store, Settings: func() config.Alerts { return b.settings }, Readings: b.readings, Kick: func() {},
		Now: b.clock.Now, Log: log,
	})
	b.sender = notify.NewSender(notify.SenderDeps{
		Store: b.store, Show: b.desk.ShownAlert, Desk: "https://desk.example.com", Name: "desk.example.com",
		Sink: func(name string) (notify.Sink, bool) {
			sink, ok := b.sinks[name]
			return sink, ok
		},
		Deliveries: b.Context(), Observe: func(string, deadletter.AlertDeliveryState) {}, Now: b.clock.Now, Log: log,
	})
}

// pass lets time pass, and looks and sends once.
func (b *bundle) pass(d time.Duration) {
	b.Helper()
	b.clock.Add(d)
	b.keepCauses()
	if err := b.watch.Once(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := b.sender.Once(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// wants fails unless ops was told exactly this since it was last asked.
func (b *bundle) wants(want ...string) {
	b.Helper()
	got := b.sinks["ops"].told()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		b.Fatalf("ops was told %q, want %q", got, want)
	}
}

// keepCauses changes the states of causes as the worker does.
func (b *bundle) keepCauses() {
	b.Helper()
	due, err := b.store.DueCauses(b.Context(), b.clock.Now(), 1000)
	if err != nil {
		b.Fatal(err)
	}
	b.write(func(ctx context.Context, tx *store.Tx) error {
		for _, c := range due {
			for {
				change, ok := c.Next(deadletter.CauseFacts{}, b.clock.Now())
				if !ok {
					if err := tx.ScheduleCause(ctx, c); err != nil {
						return err
					}
					break
				}
				if err := tx.ApplyCause(ctx, change); err != nil {
					return err
				}
				c = change.After
			}
		}
		return nil
	})
}

func (b *bundle) write(fn func(ctx context.Context, tx *store.Tx) error) {
	b.Helper()
	if err := b.store.Write(b.Context(), fn); err != nil {
		b.Fatal(err)
	}
}

// fails lets a message fail now. Messages with the same code have the same cause.
func (b *bundle) fails(id string, code int) deadletter.Message {
	b.Helper()
	return desktest.Receive(b.T, b.store, desktest.Failure(id, code, b.clock.Now()))
}

// archive puts messages away, so that nothing of their cause is open.
func (b *bundle) archive(ids ...deadletter.ID) {
	b.Helper()
	for _, id := range ids {
		m := desktest.Message(b.T, b.store, id)
		c, err := m.Archive(anna, "not needed", m.Version, b.clock.Now())
		if err != nil {
			b.Fatal(err)
		}
		b.write(func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, c) })
	}
}

var anna = deadletter.User("anna", deadletter.Admin, "192.0.2.7")

func (b *bundle) goesDown(source string) {
	b.health[source] = delivery.DestinationHealth{
		Latest:   deadletter.Attempt{Outcome: deadletter.Unreachable, Error: "connection refused"},
		LatestAt: b.clock.Now(), Failures: 5,
		Breaker: delivery.BreakerStatus{State: delivery.Open, Since: b.clock.Now()},
	}
}

func (b *bundle) comesUp(source string) {
	b.health[source] = delivery.DestinationHealth{
		Breaker: delivery.BreakerStatus{State: delivery.Closed, Since: b.clock.Now()},
	}
}

func TestNewCauseIsToldOnceAndItsEndToo(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	m := b.fails("a-1", 422)
	b.pass(time.Second)
	b.wants() // an outage may begin
	b.pass(2 * time.Second)
	n := b.sinks["ops"].got[0]
	b.wants("raised new-cause")
	if n.Alert.Title != "New cause in genesys: 422 The handler answered: field id is missing" ||
		n.Links[0].URL != "https://desk.example.com/causes/"+m.Fingerprint || n.Alert.Key != "cause:"+m.Fingerprint {
		t.Errorf("it was told %+v", n)
	}
	b.fails("a-2", 422)
	b.pass(time.Hour)
	b.restart()
	b.pass(time.Second)
	b.wants()
	b.archive("a-1", "a-2")
	b.pass(2 * time.Minute)
	b.wants("resolved new-cause")
	b.clock.Add(time.Second)
	b.fails("a-3", 422)
	b.pass(time.Second)
	b.wants("raised regressed-cause")
}

func TestOutageTellsOfItsCauses(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	for i := range 40 {
		b.fails(fmt.Sprintf("a-%d", i), 500+i)
	}
	b.pass(time.Second)
	b.goesDown("genesys")
	b.pass(time.Second)
	b.pass(time.Second)
	b.pass(10 * time.Second)
	b.wants("raised destination-down")
	b.fails("b-1", 422) // the destination answered this
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
	b.comesUp("genesys")
	b.pass(time.Second)
	b.goesDown("genesys") // it flaps
	b.pass(time.Second)
	b.comesUp("genesys")
	b.pass(time.Second)
	b.pass(time.Minute)
	b.wants()
	b.pass(time.Minute)
	b.wants("resolved destination-down")
	b.fails("a-40", 503) // of a cause of the outage: it goes on
	b.clock.Add(2 * time.Minute)
	b.fails("a-41", 503)
	b.pass(time.Second)
	b.wants("raised new-cause")
	page, err := b.desk.Alerts(t.Context(), anna, store.AlertQuery{Kind: deadletter.AlertDestination, Limit: 10})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("the desk has %v, %v", page, err)
	}
	whole, err := b.desk.Alert(t.Context(), anna, page.Items[0].ID)
	if err != nil || whole.CauseCount != 39 || len(whole.Causes) != deadletter.MaxAlertCauses || len(whole.Told) != 2 {
		t.Errorf("it has %d causes, %d with a title, for %v, %v", whole.CauseCount, len(whole.Causes), whole.Told, err)
	}
}

func TestManyCausesComeAsOneAlert(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	var ids []deadletter.ID
	for i := range 9 {
		ids = append(ids, b.fails(fmt.Sprintf("a-%d", i), 400+i).ID)
	}
	b.pass(3 * time.Second)
	got := b.sinks["ops"].got
	if len(got) != 1 || got[0].Alert.CauseCount != 9 || got[0].Alert.Title != "9 new causes in genesys" {
		t.Fatalf("told was %+v", got)
	}
	b.wants("raised new-cause")
	b.archive(ids[:8]...)
	b.pass(2 * time.Minute)
	b.wants()
	b.archive(ids[8])
	b.pass(2 * time.Minute)
	b.pass(time.Second) // the whole ends after its parts
	b.wants("resolved new-cause")
}

func TestMutedCauseIsQuietUntilItsMuteEnds(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	m := b.fails("a-1", 422)
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
	mute := func(order func(c deadletter.Cause) (deadletter.CauseChange, error)) {
		t.Helper()
		b.write(func(ctx context.Context, tx *store.Tx) error {
			c, err := tx.Cause(ctx, m.Fingerprint)
			if err != nil {
				return err
			}
			change, err := order(c)
			if err != nil {
				return err
			}
			return tx.ApplyCause(ctx, change)
		})
	}
	mute(func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.MuteUntil(anna, deadletter.Mute{Count: 2}, c.Version, b.clock.Now())
	})
	b.pass(time.Second)
	if got := b.sinks["ops"].got; len(got) != 1 || got[0].Alert.Resolution != "muted by anna" {
		t.Errorf("told was %+v", got)
	}
	b.wants("resolved new-cause")
	b.fails("a-2", 422)
	b.pass(time.Minute)
	b.wants()
	b.fails("a-3", 422)
	b.pass(time.Minute)
	b.wants("raised regressed-cause")
	mute(func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.MuteUntil(anna, deadletter.Mute{Count: 9}, c.Version, b.clock.Now())
	})
	b.pass(time.Second)
	b.wants("resolved regressed-cause")
	b.clock.Add(time.Second)
	mute(func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.Unmute(anna, c.Version, b.clock.Now())
	})
	b.pass(time.Second)
	b.wants() // who unmuted it knows
}

func TestAlertThatEndsInAQuietPeriodIsNotTold(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	at := b.clock.Now().Hour()
	b.settings.Routes[0].Quiet = deadletter.QuietPeriod{
		From: time.Duration(at) * time.Hour, To: time.Duration(at+8) * time.Hour, Except: deadletter.SeverityCritical,
	}
	b.fails("a-1", 422)
	b.fails("b-1", 400)
	b.pass(3 * time.Second)
	b.wants()
	b.archive("a-1")
	b.pass(2 * time.Minute)
	b.goesDown("cxone")
	b.pass(time.Second)
	b.wants("raised destination-down") // it is critical
	b.pass(8 * time.Hour)
	b.wants("raised new-cause", "raised breaker-open")
}

// What began while no route was there is not told when one is added, nor its end.
func TestAddedRouteTellsNothingOld(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	routes := b.settings.Routes
	b.settings.Routes = nil
	b.fails("a-1", 422)
	b.pass(3 * time.Second)
	b.settings.Routes = routes
	b.pass(time.Second)
	b.archive("a-1")
	b.pass(2 * time.Minute)
	b.wants()
	page, err := b.desk.Alerts(t.Context(), anna, store.AlertQuery{Limit: 10})
	if err != nil || len(page.Items) != 1 || len(page.Items[0].Told) > 0 {
		t.Errorf("the desk has %+v, %v", page.Items, err)
	}
}

// Each kind that is measured elsewhere is told when it begins and when it ends.
func TestEachStateIsToldWhenItBeginsAndEnds(t *testing.T) {
	t.Parallel()
	for kind, begin := range map[deadletter.AlertKind]func(r *notify.Readings, b *bundle){
		deadletter.AlertReconciliation: func(r *notify.Readings, b *bundle) {
			r.Ledger = func() ledger.State {
				return ledger.State{At: b.clock.Now(), Imbalances: []ledger.Imbalance{{Source: "genesys", Missing: 3}}}
			}
		},
		deadletter.AlertAudit: func(r *notify.Readings, b *bundle) {
			r.Audit = func() store.AuditResult {
				return store.AuditResult{At: b.clock.Now(), Fault: "event 7 was changed"}
			}
		},
		deadletter.AlertSpool: func(r *notify.Readings, b *bundle) {
			r.Spools = func(context.Context) ([]notify.Spool, error) {
				return []notify.Spool{{Queue: "orders", Waiting: 3, Since: b.clock.Now()}}, nil
			}
		},
		deadletter.AlertExpiring: func(r *notify.Readings, b *bundle) {
			r.Expiring = func(context.Context) ([]notify.Expiring, error) {
				return []notify.Expiring{{Queue: "orders", Messages: 2, At: b.clock.Now().Add(23 * time.Hour)}}, nil
			}
		},
		deadletter.AlertSpoolFull: func(r *notify.Readings, _ *bundle) {
			r.SpoolUse = func(context.Context) (notify.Use, error) { return notify.Use{Used: 80, Of: 100}, nil }
		},
		deadletter.AlertDisk: func(r *notify.Readings, _ *bundle) {
			r.DiskUse = func() (notify.Use, error) { return notify.Use{Used: 90, Of: 100}, nil }
		},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			b := alerting(t)
			usual, measured := b.readings, b.readings
			begin(&measured, b)
			b.readings = measured
			b.restart()
			b.pass(time.Second)
			b.pass(time.Minute)
			b.pass(time.Minute)
			b.wants("raised " + string(kind))
			b.readings = usual
			b.restart()
			b.pass(time.Second)
			b.wants()
			b.pass(time.Minute)
			b.wants("resolved " + string(kind))
		})
	}
}

// What cannot be measured now stays as it was.
func TestFailedMeasurementEndsNoAlert(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	usual := b.readings
	full := errors.New("the disk does not answer")
	b.readings.DiskUse = func() (notify.Use, error) { return notify.Use{Used: 95, Of: 100}, full }
	b.restart()
	if err := b.watch.Once(t.Context()); !errors.Is(err, full) {
		t.Errorf("the error is %v", err)
	}
	full = nil
	b.pass(10 * time.Second)
	b.wants("raised disk-nearly-full")
	full = errors.New("the disk does not answer")
	for range 30 {
		b.clock.Add(10 * time.Second)
		_ = b.watch.Once(t.Context())
	}
	b.readings = usual
	b.restart()
	b.pass(time.Second)
	b.wants()
}

func TestBreakerThatIsOpenTooLongIsTold(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	b.goesDown("genesys")
	b.pass(time.Second)
	b.wants("raised destination-down")
	b.pass(14 * time.Minute)
	b.comesUp("genesys")
	b.pass(time.Second)
	b.goesDown("genesys") // it closed for a moment
	b.pass(time.Minute)
	b.wants("raised breaker-open")
	b.comesUp("genesys")
	b.pass(time.Second)
	b.pass(2 * time.Minute)
	b.wants("resolved destination-down", "resolved breaker-open")
}

func TestSilentSourceIsTold(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	if err := b.store.BeginRun(t.Context(), "run", b.clock.Now()); err != nil {
		t.Fatal(err)
	}
	received := func(source string, at time.Time) {
		t.Helper()
		account := ledger.Account{Source: source, Hour: at.Truncate(time.Hour), Run: "run"}
		counts := map[ledger.Account]ledger.Counts{account: {Received: 1, Delivered: 1}}
		if err := b.store.SaveRun(t.Context(), "run", counts, false, at); err != nil {
			t.Fatal(err)
		}
	}
	for hour := range 26 {
		at := b.clock.Now().Add(-time.Duration(hour) * time.Hour)
		received("genesys", at)
		if hour%2 == 0 {
			received("cxone", at) // it does not always send
		}
	}
	b.pass(59 * time.Minute)
	b.wants()
	b.pass(30 * time.Minute)
	b.wants()
	b.pass(30 * time.Minute)
	b.wants("raised silent-source")
	b.pass(5 * time.Hour) // the hours before the silence are past
	b.pass(2 * time.Minute)
	b.wants()
	received("genesys", b.clock.Now())
	b.pass(time.Minute)
	b.pass(time.Minute)
	b.pass(time.Minute)
	b.wants("resolved silent-source")
}

func TestGrowingCauseIsTold(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	m := b.fails("a-0", 422)
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
	b.clock.Add(2 * time.Hour)
	grow := func(percent int) {
		b.write(func(ctx context.Context, tx *store.Tx) error { return tx.SetGrowth(ctx, m.Fingerprint, percent) })
	}
	for i := range 4 {
		b.fails(fmt.Sprintf("b-%d", i), 422)
	}
	grow(400)
	b.pass(10 * time.Second)
	b.wants() // below the floor
	b.fails("b-4", 422)
	b.fails("b-5", 422)
	b.pass(10 * time.Second)
	b.wants("raised growing-cause")
	grow(210) // it still grows
	b.pass(time.Minute)
	b.pass(time.Minute)
	b.wants()
	grow(0)
	b.pass(10 * time.Second)
	b.pass(time.Minute)
	b.wants("resolved growing-cause")
}

func TestSinkThatIsAwayIsTriedForADay(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	ids := map[string]int{}
	away := true
	b.sinks["ops"].fail = func(n notify.Notice) error {
		if ids[n.ID]++; away {
			return errors.New("no answer")
		}
		return nil
	}
	b.fails("a-1", 422)
	b.pass(3 * time.Second)
	for range 24 * 6 {
		b.pass(10 * time.Minute)
	}
	views, err := b.desk.Sinks(t.Context(), anna)
	if err != nil || len(views) != 1 || views[0].Waiting != 0 || views[0].GivenUp.Error != "no answer" {
		t.Fatalf("the desk shows %+v, %v", views, err)
	}
	if len(ids) != 1 || views[0].GivenUp.Tries < 140 {
		t.Errorf("it was tried %d times with the ids %v", views[0].GivenUp.Tries, ids)
	}
	away = false
	b.fails("b-1", 400)
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
}

// Once a sink that was away takes something, such as a test, it is told the rest without another wait.
func TestSinkThatIsBackIsToldTheRestAtOnce(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	away, refused := true, ""
	b.sinks["ops"].fail = func(n notify.Notice) error {
		if away || n.Alert.Cause == refused && refused != "" {
			return errors.New("no answer")
		}
		return nil
	}
	b.fails("a-1", 422)
	b.fails("b-1", 400)
	b.pass(3 * time.Second)
	b.fails("c-1", 409)
	b.pass(3 * time.Second)
	for range 12 {
		b.pass(10 * time.Minute)
	}
	b.wants()
	away = false
	if err := b.desk.TestSink(t.Context(), anna, "ops"); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Second)
	b.wants("test ", "raised new-cause", "raised new-cause", "raised new-cause")

	refused = b.fails("d-1", 418).Fingerprint // what it does not take by itself is not tried without end
	b.pass(3 * time.Second)
	b.fails("e-1", 410)
	b.pass(3 * time.Second)
	b.wants("raised new-cause")
	refused = ""
	b.pass(time.Minute)
	b.wants("raised new-cause")
}

// A sink that asks to wait is left alone so long, and what it refuses for good is not sent again.
func TestSinkIsObeyed(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	tries := 0
	fault := &notify.SendError{RetryAfter: 5 * time.Minute, Err: errors.New("too many requests")}
	b.sinks["ops"].fail = func(notify.Notice) error {
		tries++
		if fault == nil {
			return nil
		}
		return fault
	}
	b.fails("a-1", 422)
	b.fails("b-1", 400)
	b.pass(3 * time.Second)
	b.pass(4 * time.Minute)
	if tries != 1 {
		t.Errorf("it was tried %d times", tries)
	}
	fault = &notify.SendError{Permanent: true, Err: errors.New("no such channel")}
	b.pass(2 * time.Minute)
	b.pass(24 * time.Hour)
	if tries != 3 {
		t.Errorf("it was tried %d times", tries)
	}
}

func TestSinkThatIsNoLongerConfiguredIsGivenUp(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	ops := b.sinks["ops"]
	delete(b.sinks, "ops")
	b.fails("a-1", 422)
	b.pass(3 * time.Second)
	b.sinks["ops"] = ops
	b.pass(time.Hour)
	b.wants()
	state, err := b.store.SinkState(t.Context(), "ops")
	if err != nil || !strings.Contains(state.GivenUp.Error, "not configured") {
		t.Errorf("it is %+v, %v", state, err)
	}
}

func TestSinkIsTestedByWhoMay(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	viewer := deadletter.User("vera", deadletter.Viewer, "")
	if err := b.desk.TestSink(t.Context(), viewer, "ops"); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("a viewer gets %v", err)
	}
	if err := b.desk.TestSink(t.Context(), anna, "none"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("of another sink comes %v", err)
	}
	if err := b.desk.TestSink(t.Context(), anna, "ops"); err != nil {
		t.Fatal(err)
	}
	if err := b.desk.TestSink(t.Context(), anna, "ops"); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a second test at once gets %v", err)
	}
	b.pass(time.Second)
	if got := b.sinks["ops"].got; len(got) != 1 || got[0].Event != deadletter.AlertTest || got[0].ID == "" {
		t.Fatalf("it was sent %+v", got)
	}
	views, err := b.desk.Sinks(t.Context(), viewer)
	if err != nil || views[0].Test.State != deadletter.AlertSent || views[0].Denied == nil {
		t.Errorf("the desk shows %+v, %v", views, err)
	}
	events, err := b.store.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Action: "alert.test"}, Limit: 10,
	})
	if err != nil || len(events.Items) != 1 || events.Items[0].Target != "ops" || events.Items[0].By != "anna" {
		t.Errorf("the trail has %+v, %v", events.Items, err)
	}
	b.sinks["ops"].fail = func(notify.Notice) error { return errors.New("no answer") }
	if err := b.desk.TestSink(t.Context(), anna, "ops"); err != nil {
		t.Fatal(err)
	}
	b.pass(time.Second)
	if views, err = b.desk.Sinks(t.Context(), viewer); err != nil || views[0].Test.Error != "no answer" {
		t.Errorf("a test that fails is shown as %+v, %v", views[0].Test, err)
	}
}

// What an alert tells is masked by the masks of the time when it is sent, and so is what the desk shows of it.
func TestAlertIsMaskedWhenItIsSent(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	c := desktest.Failure("a-1", 422, b.clock.Now())
	c.Body, c.Reason = []byte(`{"ssn":"078-05-1120"}`), "no customer has the ssn 078-05-1120"
	c.FirstAttempt.Error = c.Reason
	desktest.Receive(t, b.store, c)
	b.goesDown("cxone")
	b.health["cxone"] = func(h delivery.DestinationHealth) delivery.DestinationHealth {
		h.Latest.Error = "078-05-1120 is unknown"
		return h
	}(b.health["cxone"])
	b.sinks["ops"].fail = func(notify.Notice) error { return errors.New("no answer") }
	b.pass(3 * time.Second)
	ssn, err := payload.ParsePath("$.ssn")
	if err != nil {
		t.Fatal(err)
	}
	masks := desktest.Masks("genesys", redact.Options{Paths: []payload.Path{ssn}})
	b.masks = masks.InForceSince(b.clock.Now().Add(time.Second))
	b.sinks["ops"].fail = nil
	b.pass(time.Minute)
	got := b.sinks["ops"].got
	page, err := b.desk.Alerts(t.Context(), anna, store.AlertQuery{Limit: 10})
	if err != nil || len(got) != 2 || len(page.Items) != 2 {
		t.Fatalf("told was %+v; the desk has %+v, %v", got, page.Items, err)
	}
	if text := fmt.Sprintf("%+v %+v", got, page.Items); strings.Contains(text, "078-05-1120") ||
		!strings.Contains(text, "no customer has the ssn") {
		t.Errorf("it tells %s", text)
	}
}

// Stop waits for what is under way, starts nothing more, and cuts off what takes too long: that is told later.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cutOff bool
		want   deadletter.AlertDeliveryState
	}{"it finishes": {false, deadletter.AlertSent}, "it is cut off": {true, deadletter.AlertWaiting}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := alerting(t)
			deliveries, cutOff := context.WithCancel(t.Context())
			slow := &slowSink{begun: make(chan struct{}, 10), end: make(chan struct{})}
			sender := notify.NewSender(notify.SenderDeps{
				Store: b.store, Show: b.desk.ShownAlert, Name: "desk", Deliveries: deliveries, Now: b.clock.Now,
				Sink:    func(string) (notify.Sink, bool) { return slow, true },
				Observe: func(string, deadletter.AlertDeliveryState) {}, Log: slog.New(slog.DiscardHandler),
			})
			b.fails("a-1", 422)
			b.fails("b-1", 400)
			b.clock.Add(3 * time.Second)
			if err := b.watch.Once(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- sender.Run(ctx) }()
			<-slow.begun
			stop()
			select {
			case err := <-ended:
				t.Fatalf("it does not wait for what is under way: %v", err)
			default:
			}
			if c.cutOff {
				cutOff()
			} else {
				close(slow.end)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
			cutOff()
			if len(slow.begun) > 0 {
				t.Error("it began something more")
			}
			told, err := b.store.AlertDeliveries(t.Context(), []deadletter.AlertID{1})
			if err != nil || told[1][0].State != c.want || told[1][0].Lease != "" {
				t.Errorf("it is %+v, %v", told, err)
			}
		})
	}
}

// slowSink is a sink that takes until end is closed.
type slowSink struct{ begun, end chan struct{} }

func (s *slowSink) Send(ctx context.Context, _ notify.Notice) error {
	s.begun <- struct{}{}
	select {
	case <-s.end:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestJobsAreToldWhenTheyHaltAndAreDone(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	var job deadletter.Job
	apply := func(change func() (deadletter.JobChange, error)) {
		t.Helper()
		b.write(func(ctx context.Context, tx *store.Tx) error {
			c, err := change()
			if err != nil {
				return err
			}
			err = tx.ApplyJob(ctx, c)
			job = c.After
			return err
		})
	}
	draft, err := deadletter.NewJob(anna, deadletter.ActArchive, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	b.write(func(ctx context.Context, tx *store.Tx) (err error) {
		job, err = tx.AddJob(ctx, draft)
		return err
	})
	job.Items.Pending = 1
	apply(func() (deadletter.JobChange, error) {
		return job.Start(anna, deadletter.JobInput{Reason: "not needed"}, b.clock.Now())
	})
	b.pass(time.Second)
	b.wants()
	apply(func() (deadletter.JobChange, error) { return job.Pause(anna, b.clock.Now()) })
	b.pass(time.Second)
	b.wants() // a person did it
	resume := func() (deadletter.JobChange, error) { return job.Resume(anna, "", b.clock.Now()) }
	apply(resume)
	for range 2 {
		apply(func() (deadletter.JobChange, error) { return job.PauseBySystem("too many fail", b.clock.Now()) })
		b.pass(time.Second)
		got := b.sinks["ops"].got
		if len(got) != 1 || got[0].Alert.Text != "too many fail" || got[0].Alert.Job != job.ID {
			t.Errorf("told was %+v", got)
		}
		b.wants("raised job-halted")
		apply(resume)
		b.pass(time.Second)
		b.wants("resolved job-halted")
	}
	job.Items = deadletter.JobItems{Done: 1}
	apply(func() (deadletter.JobChange, error) {
		c, _, err := job.Finish(b.clock.Now())
		return c, err
	})
	b.pass(time.Second)
	b.wants("raised job-done")
	b.restart()
	b.pass(time.Minute)
	b.wants()
}

// Once an hour, what ended longer ago than configured is deleted, and the rest stays.
func TestOldAlertsAreDeletedOnceAnHour(t *testing.T) {
	t.Parallel()
	b := alerting(t)
	b.settings.Keep = 48 * time.Hour
	b.pass(time.Second)
	ends := func(source string) {
		b.goesDown(source)
		b.pass(time.Second)
		b.comesUp(source)
		b.pass(time.Second)
		b.pass(2 * time.Minute)
	}
	ends("genesys")
	ends("cxone")
	left := func() (sources []string) {
		b.Helper()
		list, err := b.store.Alerts(b.Context(), store.AlertQuery{Limit: 10})
		if err != nil {
			b.Fatal(err)
		}
		for _, a := range list.Items {
			sources = append(sources, a.Source())
		}
		return sources
	}
	b.pass(47 * time.Hour)
	b.pass(58 * time.Minute) // the first ended 48 hours ago, the look was less than an hour ago
	if got := left(); len(got) != 2 {
		b.Errorf("left are %q", got)
	}
	b.pass(2 * time.Minute)
	b.pass(time.Hour)
	if got := left(); !slices.Equal(got, []string{"cxone"}) { // the latest that ops was told
		b.Errorf("left are %q", got)
	}
}
