package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// EndedAlert is a place in the list of alerts by their ends. The zero EndedAlert is before all.
type EndedAlert struct {
	At time.Time
	ID deadletter.AlertID
}

const (
	// pruneBatch bounds the alerts that one transaction looks at, and the parts of them that it deletes.
	pruneBatch = 200

	endedAlerts = `SELECT a.resolved_at, a.id FROM alerts a WHERE a.part_of IS NULL AND a.resolved_at < ?
		AND (a.resolved_at, a.id) > (?, ?) ORDER BY a.resolved_at, a.id LIMIT ?`

	// A sink's latest delivery of each state stays: the list of sinks has it.
	isLatestOfSink = `d.state IN ('sent', 'given_up') AND d.id = (SELECT l.id FROM alert_deliveries l
		WHERE l.sink = d.sink AND l.state = d.state AND l.tried_at IS NOT NULL ORDER BY l.tried_at DESC LIMIT 1)`

	// An alert is deleted with its parts, so that it never names fewer than it told of. It stays while
	//   - one of them is open or ended later,
	//   - anything waits at a sink that is about the same thing: that is told in order,
	//   - it ended by a mute, and the end of the mute is not told yet: that depends on it.
	prunableAlerts = `SELECT a.id FROM json_each(?1) asked CROSS JOIN alerts a ON a.id = asked.value
		WHERE NOT EXISTS (SELECT 1 FROM alerts x WHERE (x.id = a.id OR x.part_of = a.id) AND (
			x.resolved_at IS NULL OR x.resolved_at >= ?2
			OR EXISTS (SELECT 1 FROM alert_deliveries d WHERE d.alert = x.id AND (` + isLatestOfSink + `
				OR EXISTS (SELECT 1 FROM alert_deliveries w
					WHERE w.sink = d.sink AND w.topic = d.topic AND w.state = 'waiting')))
			OR x.muted = 1 AND EXISTS (SELECT 1 FROM causes WHERE fingerprint = x.cause
				AND (state = 'muted' OR ` + isUntold + `))))`

	partsOfAlerts = `SELECT p.id FROM json_each(?) asked CROSS JOIN alerts p ON p.part_of = asked.value LIMIT ?`

	prunableTests = `SELECT d.id FROM alert_deliveries d WHERE d.event = 'test' AND d.state <> 'waiting' AND d.made_at < ?
		AND NOT (` + isLatestOfSink + `) AND d.id <> (SELECT max(l.id) FROM alert_deliveries l
			WHERE l.sink = d.sink AND l.event = 'test') LIMIT ?`

	deleteAlertDeliveries = `DELETE FROM alert_deliveries WHERE alert IN (SELECT value FROM json_each(?))`
	deleteAlertSources    = `DELETE FROM alert_sources WHERE alert IN (SELECT value FROM json_each(?))`
	deleteAlerts          = `DELETE FROM alerts WHERE id IN (SELECT value FROM json_each(?))`
	deleteSinkTests       = `DELETE FROM alert_deliveries WHERE id IN (SELECT value FROM json_each(?))`
)

// PruneAlerts deletes some of the alerts that ended before a time, with their deliveries, and old tests of sinks. It
// looks at those that ended after a place, and returns the place where the next call goes on. more is false at the end
// of the list.
func (s *Store) PruneAlerts(
	ctx context.Context, before time.Time, after EndedAlert,
) (next EndedAlert, more bool, err error) {
	var ended []deadletter.AlertID
	last := after
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var at int64
		err := r.Scan(&at, &last.ID)
		last.At = time.UnixMilli(at)
		ended = append(ended, last.ID)
		return err
	}, endedAlerts, before.UnixMilli(), after.At.UnixMilli(), after.ID, pruneBatch)
	if err != nil {
		return after, false, fmt.Errorf("read alerts that ended: %w", err)
	}
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		more, err = tx.pruneAlerts(ctx, ended, before)
		return err
	})
	switch {
	case err != nil:
		return after, false, fmt.Errorf("delete old alerts: %w", err)
	case more:
		return after, true, nil
	}
	return last, len(ended) == pruneBatch, nil
}

// pruneAlerts deletes those of some alerts that may be deleted. It returns true if parts of them are left to delete.
func (t *Tx) pruneAlerts(ctx context.Context, ended []deadletter.AlertID, before time.Time) (more bool, err error) {
	asked, err := toJSON(append([]deadletter.AlertID{}, ended...))
	if err != nil {
		return false, err
	}
	alerts, err := sqlite.Column[int64](ctx, t.tx, "old alerts", prunableAlerts, asked, before.UnixMilli())
	if err != nil {
		return false, err
	}
	whole, err := toJSON(append([]int64{}, alerts...))
	if err != nil {
		return false, err
	}
	parts, err := sqlite.Column[int64](ctx, t.tx, "parts of old alerts", partsOfAlerts, whole, pruneBatch)
	if err != nil {
		return false, err
	}
	if more = len(parts) == pruneBatch; more {
		alerts = nil
	}
	if err := t.deleteRows(
		ctx, append(parts, alerts...), deleteAlertDeliveries, deleteAlertSources, deleteAlerts,
	); err != nil {
		return false, err
	}
	tests, err := sqlite.Column[int64](ctx, t.tx, "old tests", prunableTests, before.UnixMilli(), pruneBatch)
	if err != nil {
		return false, err
	}
	return more, t.deleteRows(ctx, tests, deleteSinkTests)
}

// deleteRows runs statements on a list of ids.
func (t *Tx) deleteRows(ctx context.Context, ids []int64, statements ...string) error {
	list, err := toJSON(append([]int64{}, ids...))
	for _, statement := range statements {
		if err == nil {
			_, err = t.tx.ExecContext(ctx, statement, list)
		}
	}
	return err
}
