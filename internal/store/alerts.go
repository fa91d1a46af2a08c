package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const alertColumns = `a.id, a.kind, a.key, a.severity, a.sources, a.cause, a.job, a.title, a.text, a.facts, a.raised_at,
	a.resolved_at, a.resolution, coalesce(a.part_of, 0)`

func scanAlert(r sqlite.Row) (int64, deadletter.Alert, error) {
	var row alertRow
	err := r.Scan(row.dest()...)
	a, decode := row.alert()
	return int64(a.ID), a, errors.Join(err, decode)
}

// alertRow is an alert as it is stored.
type alertRow struct {
	deadletter.Alert
	sources, facts string
	raised         int64
	resolved       sql.NullInt64
}

func (r *alertRow) dest() []any {
	a := &r.Alert
	return []any{
		&a.ID, &a.Kind, &a.Key, &a.Severity, &r.sources, &a.Cause, &a.Job, &a.Title, &a.Text, &r.facts, &r.raised,
		&r.resolved, &a.Resolution, &a.PartOf,
	}
}

func (r *alertRow) alert() (deadletter.Alert, error) {
	a := r.Alert
	a.RaisedAt, a.ResolvedAt = time.UnixMilli(r.raised).UTC(), sqlite.Time(r.resolved)
	if r.sources == "" { // the row could not be read
		return a, nil
	}
	return a, errors.Join(json.Unmarshal([]byte(r.sources), &a.Sources), json.Unmarshal([]byte(r.facts), &a.Facts))
}

func alerts(ctx context.Context, q sqlite.Querier, query string, args ...any) (list []deadletter.Alert, err error) {
	err = sqlite.Each(ctx, q, func(r sqlite.Row) error {
		_, a, err := scanAlert(r)
		list = append(list, a)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read alerts: %w", err)
	}
	return list, nil
}

const alertByID = `SELECT ` + alertColumns + ` FROM alerts a WHERE a.id = ?`

// Alert returns an alert. It returns NotFound if there is none.
func (s *Store) Alert(ctx context.Context, id deadletter.AlertID) (deadletter.Alert, error) {
	_, a, err := scanAlert(s.db.QueryRowContext(ctx, alertByID, id))
	return a, notFound(err, "there is no alert %d, or no longer: alerts are deleted a while after their end", id)
}

// AlertQuery asks for one page of alerts, newest first.
type AlertQuery struct {
	Open    bool // these alone
	Kind    deadletter.AlertKind
	Source  string                 // alerts about it; "": about any
	Sources deadletter.SourceNames // alerts about none but these; "": about any
	Sink    string                 // alerts of which it was to be told; "": any
	PartOf  deadletter.AlertID     // alerts that are part of this one; 0: alerts that are part of none
	Cursor  string
	Limit   int
}

// Alerts returns one page of alerts. It returns Invalid for a cursor that is none of its own.
func (s *Store) Alerts(ctx context.Context, q AlertQuery) (Page[deadletter.Alert], error) {
	at, newer, err := parseCursor(q.Cursor, false)
	if err != nil {
		return Page[deadletter.Alert]{}, err
	}
	page, err := q.keyset().page(ctx, s.db, at, newer, q.Limit)
	if err != nil {
		return page, fmt.Errorf("read alerts: %w", err)
	}
	return page, nil
}

func (q AlertQuery) keyset() keyset[deadletter.Alert] {
	k := keyset[deadletter.Alert]{from: "alerts a", key: "a.id", scan: scanAlert}
	switch {
	case q.Sources != "" && !q.Open && q.PartOf == 0:
		k.key = "s.alert"
		k.from, k.conditions = q.ofSources()
	case q.Sink != "":
		k.from, k.key = "alert_deliveries d CROSS JOIN alerts a ON a.id = d.alert", "d.alert"
		k.conditions.add("d.event = 'raised' AND d.sink = ?", q.Sink)
	case q.Source != "":
		k.from, k.key = "alert_sources s CROSS JOIN alerts a ON a.id = s.alert", "s.alert"
		k.conditions.add("s.source = ?", q.Source)
	case q.Open && q.PartOf == 0:
		k.from = "alerts a INDEXED BY alerts_open_whole"
	}
	k.columns = k.key + strings.TrimPrefix(alertColumns, "a.id") // sorted by what is read, lists can be merged
	q.filter(&k.conditions)
	return k
}

func (q AlertQuery) filter(c *conditions) {
	if q.Sink != "" && q.Source != "" {
		c.add("EXISTS (SELECT 1 FROM alert_sources s WHERE s.source = ? AND s.alert = a.id)", q.Source)
	}
	if q.Sources != "" {
		var others conditions
		others.ofSources("o.source", q.Sources)
		c.add("a.sources <> '[]' AND NOT EXISTS (SELECT 1 FROM alert_sources o WHERE o.alert = a.id AND NOT "+
			others.terms[0]+")", others.args...)
	}
	if q.Open {
		c.add("a.resolved_at IS NULL")
	}
	if q.Kind != "" {
		c.add("a.kind = ?", q.Kind)
	}
	if q.PartOf != 0 {
		c.add("a.part_of = ?", q.PartOf)
	} else {
		c.add("a.part_of IS NULL")
	}
}

// ofSources reads the alerts about each of the sources by itself, newest first, and merges them.
func (q AlertQuery) ofSources() (from string, c conditions) {
	names := q.Sources.List()
	if q.Source != "" {
		if !slices.Contains(names, q.Source) {
			c.add("FALSE")
		}
		names = []string{q.Source}
	}
	const one = "SELECT source, alert FROM alert_sources WHERE source = ?"
	from = "(" + strings.Join(slices.Repeat([]string{one}, len(names)), " UNION ALL ") +
		") s CROSS JOIN alerts a ON a.id = s.alert"
	for _, name := range names {
		c.args = append(c.args, name)
	}
	if len(names) > 1 { // an alert about several of them comes once
		c.add("s.source = (SELECT min(source) FROM alert_sources WHERE alert = s.alert)")
	}
	if q.Sink != "" {
		c.add("EXISTS (SELECT 1 FROM alert_deliveries d WHERE d.event = 'raised' AND d.sink = ? AND d.alert = a.id)",
			q.Sink)
	}
	return from, c
}

const alertsOfCause = `SELECT ` + alertColumns + ` FROM alerts a WHERE a.cause IN (` + everyFingerprint + `)
	AND a.cause <> '' ORDER BY a.id DESC LIMIT ?`

// AlertsOfCause returns the latest alerts about a cause, newest first.
func (s *Store) AlertsOfCause(ctx context.Context, fingerprint string, limit int) ([]deadletter.Alert, error) {
	return alerts(ctx, s.db, alertsOfCause, fingerprint, fingerprint, fingerprint, fingerprint, limit)
}

const (
	partsOfAlert = `SELECT ` + alertColumns + ` FROM alerts a WHERE a.part_of = ? ORDER BY a.id LIMIT ?`
	countParts   = `SELECT count(*) FROM (SELECT 1 FROM alerts WHERE part_of = ? LIMIT ?)`
)

// AlertParts returns the first alerts that are part of one, and how many there are: up to CountCap.
func (s *Store) AlertParts(
	ctx context.Context, id deadletter.AlertID, limit int,
) (list []deadletter.Alert, n int, err error) {
	if list, err = alerts(ctx, s.db, partsOfAlert, id, limit); err != nil || len(list) < limit {
		return list, len(list), err
	}
	if err := s.db.QueryRowContext(ctx, countParts, id, CountCap).Scan(&n); err != nil {
		return nil, 0, fmt.Errorf("count the parts of alert %d: %w", id, err)
	}
	return list, n, nil
}

const openStateAlerts = `SELECT ` + alertColumns + ` FROM alerts a
	WHERE a.resolved_at IS NULL AND a.kind NOT IN ('new-cause', 'regressed-cause')
	AND NOT (a.kind = 'growing-cause' AND a.cause = '') ORDER BY a.id LIMIT ?`

// MaxOpenAlerts bounds the open alerts that OpenStateAlerts returns.
const MaxOpenAlerts = 1000

// OpenStateAlerts returns the open alerts of all kinds but new and regressed causes, and but those that tell about
// several growing ones.
func (s *Store) OpenStateAlerts(ctx context.Context) ([]deadletter.Alert, error) {
	return alerts(ctx, s.db, openStateAlerts, MaxOpenAlerts)
}

const (
	causeAlertColumns = alertColumns + `, EXISTS (SELECT 1 FROM alerts p WHERE p.part_of = a.id
		AND p.resolved_at IS NULL),
		(SELECT resolved_at FROM alerts w WHERE w.id = a.part_of AND w.kind = 'destination-down')`
	openCauseAlerts = `SELECT ` + causeAlertColumns + ` FROM alerts a INDEXED BY alerts_open_causes
		WHERE a.resolved_at IS NULL AND a.kind IN ('new-cause', 'regressed-cause') AND a.id > ? ORDER BY a.id LIMIT ?`
	openGrowingGroups = `SELECT ` + causeAlertColumns + ` FROM alerts a INDEXED BY alerts_open_states
		WHERE a.resolved_at IS NULL AND a.kind NOT IN ('new-cause', 'regressed-cause') AND a.kind = 'growing-cause'
		AND (a.part_of IS NOT NULL OR a.cause = '') ORDER BY a.id LIMIT ?`
)

// OpenGrowingGroups returns the open alerts about growing causes that tell about several, or are part of another one,
// oldest first.
func (s *Store) OpenGrowingGroups(ctx context.Context, limit int) ([]deadletter.CauseAlert, error) {
	return s.causeAlerts(ctx, openGrowingGroups, limit)
}

// OpenCauseAlerts returns open alerts about new and regressed causes after one, oldest first.
func (s *Store) OpenCauseAlerts(
	ctx context.Context, after deadletter.AlertID, limit int,
) ([]deadletter.CauseAlert, error) {
	return s.causeAlerts(ctx, openCauseAlerts, after, limit)
}

func (s *Store) causeAlerts(
	ctx context.Context, query string, args ...any,
) (list []deadletter.CauseAlert, err error) {
	var fingerprints []string
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var row alertRow
		var one deadletter.CauseAlert
		var over sql.NullInt64
		if err := r.Scan(append(row.dest(), &one.Parts, &over)...); err != nil {
			return err
		}
		var err error
		one.Alert, err = row.alert()
		one.OutageOver = sqlite.Time(over)
		list = append(list, one)
		if one.Alert.Cause != "" {
			fingerprints = append(fingerprints, one.Alert.Cause)
		}
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read open alerts: %w", err)
	}
	causes, err := s.causesOfFingerprints(ctx, fingerprints)
	for i := range list {
		if c, ok := causes[list[i].Alert.Cause]; ok {
			list[i].Cause = &c
		}
	}
	return list, err
}

const presentFingerprints = `SELECT asked.value, m.moved_to FROM json_each(?) asked
	CROSS JOIN moved_causes m ON m.fingerprint = asked.value`

// causesOfFingerprints returns causes by fingerprint. A merged cause is found by its former fingerprint as well.
func (s *Store) causesOfFingerprints(
	ctx context.Context, fingerprints []string,
) (map[string]deadletter.Cause, error) {
	found, err := s.CausesAmong(ctx, fingerprints)
	if err != nil || len(fingerprints) == 0 {
		return nil, err
	}
	present := map[string]deadletter.Cause{}
	for _, c := range found {
		present[c.Fingerprint] = c
	}
	asked, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	return present, sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var from, to string
		err := r.Scan(&from, &to)
		if c, ok := present[to]; ok {
			present[from] = c
		}
		return err
	}, presentFingerprints, asked)
}

// CausesOf returns the causes that alerts are about, by the fingerprint that each alert has.
func (s *Store) CausesOf(ctx context.Context, list []deadletter.Alert) (map[string]deadletter.Cause, error) {
	var fingerprints []string
	for _, a := range list {
		if a.Cause != "" {
			fingerprints = append(fingerprints, a.Cause)
		}
	}
	return s.causesOfFingerprints(ctx, fingerprints)
}

const (
	addAlert = `INSERT INTO alerts (kind, key, severity, sources, cause, job, title, text, facts, raised_at,
		resolved_at, part_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (kind, key) WHERE resolved_at IS NULL DO NOTHING`
	addAlertSource = `INSERT INTO alert_sources (source, alert) VALUES (?, ?) ON CONFLICT DO NOTHING`
)

// RaiseAlert stores an alert, and that sinks are to be told at the times in due. It returns the alert with its id,
// which is 0 if one of its kind and key is open.
func (t *Tx) RaiseAlert(
	ctx context.Context, a deadletter.Alert, due map[string]time.Time,
) (deadletter.Alert, error) {
	sources, err := toJSON(append([]string{}, a.Sources...))
	if err != nil {
		return a, err
	}
	facts, err := toJSON(append([]deadletter.AlertFact{}, a.Facts...))
	if err != nil {
		return a, err
	}
	added, err := t.tx.ExecContext(
		ctx, addAlert, a.Kind, a.Key, a.Severity, sources, a.Cause, a.Job, a.Title, a.Text, facts,
		a.RaisedAt.UnixMilli(), sqlite.Millis(a.ResolvedAt), orNull(a.PartOf),
	)
	if err != nil {
		return a, fmt.Errorf("write the alert %s %s: %w", a.Kind, a.Key, err)
	}
	n, err := added.RowsAffected()
	if err != nil || n == 0 {
		return a, err
	}
	id, err := added.LastInsertId()
	if err != nil {
		return a, err
	}
	a.ID = deadletter.AlertID(id)
	for _, source := range a.Sources {
		if _, err := t.tx.ExecContext(ctx, addAlertSource, source, a.ID); err != nil {
			return a, fmt.Errorf("write the sources of alert %d: %w", a.ID, err)
		}
	}
	return a, t.tellSinks(ctx, a, deadletter.AlertRaised, due, a.RaisedAt)
}

const joinAlert = `UPDATE alerts SET part_of = ? WHERE id = ? AND resolved_at IS NULL`

// JoinAlert makes an open alert part of another one, or of none for 0.
func (t *Tx) JoinAlert(ctx context.Context, id, whole deadletter.AlertID) error {
	if _, err := t.tx.ExecContext(ctx, joinAlert, orNull(whole), id); err != nil {
		return fmt.Errorf("write what alert %d is part of: %w", id, err)
	}
	return nil
}

// TellAlert makes an open alert part of none, and says when sinks are to be told of it.
func (t *Tx) TellAlert(
	ctx context.Context, a deadletter.Alert, due map[string]time.Time, at time.Time,
) error {
	if err := t.JoinAlert(ctx, a.ID, 0); err != nil {
		return err
	}
	return t.tellSinks(ctx, a, deadletter.AlertRaised, due, at)
}

const resolveAlert = `UPDATE alerts SET resolved_at = ?, resolution = ?, muted = ? WHERE id = ? AND resolved_at IS NULL`

// ResolveAlert ends an open alert at its ResolvedAt. Sinks that were told of it are told of its end at the times in
// due, or at once.
func (t *Tx) ResolveAlert(ctx context.Context, a deadletter.Alert, muted bool, due map[string]time.Time) error {
	written, err := t.tx.ExecContext(ctx, resolveAlert, a.ResolvedAt.UnixMilli(), a.Resolution, muted, a.ID)
	if err != nil {
		return fmt.Errorf("resolve alert %d: %w", a.ID, err)
	}
	if n, err := written.RowsAffected(); err != nil || n == 0 {
		return err
	}
	told, err := alertDeliveries(ctx, t.tx, deliveriesOfAlert, a.ID)
	if err != nil {
		return err
	}
	ends := map[string]time.Time{}
	for _, d := range told {
		if d.Event != deadletter.AlertRaised {
			continue
		}
		next, tell := d.Resolved()
		if next != d {
			if err := t.WriteAlertDelivery(ctx, d, next); err != nil {
				return err
			}
		}
		if tell {
			if ends[d.Sink] = a.ResolvedAt; due[d.Sink].After(a.ResolvedAt) {
				ends[d.Sink] = due[d.Sink]
			}
		}
	}
	return t.tellSinks(ctx, a, deadletter.AlertResolved, ends, a.ResolvedAt)
}
