package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// prune deletes what ended before a time, in as many steps as it takes.
func prune(t *testing.T, s *store.Store, before time.Time) (steps int) {
	t.Helper()
	var at store.EndedAlert
	for more := true; more; steps++ {
		var err error
		if at, more, err = s.PruneAlerts(t.Context(), before, at); err != nil {
			t.Fatal(err)
		}
	}
	return steps
}

// alertRows counts the rows of alerts, of their sources and deliveries.
func alertRows(t *testing.T, path string) (counts [3]int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for i, table := range []string{"alerts", "alert_sources", "alert_deliveries"} {
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&counts[i]); err != nil {
			t.Fatal(err)
		}
	}
	return counts
}

// sendAll lets a sink take what is due.
func sendAll(t *testing.T, s *store.Store, sink string, at time.Time) {
	t.Helper()
	for {
		if _, err := s.DueAlertDelivery(t.Context(), sink, at); err != nil {
			return
		}
		if _, err := endTry(t, s, claim(t, s, sink, at), "", at); err != nil {
			t.Fatal(err)
		}
	}
}

// An alert is deleted once it is over for long enough, unless something still depends on it.
func TestOldAlertsAreDeleted(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	// ended is an alert of genesys that the sink took, and its end, followed by another one that the sink took.
	ended := func(t *testing.T, s *store.Store) deadletter.Alert {
		t.Helper()
		a := raiseAlert(t, s, down("genesys"), atOnce("ops"))
		sendAll(t, s, "ops", start)
		resolveAlert(t, s, a, time.Hour)
		sendAll(t, s, "ops", start.Add(time.Hour))
		raiseAlert(t, s, down("cxone"), atOnce("ops"))
		sendAll(t, s, "ops", start.Add(2*time.Hour))
		return a
	}
	for name, c := range map[string]struct {
		before time.Duration
		make   func(t *testing.T, s *store.Store) deadletter.Alert
		gone   bool
	}{
		"over for long enough": {2 * time.Hour, ended, true},
		"over for less":        {time.Hour, ended, false},
		"open": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			return raiseAlert(t, s, down("genesys"), nil)
		}, false},
		"its end waits": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			a := raiseAlert(t, s, down("genesys"), atOnce("ops"))
			sendAll(t, s, "ops", start)
			resolveAlert(t, s, a, time.Hour)
			return a
		}, false},
		"the same began again and waits": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			a := ended(t, s)
			raiseAlert(t, s, down("genesys"), atOnce("ops"))
			return a
		}, false},
		"the same began again and was told": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			a := ended(t, s)
			raiseAlert(t, s, down("genesys"), atOnce("ops"))
			sendAll(t, s, "ops", start.Add(3*time.Hour))
			return a
		}, true},
		"the latest that its sink took": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			a := raiseAlert(t, s, down("genesys"), atOnce("ops"))
			sendAll(t, s, "ops", start)
			resolveAlert(t, s, a, time.Hour)
			sendAll(t, s, "ops", start.Add(time.Hour))
			return a
		}, false},
		"it has an open part": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			a := ended(t, s)
			raisePart(t, s, a, "1")
			return a
		}, false},
		"it has parts that are over": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			a := ended(t, s)
			for i := range store.PruneBatch + 1 {
				resolveAlert(t, s, raisePart(t, s, a, fmt.Sprint(i)), time.Hour)
			}
			return a
		}, true},
		"it is part of an open one": {day, func(t *testing.T, s *store.Store) deadletter.Alert {
			t.Helper()
			part := raisePart(t, s, raiseAlert(t, s, down("genesys"), nil), "1")
			resolveAlert(t, s, part, time.Hour)
			return part
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, path := setup(t)
			a := c.make(t, s)
			before := alertRows(t, path)
			prune(t, s, start.Add(c.before))
			_, err := s.Alert(t.Context(), a.ID)
			if gone := deadletter.KindOf(err) == deadletter.NotFound; gone != c.gone || !gone && err != nil {
				t.Errorf("gone %t, %v", gone, err)
			}
			after := alertRows(t, path)
			if !c.gone && after != before {
				t.Errorf("rows are %v, were %v", after, before)
			}
			if told := told(t, s, a.ID); c.gone && (told != "" || after[0] != after[1]) {
				t.Errorf("left are %q, and %v", told, after)
			}
		})
	}
}

func raisePart(t *testing.T, s *store.Store, whole deadletter.Alert, cause string) deadletter.Alert {
	t.Helper()
	return raiseAlert(t, s, deadletter.Alert{
		Kind: deadletter.AlertNewCause, Key: "cause:" + cause, Cause: cause, PartOf: whole.ID, RaisedAt: start,
		Sources: whole.Sources,
	}, nil)
}

// A step is small, and goes on where the one before ended, past what stays.
func TestOldAlertsAreDeletedInSmallSteps(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	const n = 2*store.PruneBatch + 10
	for i := range n {
		a := down(fmt.Sprintf("s-%d", i))
		var due map[string]time.Time
		if i < store.PruneBatch+5 { // these stay: their ends wait
			due = atOnce("away")
		}
		a = raiseAlert(t, s, a, due)
		if due != nil {
			if _, err := endTry(t, s, claim(t, s, "away", start), "no answer", start); err != nil {
				t.Fatal(err)
			}
		}
		resolveAlert(t, s, a, time.Minute)
	}
	if steps := prune(t, s, start.Add(time.Hour)); steps != 3 {
		t.Errorf("%d steps", steps)
	}
	if rows := alertRows(t, path); rows[0] != store.PruneBatch+5 {
		t.Errorf("%d alerts are left", rows[0])
	}
}

// What ended by a mute says whether the end of the mute is news: it stays until that is told.
func TestMutedAlertStaysUntilTheEndOfItsMuteIsTold(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	m := desktest.Receive(t, s, failure("a-1", 422, start))
	a := raiseAlert(t, s, deadletter.Alert{
		Kind: deadletter.AlertNewCause, Key: "cause:1", Cause: m.Fingerprint, RaisedAt: start,
	}, nil)
	cause := func(fn func(ctx context.Context, tx *store.Tx, c deadletter.Cause) error) {
		t.Helper()
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			c, err := tx.Cause(ctx, m.Fingerprint)
			if err != nil {
				return err
			}
			return fn(ctx, tx, c)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	tell := func(ctx context.Context, tx *store.Tx, c deadletter.Cause) error {
		return tx.TellCause(ctx, c.Fingerprint, c.StateAt)
	}
	stays := func(when string, want bool) {
		t.Helper()
		prune(t, s, start.AddDate(1, 0, 0))
		if _, err := s.Alert(t.Context(), a.ID); (err == nil) != want {
			t.Errorf("%s: %v", when, err)
		}
	}
	cause(tell)
	cause(func(ctx context.Context, tx *store.Tx, c deadletter.Cause) error {
		changed, err := c.MuteUntil(anna, deadletter.Mute{Count: 5}, c.Version, start.Add(time.Minute))
		if err != nil {
			return err
		}
		if err := tx.ApplyCause(ctx, changed); err != nil {
			return err
		}
		a.ResolvedAt = start.Add(time.Minute)
		return tx.ResolveAlert(ctx, a, true, nil)
	})
	stays("while it is muted", true)
	cause(func(ctx context.Context, tx *store.Tx, c deadletter.Cause) error {
		changed, err := c.Unmute(anna, c.Version, start.Add(2*time.Minute))
		if err != nil {
			return err
		}
		return tx.ApplyCause(ctx, changed)
	})
	stays("before its end is told", true)
	cause(tell)
	stays("after its end was told", false)
}

// Old tests of a sink are deleted but for the latest, which the list of sinks shows.
func TestOldTestsOfSinksAreDeleted(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	for i := range 4 {
		at := start.Add(time.Duration(i) * time.Minute)
		test := deadletter.NewAlertDelivery(0, "ops", deadletter.AlertTest, at, at)
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.AddAlertDelivery(ctx, test)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		fault := ""
		if i == 3 {
			fault = "no answer"
		}
		if _, err := endTry(t, s, claim(t, s, "ops", at), fault, at); err != nil {
			t.Fatal(err)
		}
	}
	before, err := s.SinkState(t.Context(), "ops")
	if err != nil {
		t.Fatal(err)
	}
	prune(t, s, start.AddDate(1, 0, 0))
	after, err := s.SinkState(t.Context(), "ops")
	if err != nil || after != before || after.Test.State != deadletter.AlertGivenUp || after.Sent.ID == 0 {
		t.Errorf("the sink is\n%+v, was\n%+v, %v", after, before, err)
	}
	if rows := alertRows(t, path); rows[2] != 2 {
		t.Errorf("%d tests are left", rows[2])
	}
}

// The check of foreign keys is no scan either.
func TestDeletingAnAlertScansNoTable(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	useIndexes(t, path, map[string]string{
		store.EndedAlerts:        "SEARCH a USING INDEX alerts_ended (resolved_at>? AND resolved_at<?)",
		store.PrunableAlerts:     "SEARCH x USING INDEX alerts_parts (part_of=?)",
		store.PartsOfAlerts:      "SEARCH p USING COVERING INDEX alerts_parts (part_of=?)",
		store.PrunableTests:      "SCAN d USING INDEX alert_deliveries_tests",
		store.DeleteAlertSources: "SEARCH alert_sources USING COVERING INDEX alert_sources_alert (alert=?)",
	}, "alerts", "alert_deliveries", "alert_sources", "x", "w", "l", "causes")
	db, err := sql.Open("sqlite", path+"?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	program, err := db.QueryContext(t.Context(), "EXPLAIN "+store.DeleteAlerts, "[1]")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = program.Close() }()
	loops := 0 // from the first row of a table to the last; one is that of the list of ids
	for program.Next() {
		var at, p1, p2, p3, p5 int
		var code string
		var p4, comment sql.NullString
		if err := program.Scan(&at, &code, &p1, &p2, &p3, &p4, &p5, &comment); err != nil {
			t.Fatal(err)
		}
		if code == "Rewind" {
			loops++
		}
	}
	if program.Err() != nil || loops != 1 {
		t.Errorf("%d tables are read whole, %v", loops-1, program.Err())
	}
}
