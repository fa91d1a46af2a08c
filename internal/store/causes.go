package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const causeColumns = `fingerprint, source, destination, iif(title = '', reason, title), reason, status_code, messages,
	failed, retrying, first_at, last_at, counted_at, unedited, unedited_delivered, edited, edited_delivered, edit_reason,
	growth, state, state_at, owner, owned_until, ticket, mute_until, mute_count, mute_from, mute_per_hour, mute_delivered,
	version, changed_by, changed_how, changed_at`

func scanCause(r sqlite.Row) (deadletter.Cause, error) {
	var c deadletter.Cause
	var first, last, counted, stateAt int64
	var owned, muted, changed sql.NullInt64
	err := r.Scan(
		&c.Fingerprint,
		&c.Source,
		&c.Destination,
		&c.Title,
		&c.Error,
		&c.StatusCode,
		&c.Messages,
		&c.Failed,
		&c.Retrying,
		&first,
		&last,
		&counted,
		&c.Unedited.Tried,
		&c.Unedited.Delivered,
		&c.Edited.Tried,
		&c.Edited.Delivered,
		&c.EditReason,
		&c.Growth,
		&c.State,
		&stateAt,
		&c.Owner,
		&owned,
		&c.Ticket,
		&muted,
		&c.Mute.Count,
		&c.Mute.From,
		&c.Mute.PerHour,
		&c.Mute.UntilDelivered,
		&c.Version,
		&c.LastChange.By,
		&c.LastChange.Action,
		&changed,
	)
	c.FirstAt, c.LastAt = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
	c.CountedAt, c.StateAt = time.UnixMilli(counted).UTC(), time.UnixMilli(stateAt).UTC()
	c.OwnedUntil, c.Mute.Until, c.LastChange.At = sqlite.Time(owned), sqlite.Time(muted), sqlite.Time(changed)
	return c, err
}

// presentCause is the cause that a fingerprint stands for, which a link may have from before the rules changed.
const presentCause = `coalesce((SELECT moved_to FROM moved_causes WHERE fingerprint = ?), ?)`

// everyFingerprint are the fingerprints that a cause has, and had before it was put together with others.
const everyFingerprint = `SELECT ` + presentCause + ` UNION ALL
	SELECT fingerprint FROM moved_causes WHERE moved_to = ` + presentCause

const causeByFingerprint = `SELECT ` + causeColumns + ` FROM causes WHERE fingerprint = ` + presentCause

// Cause returns the cause with the given fingerprint. It returns NotFound if there is none.
func (s *Store) Cause(ctx context.Context, fingerprint string) (deadletter.Cause, error) {
	return oneCause(ctx, s.db, fingerprint)
}

// Cause returns the cause with the given fingerprint. It returns NotFound if there is none.
func (t *Tx) Cause(ctx context.Context, fingerprint string) (deadletter.Cause, error) {
	return oneCause(ctx, t.tx, fingerprint)
}

func oneCause(ctx context.Context, q sqlite.Querier, fingerprint string) (deadletter.Cause, error) {
	c, err := scanCause(q.QueryRowContext(ctx, causeByFingerprint, fingerprint, fingerprint))
	return c, notFound(err, "no message failed for the cause %s", fingerprint)
}

const messagesOfCauses = `SELECT ` + messageColumns + ` FROM json_each(?) asked CROSS JOIN messages m
	ON m.n = (SELECT n FROM messages WHERE fingerprint = asked.value LIMIT 1)`

// MessagesOfCauses returns one of the messages whose latest failure has a cause, for each of the causes that has any,
// in no order.
func (s *Store) MessagesOfCauses(ctx context.Context, fingerprints []string) ([]deadletter.Message, error) {
	list, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	return messages(ctx, s.db, "the causes'", messagesOfCauses, list)
}

const causesAmong = `SELECT ` + causeColumns + ` FROM causes WHERE fingerprint IN (
	SELECT coalesce((SELECT moved_to FROM moved_causes m WHERE m.fingerprint = asked.value), asked.value)
	FROM json_each(?) asked)`

// CausesAmong returns the causes that fingerprints stand for, those that there are, in no order.
func (s *Store) CausesAmong(ctx context.Context, fingerprints []string) ([]deadletter.Cause, error) {
	if len(fingerprints) == 0 {
		return nil, nil
	}
	asked, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	return causes(ctx, s.db, causesAmong, asked)
}

const topCauses = `SELECT ` + causeColumns + ` FROM causes WHERE open > 0 AND (?1 = '' OR source = ?1)
	ORDER BY open DESC, fingerprint LIMIT ?2`

// TopCauses returns the causes with the most open messages, largest first: of one source, or of all for "".
func (s *Store) TopCauses(ctx context.Context, source string, limit int) ([]deadletter.Cause, error) {
	return causes(ctx, s.db, topCauses, source, limit)
}

func causes(ctx context.Context, q sqlite.Querier, query string, args ...any) (list []deadletter.Cause, err error) {
	err = sqlite.Each(ctx, q, func(r sqlite.Row) error {
		c, err := scanCause(r)
		list = append(list, c)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read causes: %w", err)
	}
	return list, nil
}

const (
	writeCause = `UPDATE causes SET state = ?, state_at = ?, owner = ?, owned_until = ?, ticket = ?, mute_until = ?,
		mute_count = ?, mute_from = ?, mute_per_hour = ?, mute_delivered = ?, version = ?, changed_by = ?,
		changed_how = ?, changed_at = ?, due_at = ? WHERE fingerprint = ?`
)

// ApplyCause writes a change of a cause that was read in this transaction, with its audit event. The counts of a cause
// are written by changes of messages alone.
func (t *Tx) ApplyCause(ctx context.Context, c deadletter.CauseChange) error {
	if err := writeCauseState(ctx, t.tx, c.After); err != nil {
		return err
	}
	return t.Record(ctx, c.Event)
}

// writeCauseState writes the state of a cause and what people decided.
func writeCauseState(ctx context.Context, tx *sqlite.Tx, c deadletter.Cause) error {
	_, err := tx.ExecContext(
		ctx, writeCause, c.State, c.StateAt.UnixMilli(), c.Owner, sqlite.Millis(c.OwnedUntil), c.Ticket,
		sqlite.Millis(c.Mute.Until), c.Mute.Count, c.Mute.From, c.Mute.PerHour, c.Mute.UntilDelivered, c.Version,
		c.LastChange.By, c.LastChange.Action, sqlite.Millis(c.LastChange.At), sqlite.Millis(c.DueAt()), c.Fingerprint,
	)
	if err != nil {
		return fmt.Errorf("write the cause %s: %w", c.Fingerprint, err)
	}
	return nil
}

const causeHours = `SELECT h.fingerprint, h.at, h.failed, h.recovered FROM json_each(?) asked CROSS JOIN cause_hours h
	ON h.fingerprint = asked.value WHERE h.at >= ? ORDER BY h.fingerprint, h.at`

// CauseHours returns the hours of causes in which anything happened from a time on, by fingerprint, oldest first.
func (s *Store) CauseHours(
	ctx context.Context, fingerprints []string, from time.Time,
) (map[string][]deadletter.CauseHour, error) {
	hours := make(map[string][]deadletter.CauseHour, len(fingerprints))
	asked, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var fingerprint string
		var at int64
		var h deadletter.CauseHour
		err := r.Scan(&fingerprint, &at, &h.Failed, &h.Recovered)
		h.At = time.UnixMilli(at).UTC()
		hours[fingerprint] = append(hours[fingerprint], h)
		return err
	}, causeHours, asked, from.Truncate(time.Hour).UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read the hours of causes: %w", err)
	}
	return hours, nil
}

// maxOfferedTypes bounds the event types that a filter offers.
const maxOfferedTypes = 200

const eventTypes = `SELECT event_type FROM event_types ORDER BY messages DESC, event_type LIMIT ?`

// EventTypes returns the event types of messages, most frequent first and at most 200.
func (s *Store) EventTypes(ctx context.Context) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "event types", eventTypes, maxOfferedTypes)
}
