package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const (
	causeRules    = `SELECT version FROM cause_rules`
	setCauseRules = `UPDATE cause_rules SET version = ?`
	everyCause    = `SELECT ` + causeColumns + ` FROM causes`

	moveMessages = `UPDATE messages SET fingerprint = ?1
		WHERE n IN (SELECT n FROM messages WHERE fingerprint = ?2 LIMIT ?3)`
	renameCause = `UPDATE causes SET fingerprint = ?1 WHERE fingerprint = ?2`
	joinCounts  = `UPDATE causes SET messages = ?2, failed = ?3, retrying = ?4, first_at = ?5, last_at = ?6,
		counted_at = ?7, unedited = ?8, unedited_delivered = ?9, edited = ?10, edited_delivered = ?11, edit_reason = ?12
		WHERE fingerprint = ?1`
	moveHours = `INSERT INTO cause_hours SELECT ?1, at, failed, recovered FROM cause_hours WHERE fingerprint = ?2
		ON CONFLICT DO UPDATE SET failed = failed + excluded.failed, recovered = recovered + excluded.recovered`
	deleteHours = `DELETE FROM cause_hours WHERE fingerprint = ?2`
	moveNotes   = `UPDATE cause_notes SET fingerprint = ?1 WHERE fingerprint = ?2`
	deleteCause = `DELETE FROM causes WHERE fingerprint = ?2`
	forgetMove  = `DELETE FROM moved_causes WHERE fingerprint = ?1` // it is a cause again
	followMoves = `UPDATE moved_causes SET moved_to = ?1 WHERE moved_to = ?2`
	noteMove    = `INSERT INTO moved_causes VALUES (?2, ?1) ON CONFLICT DO UPDATE SET moved_to = excluded.moved_to`
)

// progressInterval is how often the log says how many causes have been regrouped.
const progressInterval = 10 * time.Second

// RegroupCauses makes the causes of the stored messages by the present rules, if older ones made them, and returns how
// many it moved. It must not run beside anything that changes messages. It continues where it was interrupted.
func (s *Store) RegroupCauses(ctx context.Context, log *slog.Logger) (moved int, err error) {
	var version int
	if err := s.db.QueryRowContext(ctx, causeRules).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the version of the causes' rules: %w", err)
	}
	if version == deadletter.CauseRules {
		return 0, nil
	}
	moves, err := s.causeMoves(ctx)
	if err != nil {
		return 0, fmt.Errorf("read causes: %w", err)
	}
	for logged := time.Now(); moved < len(moves); {
		n, err := s.moveCauses(ctx, moves[moved:])
		if err != nil {
			return moved, fmt.Errorf("regroup the causes from %s on: %w", moves[moved].from, err)
		}
		moved += n
		if time.Since(logged) >= progressInterval {
			log.InfoContext(ctx, "grouping the causes of stored messages anew", "moved", moved, "of", len(moves))
			logged = time.Now()
		}
	}
	if err := s.regroupFaults(ctx); err != nil {
		return moved, fmt.Errorf("regroup the results of jobs: %w", err)
	}
	return moved, s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, setCauseRules, deadletter.CauseRules)
		return err
	})
}

// causeMove is the move of all messages from one cause to another, by their fingerprints.
type causeMove struct{ from, to string }

// causeMoves returns the moves that the present rules require.
func (s *Store) causeMoves(ctx context.Context) (moves []causeMove, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		c, err := scanCause(r)
		if to := deadletter.Fingerprint(c.Source, c.Destination, c.Title); to != c.Fingerprint {
			moves = append(moves, causeMove{c.Fingerprint, to})
		}
		return err
	}, everyCause)
	return moves, err
}

// moveCauses makes moves in one commit, in order, until it has moved itemsPerCommit messages. It returns how many moves
// it completed: the next call continues the one that it did not.
func (s *Store) moveCauses(ctx context.Context, moves []causeMove) (completed int, err error) {
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		completed = 0
		for room := int64(itemsPerCommit); room > 0 && completed < len(moves); completed++ {
			n, err := tx.moveCause(ctx, moves[completed], room)
			if err != nil || n == room {
				return err
			}
			room -= n + 1
		}
		return nil
	})
	return completed, err
}

// moveCause moves up to limit messages of a cause, and returns how many it moved. It moves the cause's counts once it
// finds fewer: then no more follow.
func (t *Tx) moveCause(ctx context.Context, m causeMove, limit int64) (int64, error) {
	written, err := t.tx.ExecContext(ctx, moveMessages, m.to, m.from, limit)
	if err != nil {
		return 0, err
	}
	n, err := written.RowsAffected()
	if err != nil || n == limit {
		return n, err
	}
	if err := t.joinCause(ctx, m); err != nil {
		return n, err
	}
	for _, statement := range []string{moveHours, deleteHours, moveNotes, forgetMove, followMoves, noteMove} {
		if _, err := t.tx.ExecContext(ctx, statement, m.to, m.from); err != nil {
			return n, err
		}
	}
	return n, nil
}

// joinCause joins a cause with the one that it moves to, or gives it that one's fingerprint if there is none.
func (t *Tx) joinCause(ctx context.Context, m causeMove) error {
	list, err := causes(ctx, t.tx, causeOrOther, m.to, m.from)
	if err != nil || len(list) == 0 {
		return err
	}
	if len(list) == 1 {
		_, err := t.tx.ExecContext(ctx, renameCause, m.to, m.from)
		return err
	}
	if list[0].Fingerprint != m.to {
		list[0], list[1] = list[1], list[0]
	}
	c := list[0].Joined(list[1])
	if _, err := t.tx.ExecContext(ctx, deleteCause, m.to, m.from); err != nil {
		return err
	}
	if _, err := t.tx.ExecContext(
		ctx,
		joinCounts,
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
	); err != nil {
		return err
	}
	return t.writeCause(ctx, c)
}

const causeOrOther = `SELECT ` + causeColumns + ` FROM causes WHERE fingerprint IN (?, ?)`

const (
	itemErrors = `SELECT job, message, error FROM job_items WHERE error <> '' AND (job, message) > (?, ?)
		ORDER BY job, message LIMIT ?`
	setFault = `UPDATE job_items SET fault = ? WHERE job = ? AND message = ?`
)

// regroupFaults sets the key of what each message of a job failed or was skipped for, some in each commit.
func (s *Store) regroupFaults(ctx context.Context) error {
	type itemError struct {
		job, message int64
		text         string
	}
	var last itemError
	for {
		var items []itemError
		err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
			var i itemError
			err := r.Scan(&i.job, &i.message, &i.text)
			items = append(items, i)
			return err
		}, itemErrors, last.job, last.message, itemsPerCommit)
		if err != nil || len(items) == 0 {
			return err
		}
		last = items[len(items)-1]
		err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
			for _, i := range items {
				_, err := tx.tx.ExecContext(ctx, setFault, deadletter.FaultKey(i.text), i.job, i.message)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
