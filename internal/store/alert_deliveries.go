package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const alertDeliveryColumns = `d.id, coalesce(d.alert, 0), d.sink, d.event, d.notice, d.by, d.state, d.made_at, d.due_at,
	d.until, d.lease, d.tries, d.tried_at, d.error, d.topic, d.supersedes`

func scanAlertDelivery(r sqlite.Row) (d deadletter.AlertDelivery, err error) {
	var made, due, until int64
	var tried sql.NullInt64
	err = r.Scan(&d.ID, &d.Alert, &d.Sink, &d.Event, &d.Notice, &d.By, &d.State, &made, &due, &until, &d.Lease,
		&d.Tries, &tried, &d.Error, &d.Topic, &d.Supersedes)
	d.MadeAt, d.DueAt = time.UnixMilli(made).UTC(), time.UnixMilli(due).UTC()
	d.Until, d.TriedAt = time.UnixMilli(until).UTC(), sqlite.Time(tried)
	return d, err
}

func alertDeliveries(
	ctx context.Context, q sqlite.Querier, query string, args ...any,
) (list []deadletter.AlertDelivery, err error) {
	err = sqlite.Each(ctx, q, func(r sqlite.Row) error {
		d, err := scanAlertDelivery(r)
		list = append(list, d)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read what sinks were told: %w", err)
	}
	return list, nil
}

const deliveriesOfAlert = `SELECT ` + alertDeliveryColumns + ` FROM alert_deliveries d WHERE d.alert = ? ORDER BY d.id`

const deliveriesOfAlerts = `SELECT ` + alertDeliveryColumns + ` FROM json_each(?) asked
	CROSS JOIN alert_deliveries d ON d.alert = asked.value ORDER BY d.id`

// AlertDeliveries returns the deliveries of alerts to sinks, by alert, oldest first.
func (s *Store) AlertDeliveries(
	ctx context.Context, ids []deadletter.AlertID,
) (map[deadletter.AlertID][]deadletter.AlertDelivery, error) {
	asked, err := toJSON(append([]deadletter.AlertID{}, ids...))
	if err != nil {
		return nil, err
	}
	list, err := alertDeliveries(ctx, s.db, deliveriesOfAlerts, asked)
	told := map[deadletter.AlertID][]deadletter.AlertDelivery{}
	for _, d := range list {
		told[d.Alert] = append(told[d.Alert], d)
	}
	return told, err
}

const addAlertDelivery = `INSERT INTO alert_deliveries (alert, sink, event, notice, by, state, made_at, due_at, until,
	topic) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// AddAlertDelivery stores a new delivery, and returns it with its id and that of its notice.
func (t *Tx) AddAlertDelivery(
	ctx context.Context, d deadletter.AlertDelivery,
) (deadletter.AlertDelivery, error) {
	d.Notice = "alert_" + rand.Text()
	added, err := t.tx.ExecContext(
		ctx, addAlertDelivery, orNull(d.Alert), d.Sink, d.Event, d.Notice, d.By, d.State, d.MadeAt.UnixMilli(),
		d.DueAt.UnixMilli(), d.Until.UnixMilli(), d.Topic,
	)
	if err != nil {
		return d, fmt.Errorf("write what %s is told of alert %d: %w", d.Sink, d.Alert, err)
	}
	d.ID, err = added.LastInsertId()
	return d, err
}

// tellSinks stores that sinks are to be told of an event of an alert at the times in due.
func (t *Tx) tellSinks(
	ctx context.Context, a deadletter.Alert, event deadletter.AlertEvent, due map[string]time.Time, at time.Time,
) error {
	for sink, when := range due {
		d := deadletter.NewAlertDelivery(a.ID, sink, event, when, at)
		d.Topic = a.Topic()
		if _, err := t.AddAlertDelivery(ctx, d); err != nil {
			return err
		}
		if err := t.dropOldEnds(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

const (
	dropEnds = `UPDATE alert_deliveries SET state = 'dropped', error = 'it began again before its end was sent'
		WHERE sink = ?1 AND topic = ?2 AND state = 'waiting' AND event = 'resolved' AND lease = ''
		AND EXISTS (SELECT 1 FROM alert_deliveries n WHERE n.sink = ?1 AND n.topic = ?2 AND n.state = 'waiting'
			AND n.event = 'raised' AND n.id > alert_deliveries.id)`
	supersedeEnds = `UPDATE alert_deliveries SET supersedes = 1
		WHERE sink = ?1 AND topic = ?2 AND state = 'waiting' AND event = 'raised'`
)

// dropOldEnds drops the waiting ends of a delivery's topic after which the same began again.
func (t *Tx) dropOldEnds(ctx context.Context, d deadletter.AlertDelivery) error {
	dropped, err := t.tx.ExecContext(ctx, dropEnds, d.Sink, d.Topic)
	if err != nil {
		return fmt.Errorf("drop old ends that %s is to be told: %w", d.Sink, err)
	}
	if n, err := dropped.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, supersedeEnds, d.Sink, d.Topic); err != nil {
		return fmt.Errorf("write what %s is not told: %w", d.Sink, err)
	}
	return nil
}

const updateAlertDelivery = `UPDATE alert_deliveries SET state = ?, due_at = ?, until = ?, lease = ?, tries = ?,
	tried_at = ?, error = ? WHERE id = ? AND state = ? AND lease = ? AND due_at = ?`

// WriteAlertDelivery writes a change of a delivery. It returns Conflict if the stored one is no longer as before.
func (t *Tx) WriteAlertDelivery(ctx context.Context, before, after deadletter.AlertDelivery) error {
	written, err := t.tx.ExecContext(
		ctx,
		updateAlertDelivery,
		after.State,
		after.DueAt.UnixMilli(),
		after.Until.UnixMilli(),
		after.Lease,
		after.Tries,
		sqlite.Millis(after.TriedAt),
		after.Error,
		before.ID,
		before.State,
		before.Lease,
		before.DueAt.UnixMilli(),
	)
	if err != nil {
		return fmt.Errorf("write what %s was told: %w", before.Sink, err)
	}
	if n, err := written.RowsAffected(); err != nil || n == 0 {
		return conflictOr(err, "%s is told by another try", before.Sink)
	}
	return nil
}

func conflictOr(err error, format string, args ...any) error {
	if err != nil {
		return err
	}
	return deadletter.Errorf(deadletter.Conflict, format, args...)
}

const (
	alertDeliveryByID = `SELECT ` + alertDeliveryColumns + ` FROM alert_deliveries d WHERE d.id = ?`
	alertIsOver       = `SELECT resolved_at IS NOT NULL FROM alerts WHERE id = ?`
	retryOfSink       = `UPDATE alert_deliveries SET due_at = ?2
		WHERE sink = ?1 AND state = 'waiting' AND due_at > ?2 AND lease = '' AND tries > 0`
)

// EndAlertTry writes the result of a try, and returns the delivery after it. A sink that took something is there again:
// what it did not take before is due at once. It returns Conflict if the lease of the try has ended.
func (t *Tx) EndAlertTry(
	ctx context.Context, try deadletter.AlertDelivery, result deadletter.AlertResult, at time.Time,
) (deadletter.AlertDelivery, error) {
	d, err := scanAlertDelivery(t.tx.QueryRowContext(ctx, alertDeliveryByID, try.ID))
	if err != nil {
		return d, fmt.Errorf("read what %s is told: %w", try.Sink, err)
	}
	over := false
	if d.Alert != 0 {
		if err := t.tx.QueryRowContext(ctx, alertIsOver, d.Alert).Scan(&over); err != nil {
			return d, fmt.Errorf("read alert %d: %w", d.Alert, err)
		}
	}
	next := d.After(result, over, at)
	d.Lease = try.Lease
	if err := t.WriteAlertDelivery(ctx, d, next); err != nil {
		return next, err
	}
	if next.State == deadletter.AlertSent {
		if _, err := t.tx.ExecContext(ctx, retryOfSink, next.Sink, at.UnixMilli()); err != nil {
			return next, fmt.Errorf("try %s again: %w", next.Sink, err)
		}
	}
	return next, t.dropOldEnds(ctx, next)
}

// An alert that ended is told after it was told that it began, and before the same begins again.
const dueAlertDelivery = `SELECT ` + alertDeliveryColumns + ` FROM alert_deliveries d
	WHERE d.sink = ? AND d.state = 'waiting' AND d.due_at <= ? AND NOT EXISTS (SELECT 1 FROM alert_deliveries e
		WHERE e.sink = d.sink AND e.topic = d.topic AND e.id < d.id AND e.state = 'waiting')
	ORDER BY d.due_at LIMIT 1`

// DueAlertDelivery returns the delivery to a sink that is due first at a time. It returns NotFound if none is due.
func (s *Store) DueAlertDelivery(
	ctx context.Context, sink string, at time.Time,
) (deadletter.AlertDelivery, error) {
	d, err := scanAlertDelivery(s.db.QueryRowContext(ctx, dueAlertDelivery, sink, at.UnixMilli()))
	return d, notFound(err, "%s is told nothing now", sink)
}

const dueSinks = `SELECT DISTINCT sink FROM alert_deliveries WHERE state = 'waiting' AND due_at <= ?`

// DueSinks returns the sinks to which a delivery is due at a time.
func (s *Store) DueSinks(ctx context.Context, at time.Time) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "sinks that are to be told something", dueSinks, at.UnixMilli())
}

const (
	releaseAlerts = `UPDATE alert_deliveries SET lease = '', due_at = ?1 WHERE state = 'waiting' AND lease <> ''`
	// A clock that was ahead left times in the future: of what was stored, of tries, and far ahead of when it is due. What
	// waits for the end of a quiet period goes on waiting, unless the clock was wrong by over an hour (in ms).
	setAlertsBack = `UPDATE alert_deliveries SET due_at = ?1 WHERE state = 'waiting' AND lease = ''
		AND (due_at > ?2 OR tried_at > ?1 OR made_at > ?1 AND (due_at = made_at OR made_at > ?1 + 3600000))`
)

// ReleaseAlerts ends the leases of tries that a dead process left. It must not be called while any is under way.
func (s *Store) ReleaseAlerts(ctx context.Context, at time.Time) error {
	err := s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, releaseAlerts, at.UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("release alerts: %w", err)
	}
	return s.SetAlertsBack(ctx, at)
}

// SetAlertsBack makes due what waits because the clock was ahead when it was written. Tries under way keep their leases.
func (s *Store) SetAlertsBack(ctx context.Context, at time.Time) error {
	err := s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, setAlertsBack, at.UnixMilli(), at.Add(25*time.Hour).UnixMilli())
		return err
	})
	if err != nil {
		return fmt.Errorf("set back what sinks are to be told: %w", err)
	}
	return nil
}

// SinkState sums up the deliveries to a sink.
type SinkState struct {
	Sink      string
	Waiting   int                      // up to CountCap
	Sent      deadletter.AlertDelivery // the latest that it took; the zero value: none
	GivenUp   deadletter.AlertDelivery // the latest that it did not take
	Failing   deadletter.AlertDelivery // the latest try of what waits, if that failed
	Test      deadletter.AlertDelivery // the latest test
	NextDueAt time.Time                // of what waits; zero: nothing waits
}

const (
	latestOfSink = `SELECT ` + alertDeliveryColumns + ` FROM alert_deliveries d WHERE d.sink = ? AND d.state = ?
		AND d.tried_at IS NOT NULL ORDER BY d.tried_at DESC LIMIT 1`
	waitingOfSink = `SELECT count(*), min(due_at) FROM (SELECT due_at FROM alert_deliveries
		WHERE sink = ? AND state = 'waiting' ORDER BY due_at LIMIT ?)`
	latestTest = `SELECT ` + alertDeliveryColumns + ` FROM alert_deliveries d WHERE d.sink = ? AND d.event = 'test'
		ORDER BY d.id DESC LIMIT 1`
)

// SinkState sums up the deliveries to a sink.
func (s *Store) SinkState(ctx context.Context, sink string) (SinkState, error) {
	state := SinkState{Sink: sink}
	var next sql.NullInt64
	err := s.db.QueryRowContext(ctx, waitingOfSink, sink, CountCap).Scan(&state.Waiting, &next)
	if err != nil {
		return state, fmt.Errorf("count what %s is to be told: %w", sink, err)
	}
	state.NextDueAt = sqlite.Time(next)
	for _, q := range []struct {
		into  *deadletter.AlertDelivery
		query string
		args  []any
	}{
		{&state.Sent, latestOfSink, []any{sink, deadletter.AlertSent}},
		{&state.GivenUp, latestOfSink, []any{sink, deadletter.AlertGivenUp}},
		{&state.Failing, latestOfSink, []any{sink, deadletter.AlertWaiting}},
		{&state.Test, latestTest, []any{sink}},
	} {
		list, err := alertDeliveries(ctx, s.db, q.query, q.args...)
		if err != nil {
			return state, err
		}
		if len(list) > 0 {
			*q.into = list[0]
		}
	}
	if state.Failing.Error == "" {
		state.Failing = deadletter.AlertDelivery{}
	}
	return state, nil
}

const countAlerts = `SELECT (SELECT count(*) FROM (SELECT 1 FROM alerts INDEXED BY alerts_open_whole
	WHERE resolved_at IS NULL AND part_of IS NULL
	LIMIT ?1)), (SELECT count(*) FROM (SELECT 1 FROM alert_deliveries WHERE state = 'waiting' LIMIT ?1))`

// CountAlerts returns how many alerts are open and how many deliveries wait, each up to CountCap.
func (s *Store) CountAlerts(ctx context.Context) (open, waiting int, err error) {
	if err := s.db.QueryRowContext(ctx, countAlerts, CountCap).Scan(&open, &waiting); err != nil {
		return 0, 0, fmt.Errorf("count alerts: %w", err)
	}
	return open, waiting, nil
}

// LatestSinkTest returns the latest test of a sink; the zero value if there was none.
func (t *Tx) LatestSinkTest(ctx context.Context, sink string) (deadletter.AlertDelivery, error) {
	list, err := alertDeliveries(ctx, t.tx, latestTest, sink)
	if err != nil || len(list) == 0 {
		return deadletter.AlertDelivery{}, err
	}
	return list[0], nil
}
