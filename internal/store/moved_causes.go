package store

import (
	"context"
	"encoding/json"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// rest moves what is left of a cause without messages to another one.
type rest struct {
	from, to string
	joins    bool // what people decided goes along
}

const (
	hasMessages  = `SELECT EXISTS (SELECT 1 FROM messages WHERE fingerprint = ?)`
	deleteCause  = `DELETE FROM causes WHERE fingerprint = ?`
	forgetCounts = `DELETE FROM cause_counts WHERE fingerprint = ?`
	renameCause  = `UPDATE causes SET fingerprint = ?1 WHERE fingerprint = ?2`
	addHours     = `INSERT INTO cause_hours SELECT ?1, at, failed, recovered FROM cause_hours WHERE fingerprint = ?2
		ON CONFLICT DO UPDATE SET failed = failed + excluded.failed, recovered = recovered + excluded.recovered`
	takeHours = `UPDATE cause_hours SET failed = max(0, cause_hours.failed - other.failed),
		recovered = max(0, cause_hours.recovered - other.recovered)
		FROM (SELECT at, failed, recovered FROM cause_hours WHERE fingerprint = ?2) other
		WHERE cause_hours.fingerprint = ?1 AND cause_hours.at = other.at`
	followMoves = `UPDATE moved_causes SET moved_to = ?1 WHERE moved_to = ?2`
	noteMove    = `INSERT INTO moved_causes (fingerprint, moved_to, source, cause) VALUES (?2, ?1, ?3, ?4)
		ON CONFLICT DO UPDATE SET moved_to = excluded.moved_to, source = excluded.source, cause = excluded.cause`
	forgetMove = `DELETE FROM moved_causes WHERE fingerprint = ?` // it is a cause again
	movedOf    = `SELECT fingerprint, moved_to, cause FROM moved_causes WHERE source = ? AND cause <> ''`
	aimMove    = `UPDATE moved_causes SET moved_to = ? WHERE fingerprint = ?`
	takeCounts = `UPDATE causes SET messages = max(0, messages - ?2), unedited = max(0, unedited - ?3),
		unedited_delivered = max(0, unedited_delivered - ?4), edited = max(0, edited - ?5),
		edited_delivered = max(0, edited_delivered - ?6), edit_reason = iif(edit_reason = ?7, '', edit_reason)
		WHERE fingerprint = ?1`
	causeCount = `UPDATE causes SET messages = ?2, failed = ?3, retrying = ?4, first_at = ?5, last_at = ?6,
		counted_at = ?7, unedited = ?8, unedited_delivered = ?9, edited = ?10, edited_delivered = ?11, edit_reason = ?12
		WHERE fingerprint = ?1`
	beginCause = `INSERT INTO causes (fingerprint, source, destination, reason, title, status_code, messages, failed,
		retrying, first_at, last_at, counted_at, state_at, told_at)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, ?7, ?8, ?9, ?10, ?10)`
)

// write moves the rest of a cause, unless a message has failed for it again. The cause itself is saved beside the way
// from its fingerprint, so that it can come back; its hours and notes keep its fingerprint.
func (r rest) write(ctx context.Context, tx *sqlite.Tx) error {
	var used bool
	if err := tx.QueryRowContext(ctx, hasMessages, r.from).Scan(&used); err != nil || used {
		return err
	}
	from, err := causes(ctx, tx, causesOf, r.from)
	if err != nil || len(from) == 0 {
		return err
	}
	saved, err := toJSON(from[0])
	if err != nil {
		return err
	}
	if err := r.join(ctx, tx, from[0]); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, forgetCounts, r.from); err != nil {
		return err
	}
	for _, statement := range []string{addHours, followMoves} {
		if _, err := tx.ExecContext(ctx, statement, r.to, r.from); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, noteMove, r.to, r.from, from[0].Source, saved)
	return err
}

// join adds a cause to the one that it moves to, or gives it that one's fingerprint if there is none.
func (r rest) join(ctx context.Context, tx *sqlite.Tx, from deadletter.Cause) error {
	to, err := causes(ctx, tx, causesOf, r.to)
	if err != nil {
		return err
	}
	if len(to) == 0 {
		if _, err := tx.ExecContext(ctx, renameCause, r.to, r.from); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, forgetMove, r.to)
		return err
	}
	if _, err := tx.ExecContext(ctx, deleteCause, r.from); err != nil {
		return err
	}
	if r.joins {
		return writeWholeCause(ctx, tx, to[0].Joined(from))
	}
	return writeCounts(ctx, tx, to[0].Counting(from))
}

func writeWholeCause(ctx context.Context, tx *sqlite.Tx, c deadletter.Cause) error {
	if err := writeCounts(ctx, tx, c); err != nil {
		return err
	}
	return writeCauseState(ctx, tx, c)
}

func writeCounts(ctx context.Context, tx *sqlite.Tx, c deadletter.Cause) error {
	_, err := tx.ExecContext(
		ctx,
		causeCount,
		c.Fingerprint,
		c.Messages,
		c.Failed,
		c.Retrying,
		c.FirstAt.UnixMilli(),
		c.LastAt.UnixMilli(),
		c.CountedAt.UnixMilli(),
		c.Unedited.Tried,
		c.Unedited.Delivered,
		c.Edited.Tried,
		c.Edited.Delivered,
		c.EditReason,
	)
	return err
}

// aimMoved brings back the causes of a source that the present rules make again, and lets the fingerprints of others
// lead to the causes that they are part of now.
func (t *Tx) aimMoved(ctx context.Context, source string) error {
	type moved struct {
		fingerprint, to string
		cause           deadletter.Cause
	}
	grouping, err := t.Grouping(ctx)
	if err != nil {
		return err
	}
	var list []moved
	err = sqlite.Each(ctx, t.tx, func(r sqlite.Row) error {
		var m moved
		var saved string
		if err := r.Scan(&m.fingerprint, &m.to, &saved); err != nil {
			return err
		}
		list = append(list, m)
		return json.Unmarshal([]byte(saved), &list[len(list)-1].cause)
	}, movedOf, source)
	if err != nil {
		return fmt.Errorf("read causes that are part of others: %w", err)
	}
	for _, m := range list {
		to, _ := grouping.Cause(deadletter.Failure{
			Source: source, Destination: m.cause.Destination, Error: m.cause.Error,
		}, "")
		switch to {
		case m.to:
		case m.fingerprint:
			err = t.bringBack(ctx, m.cause, m.to)
		default:
			_, err = t.tx.ExecContext(ctx, aimMove, to, m.fingerprint)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bringBack makes a cause again that was part of another one. Its messages follow one by one.
func (t *Tx) bringBack(ctx context.Context, c deadletter.Cause, from string) error {
	title := ""
	if c.Title != c.Error {
		title = c.Title
	}
	if _, err := t.tx.ExecContext(ctx, beginCause, c.Fingerprint, c.Source, c.Destination, c.Error, title, c.StatusCode,
		c.FirstAt.UnixMilli(), c.LastAt.UnixMilli(), c.CountedAt.UnixMilli(), c.StateAt.UnixMilli()); err != nil {
		return err
	}
	if err := writeWholeCause(ctx, t.tx, c); err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, takeCounts, from, c.Messages, c.Unedited.Tried, c.Unedited.Delivered,
		c.Edited.Tried, c.Edited.Delivered, c.EditReason); err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(ctx, takeHours, from, c.Fingerprint); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(ctx, forgetMove, c.Fingerprint)
	return err
}
