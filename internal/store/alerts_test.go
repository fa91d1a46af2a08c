package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// down is an alert that the destination of a source is down.
func down(source string) deadletter.Alert {
	return deadletter.Alert{
		Kind: deadletter.AlertDestination, Key: "destination:" + source, Severity: deadletter.SeverityCritical,
		Sources: []string{source}, Title: "The destination of " + source + " is down", Text: "connection refused",
		Facts: []deadletter.AlertFact{{Label: "Failed in a row", Value: "5"}}, RaisedAt: start,
	}
}

// at returns that sinks are told at once.
func atOnce(sinks ...string) map[string]time.Time {
	due := map[string]time.Time{}
	for _, sink := range sinks {
		due[sink] = start
	}
	return due
}

func raiseAlert(
	t *testing.T, s *store.Store, a deadletter.Alert, due map[string]time.Time,
) (raised deadletter.Alert) {
	t.Helper()
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		raised, err = tx.RaiseAlert(ctx, a, due)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return raised
}

func resolveAlert(t *testing.T, s *store.Store, a deadletter.Alert, after time.Duration) {
	t.Helper()
	a.ResolvedAt, a.Resolution = start.Add(after), "it is over"
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.ResolveAlert(ctx, a, false, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// told describes what sinks are told of an alert: "ops raised sent".
func told(t *testing.T, s *store.Store, id deadletter.AlertID) string {
	t.Helper()
	all, err := s.AlertDeliveries(t.Context(), []deadletter.AlertID{id})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, d := range all[id] {
		list = append(list, fmt.Sprintf("%s %s %s", d.Sink, d.Event, d.State))
	}
	return strings.Join(list, ", ")
}

// claim begins a try of what a sink is told next.
func claim(t *testing.T, s *store.Store, sink string, at time.Time) deadletter.AlertDelivery {
	t.Helper()
	d, err := s.DueAlertDelivery(t.Context(), sink, at)
	if err != nil {
		t.Fatal(err)
	}
	next := d.Begin("lease "+at.String(), at)
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.WriteAlertDelivery(ctx, d, next)
	})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func endTry(
	t *testing.T, s *store.Store, d deadletter.AlertDelivery, fault string, at time.Time,
) (deadletter.AlertDelivery, error) {
	t.Helper()
	var next deadletter.AlertDelivery
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		next, err = tx.EndAlertTry(ctx, d, deadletter.AlertResult{Error: fault}, at)
		return err
	})
	return next, err
}

func TestAlertIsStoredOnceWhileItIsOpen(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	first := raiseAlert(t, s, down("genesys"), atOnce("ops", "oncall"))
	if again := raiseAlert(t, s, down("genesys"), atOnce("ops")); again.ID != 0 {
		t.Errorf("it is stored twice, as %d and %d", first.ID, again.ID)
	}
	got, err := s.Alert(t.Context(), first.ID)
	if want := first; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("stored is\n%v, %v, want\n%v", got, err, want)
	}
	resolveAlert(t, s, first, time.Minute)
	if next := raiseAlert(t, s, down("genesys"), nil); next.ID == 0 || next.ID == first.ID {
		t.Errorf("after its end it cannot begin again: %d", next.ID)
	}
}

// What a sink is told of the end of an alert, by what it was told of its beginning.
func TestEndOfAnAlertIsToldToWhomWasToldOfIt(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	a := raiseAlert(t, s, down("genesys"), map[string]time.Time{
		"sent": start, "failing": start, "under-way": start, "quiet": start.Add(8 * time.Hour),
	})
	if _, err := endTry(t, s, claim(t, s, "sent", start), "", start); err != nil {
		t.Fatal(err)
	}
	if _, err := endTry(t, s, claim(t, s, "failing", start), "no answer", start); err != nil {
		t.Fatal(err)
	}
	underWay := claim(t, s, "under-way", start)
	resolveAlert(t, s, a, time.Minute)
	resolveAlert(t, s, a, time.Hour) // it changes nothing
	got := strings.Split(told(t, s, a.ID), ", ")
	slices.Sort(got)
	want := []string{
		"failing raised dropped", "failing resolved waiting", "quiet raised dropped", "sent raised sent",
		"sent resolved waiting", "under-way raised waiting", "under-way resolved waiting",
	}
	if !slices.Equal(got, want) {
		t.Errorf("it is told\n%q, want\n%q", got, want)
	}
	// The end waits for the try under way, whose failure is not tried again.
	if d, err := s.DueAlertDelivery(t.Context(), "under-way", start.Add(20*time.Second)); err == nil {
		t.Errorf("while a try is under way %s of it is told", d.Event)
	}
	if d, err := endTry(t, s, underWay, "no answer", start); err != nil || d.State != deadletter.AlertDropped {
		t.Errorf("the late beginning is %s, %v", d.State, err)
	}
	d, err := s.DueAlertDelivery(t.Context(), "under-way", start.Add(time.Minute))
	if err != nil || d.Event != deadletter.AlertResolved {
		t.Errorf("then %s is told, %v", d.Event, err)
	}
}

// A try whose lease has ended cannot write what came of it, because another one may be under way.
func TestTriesOfAlertsHaveLeases(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	raiseAlert(t, s, down("genesys"), atOnce("ops"))
	first := claim(t, s, "ops", start)
	if d, err := s.DueAlertDelivery(t.Context(), "ops", start.Add(deadletter.AlertLease-time.Second)); err == nil {
		t.Errorf("under its lease it is due again: %v", d)
	}
	later := start.Add(deadletter.AlertLease)
	second := claim(t, s, "ops", later)
	if second.Notice != first.Notice || second.Tries != 2 {
		t.Errorf("the second try has the id %s and not %s, tries %d", second.Notice, first.Notice, second.Tries)
	}
	if _, err := endTry(t, s, first, "", later); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("the first try ends with %v", err)
	}
	if d, err := endTry(t, s, second, "", later); err != nil || d.State != deadletter.AlertSent {
		t.Errorf("the second try ends %s, %v", d.State, err)
	}
}

// A process that was killed leaves leases: the next one does not wait for their end, nor for times far ahead that a
// clock left which was set back.
func TestLeasesOfADeadProcessEndAtOnce(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	raiseAlert(t, s, down("genesys"), map[string]time.Time{
		"ops": start, "far": start.AddDate(0, 1, 0), "quiet": start.Add(9 * time.Hour),
	})
	claim(t, s, "ops", start)
	if err := s.ReleaseAlerts(t.Context(), start.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	sinks, err := s.DueSinks(t.Context(), start.Add(time.Second))
	if err != nil || !slices.Equal(sinks, []string{"far", "ops"}) {
		t.Errorf("due are %q, %v", sinks, err)
	}
}

func TestAlertsArePagedAndFiltered(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	genesys := raiseAlert(t, s, down("genesys"), atOnce("ops"))
	cxone := raiseAlert(t, s, down("cxone"), atOnce("oncall"))
	disk := raiseAlert(t, s, deadletter.Alert{Kind: deadletter.AlertDisk, Key: "disk", RaisedAt: start}, nil)
	part := down("genesys")
	part.Kind, part.Key, part.PartOf, part.Cause = deadletter.AlertNewCause, "cause:1", genesys.ID, "1"
	part = raiseAlert(t, s, part, nil)
	resolveAlert(t, s, cxone, time.Minute)
	job := deadletter.Alert{
		Kind:       deadletter.AlertJobDone,
		Key:        "job:1",
		RaisedAt:   start,
		ResolvedAt: start,
		Sources:    []string{"aws", "cxone"},
	}
	job = raiseAlert(t, s, job, nil)
	for name, c := range map[string]struct {
		query store.AlertQuery
		want  []deadletter.Alert
	}{
		"all":             {store.AlertQuery{}, []deadletter.Alert{job, disk, cxone, genesys}},
		"open":            {store.AlertQuery{Open: true}, []deadletter.Alert{disk, genesys}},
		"kind":            {store.AlertQuery{Kind: deadletter.AlertDestination}, []deadletter.Alert{cxone, genesys}},
		"source":          {store.AlertQuery{Source: "genesys"}, []deadletter.Alert{genesys}},
		"sink":            {store.AlertQuery{Sink: "oncall"}, []deadletter.Alert{cxone}},
		"sink and source": {store.AlertQuery{Sink: "oncall", Source: "genesys"}, nil},
		"parts":           {store.AlertQuery{PartOf: genesys.ID}, []deadletter.Alert{part}},
		"a token's":       {store.AlertQuery{Sources: "cxone"}, []deadletter.Alert{cxone}},
		"of two sources":  {store.AlertQuery{Sources: "cxone,genesys"}, []deadletter.Alert{cxone, genesys}},
		"of all sources":  {store.AlertQuery{Sources: "aws,cxone,genesys"}, []deadletter.Alert{job, cxone, genesys}},
		"of these, open":  {store.AlertQuery{Sources: "cxone,genesys", Open: true}, []deadletter.Alert{genesys}},
		"of these, parts": {store.AlertQuery{Sources: "genesys", PartOf: genesys.ID}, []deadletter.Alert{part}},
		"others' parts":   {store.AlertQuery{Sources: "cxone", PartOf: genesys.ID}, nil},
		"of these, sink":  {store.AlertQuery{Sources: "cxone,genesys", Sink: "ops"}, []deadletter.Alert{genesys}},
		"one of these":    {store.AlertQuery{Sources: "aws,cxone", Source: "cxone"}, []deadletter.Alert{job, cxone}},
		"another source":  {store.AlertQuery{Sources: "cxone", Source: "genesys"}, nil},
		"open, by kind":   {store.AlertQuery{Open: true, Kind: deadletter.AlertDisk}, []deadletter.Alert{disk}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got, want []deadletter.AlertID
			for _, a := range c.want {
				want = append(want, a.ID)
			}
			for c.query.Limit = 1; ; {
				page, err := s.Alerts(t.Context(), c.query)
				if err != nil {
					t.Fatal(err)
				}
				for _, a := range page.Items {
					got = append(got, a.ID)
				}
				if c.query.Cursor = page.Older; c.query.Cursor == "" {
					break
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("found %v, want %v", got, want)
			}
		})
	}
}

// News are causes whose state began after people were told, with the latest alert about each.
func TestCauseNewsEndWhenTheyAreTold(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	m := desktest.Receive(t, s, failure("a-1", 422, start))
	news := func() []deadletter.CauseNews {
		t.Helper()
		list, err := s.CauseNews(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	first := news()
	if len(first) != 1 || first[0].Fingerprint != m.Fingerprint || first[0].Told.ID != 0 {
		t.Fatalf("the news are %v", first)
	}
	a := deadletter.Alert{Kind: deadletter.AlertNewCause, Key: "cause:1", Cause: m.Fingerprint, RaisedAt: start}
	a = raiseAlert(t, s, a, nil)
	tell := func(c deadletter.Cause) {
		t.Helper()
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.TellCause(ctx, c.Fingerprint, c.StateAt)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	tell(first[0].Cause)
	if again := news(); len(again) > 0 {
		t.Errorf("after it was told there is %v", again)
	}
	change := func(order func(c deadletter.Cause) (deadletter.CauseChange, error)) {
		t.Helper()
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			c, err := tx.Cause(ctx, m.Fingerprint)
			if err != nil {
				return err
			}
			changed, err := order(c)
			if err != nil {
				return err
			}
			return tx.ApplyCause(ctx, changed)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.MuteUntil(anna, deadletter.Mute{Count: 5}, c.Version, start.Add(time.Minute))
	})
	if muted := news(); len(muted) > 0 {
		t.Errorf("a muted cause is news: %v", muted)
	}
	open, err := s.OpenCauseAlerts(t.Context(), 0, 10)
	if err != nil || len(open) != 1 || open[0].Cause == nil || open[0].Cause.State != deadletter.CauseMuted {
		t.Fatalf("open are %+v, %v", open, err)
	}
	a.ResolvedAt, a.Resolution = start.Add(time.Minute), "muted by anna"
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.ResolveAlert(ctx, a, true, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	change(func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.Unmute(anna, c.Version, start.Add(2*time.Minute))
	})
	if list := news(); len(list) != 1 || list[0].Told.ID != a.ID || !list[0].Muted {
		t.Errorf("after its mute the news are %+v", list)
	}
}

// An actor who is limited to some sources reads the alerts of these alone, and no more than fit the page.
func TestAlertsOfSomeSourcesAreReadByTheirIndex(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for name, q := range map[string]store.AlertQuery{
		"one": {Sources: "genesys"}, "three": {Sources: "aws,cxone,genesys"},
		"a kind":     {Sources: "aws,cxone", Kind: deadletter.AlertJobDone},
		"a sink":     {Sources: "aws,cxone", Sink: "ops"},
		"one of two": {Sources: "aws,cxone", Source: "cxone"},
	} {
		query, args := q.SQL()
		plan, err := planOf(t, db, query, args)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(plan, "\n")
		if !strings.Contains(got, "SEARCH alert_sources USING PRIMARY KEY (source=?)") ||
			strings.Contains(got, "SCAN ") || strings.Contains(got, "TEMP B-TREE") {
			t.Errorf("%s: %s\nis done by\n%s", name, query, got)
		}
	}
}

func TestAlertQueriesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	useIndexes(t, path, map[string]string{
		store.UntoldCauses:       "SEARCH causes USING INDEX causes_untold (source=?)",
		store.UntoldSources:      "SEARCH causes USING INDEX causes_untold (source>?)",
		store.DropEnds:           "SEARCH alert_deliveries USING INDEX alert_deliveries_topic (sink=? AND topic=?)",
		store.SupersedeEnds:      "SEARCH alert_deliveries USING INDEX alert_deliveries_topic (sink=? AND topic=?)",
		store.ToldCauses:         "SEARCH alerts USING INDEX alerts_cause (cause=?)",
		store.GrowingCauses:      "SEARCH causes USING INDEX causes_growth (growth>?)",
		store.HaltedJobs:         "SCAN j USING INDEX jobs_halted",
		store.HaltedAmong:        "SEARCH j USING INTEGER PRIMARY KEY (rowid=?)",
		store.UntoldJobs:         "SCAN j USING INDEX jobs_untold",
		store.HoursReceived:      "SEARCH ledger USING PRIMARY KEY (hour>? AND hour<?)",
		store.LatestReceived:     "SEARCH ledger USING PRIMARY KEY (hour>?)",
		store.OpenStateAlerts:    "SCAN a USING INDEX alerts_open_states",
		store.OpenCauseAlerts:    "SEARCH a USING INDEX alerts_open_causes (id>?)",
		store.OpenGrowingGroups:  "SCAN a USING INDEX alerts_open_states",
		store.AlertsOfCause:      "SEARCH a USING INDEX alerts_cause (cause=?)",
		store.PartsOfAlert:       "SEARCH a USING INDEX alerts_parts (part_of=?)",
		store.DeliveriesOfAlert:  "SEARCH d USING INDEX alert_deliveries_alert (alert=?)",
		store.DeliveriesOfAlerts: "SEARCH d USING INDEX alert_deliveries_alert (alert=?)",
		store.DueAlertDelivery:   "SEARCH d USING INDEX alert_deliveries_due (sink=? AND due_at<?)",
		store.DueSinks:           "SCAN alert_deliveries USING COVERING INDEX alert_deliveries_due",
		store.LatestOfSink:       "SEARCH d USING INDEX alert_deliveries_sink (sink=? AND state=? AND tried_at>?)",
		store.WaitingOfSink:      "SEARCH alert_deliveries USING COVERING INDEX alert_deliveries_due (sink=?)",
		store.RetryOfSink:        "USING INDEX alert_deliveries_due (sink=? AND due_at>?)",
		store.SetAlertsBack:      "SCAN alert_deliveries USING INDEX alert_deliveries_due",
		store.LatestTest:         "SEARCH d USING INDEX alert_deliveries_tests (sink=?)",
		store.CountAlerts:        "SCAN alerts USING INDEX alerts_open_whole",
	}, "messages", "ledger")
}
