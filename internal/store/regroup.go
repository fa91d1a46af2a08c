package store

import (
	"context"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const (
	causeRules    = `SELECT version FROM cause_rules`
	setCauseRules = `UPDATE cause_rules SET version = ?`
	everyCause    = `SELECT ` + causeColumns + ` FROM causes`

	moveMessages = `UPDATE messages SET fingerprint = ?1
		WHERE n IN (SELECT n FROM messages WHERE fingerprint = ?2 LIMIT ?3)`
	mergeCause = `INSERT INTO causes (` + causeColumns + `) SELECT ?1, source, destination, reason, messages, open,
		first_at, last_at, unedited, unedited_delivered, edited, edited_delivered FROM causes WHERE fingerprint = ?2
		ON CONFLICT DO UPDATE SET messages = messages + excluded.messages, open = open + excluded.open,
		first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),
		unedited = unedited + excluded.unedited, unedited_delivered = unedited_delivered + excluded.unedited_delivered,
		edited = edited + excluded.edited, edited_delivered = edited_delivered + excluded.edited_delivered`
	deleteCause = `DELETE FROM causes WHERE fingerprint = ?2`
	forgetMove  = `DELETE FROM moved_causes WHERE fingerprint = ?1` // it is a cause again
	followMoves = `UPDATE moved_causes SET moved_to = ?1 WHERE moved_to = ?2`
	noteMove    = `INSERT INTO moved_causes VALUES (?2, ?1) ON CONFLICT DO UPDATE SET moved_to = excluded.moved_to`
)

// RegroupCauses makes the causes of the stored messages by the present rules, if older ones made them, and returns how
// many it moved. It must not run beside anything that changes messages. It continues where it was interrupted.
func (s *Store) RegroupCauses(ctx context.Context) (moved int, err error) {
	var version int
	if err := s.db.QueryRowContext(ctx, causeRules).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the version of the causes' rules: %w", err)
	}
	if version == deadletter.CauseRules {
		return 0, nil
	}
	var causes []Cause
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		c, err := scanCause(r)
		causes = append(causes, c)
		return err
	}, everyCause)
	if err != nil {
		return 0, fmt.Errorf("read causes: %w", err)
	}
	for _, c := range causes {
		to := deadletter.Fingerprint(c.Source, c.Destination, c.Reason)
		if to == c.Fingerprint {
			continue
		}
		if err := s.moveCause(ctx, c.Fingerprint, to); err != nil {
			return moved, fmt.Errorf("regroup the cause %s: %w", c.Fingerprint, err)
		}
		moved++
	}
	if err := s.regroupFaults(ctx); err != nil {
		return moved, fmt.Errorf("regroup the results of jobs: %w", err)
	}
	return moved, s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, setCauseRules, deadletter.CauseRules)
		return err
	})
}

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
				if _, err := tx.tx.ExecContext(
					ctx,
					setFault,
					deadletter.FaultKey(i.text),
					i.job,
					i.message,
				); err != nil {
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

// moveCause moves the messages of a cause to another, some in each commit, and their counts with the last.
func (s *Store) moveCause(ctx context.Context, from, to string) error {
	for more := true; more; {
		err := s.Write(ctx, func(ctx context.Context, tx *Tx) error {
			written, err := tx.tx.ExecContext(ctx, moveMessages, to, from, itemsPerCommit)
			if err != nil {
				return err
			}
			n, err := written.RowsAffected()
			if more = n == itemsPerCommit; more || err != nil {
				return err
			}
			for _, statement := range []string{mergeCause, deleteCause, forgetMove, followMoves, noteMove} {
				if _, err := tx.tx.ExecContext(ctx, statement, to, from); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
