package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/sqlite"
)

const (
	// regroupBatch bounds how many messages one transaction groups anew: others wait for some milliseconds.
	regroupBatch = 250

	// regroupPause is how long the loop waits after a transaction, in times of how long that took.
	regroupPause = 2

	// regroupTurn is how often the loop works under pressure.
	regroupTurn = 5 * time.Second

	// regroupLogged is how often the log says how far the loop is.
	regroupLogged = 10 * time.Second

	// regroupRetry is the wait after an error.
	regroupRetry = time.Second
)

// Regrouping is how far the messages of causes are grouped anew, because rules have changed.
type Regrouping struct {
	Causes   int // whose messages are looked at
	Messages int // of these causes, when it began
	Done     int // messages that were looked at
	Moved    int // of these, to another cause
}

// Active reports whether messages are being grouped anew.
func (r Regrouping) Active() bool { return r.Causes > 0 }

const regroupProgress = `SELECT count(*), coalesce(sum(max(messages, looked_at)), 0), coalesce(sum(looked_at), 0),
	coalesce(sum(moved), 0) FROM regrouping`

// Regrouping returns how far the messages of causes are grouped anew.
func (s *Store) Regrouping(ctx context.Context) (Regrouping, error) {
	var r Regrouping
	err := s.db.QueryRowContext(ctx, regroupProgress).Scan(&r.Causes, &r.Messages, &r.Done, &r.Moved)
	if err != nil {
		return r, fmt.Errorf("read how far messages are grouped anew: %w", err)
	}
	return r, nil
}

// RunRegrouping groups stored messages anew until ctx ends, whenever the rules of people or the built-in ones have
// changed. It works beside everything else, in small transactions, and continues where an earlier process stopped. It
// yields while the pressure is high.
func (s *Store) RunRegrouping(ctx context.Context, gauge *pressure.Gauge, log *slog.Logger) error {
	loop := regroupLoop{store: s, turns: gauge.NewTurns(regroupTurn), log: log}
	for ctx.Err() == nil {
		pause, more, err := loop.once(ctx)
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "messages could not be grouped anew; it is tried again", "err", err)
			pause, more = regroupRetry, true
		}
		var timer <-chan time.Time // nil: wait for a kick
		if more {
			timer = time.After(pause)
		}
		select {
		case <-ctx.Done():
		case <-timer:
		case <-s.regroupKick:
		}
	}
	return nil
}

type regroupLoop struct {
	store   *Store
	turns   *pressure.Turns
	log     *slog.Logger
	checked bool      // whether the built-in rules are those that grouped the stored messages
	faults  itemError // the latest error of a job whose key was made anew
	logged  time.Time
}

// once does the work of one transaction. It returns how long to wait before the next, and whether there is more.
func (l *regroupLoop) once(ctx context.Context) (pause time.Duration, more bool, err error) {
	if wait := l.turns.Wait(); wait > 0 {
		return wait, true, nil
	}
	if !l.checked {
		if err := l.store.markForNewRules(ctx); err != nil {
			return 0, false, err
		}
		l.checked = true
	}
	began := time.Now()
	var finished Regrouping
	err = l.store.Write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		finished, more, err = tx.regroupSome(ctx, regroupBatch)
		return err
	})
	if err == nil && !more {
		more, err = l.store.regroupFaults(ctx, &l.faults)
	}
	if err == nil {
		l.report(ctx, finished)
	}
	return regroupPause * time.Since(began), more, err
}

// report logs how far the messages are, now and then, and the end.
func (l *regroupLoop) report(ctx context.Context, finished Regrouping) {
	switch {
	case finished.Active():
		l.log.InfoContext(ctx, "messages were grouped anew", "causes", finished.Causes, "messages", finished.Done,
			"moved", finished.Moved)
		l.logged = time.Time{}
	case time.Since(l.logged) >= regroupLogged:
		if now, err := l.store.Regrouping(ctx); err == nil && now.Active() {
			l.log.InfoContext(ctx, "messages are being grouped anew", "done", now.Done, "of", now.Messages)
			l.logged = time.Now()
		}
	}
}

const (
	rulesOfStore = `SELECT version FROM cause_rules`
	setRules     = `UPDATE cause_rules SET version = ?`
	setRulesOnce = `UPDATE cause_rules SET version = ? WHERE NOT EXISTS (SELECT 1 FROM causes)`
	putDown      = `INSERT INTO regrouping (fingerprint, messages, joins)
		SELECT fingerprint, messages, ?1 FROM causes WHERE `
	putDownAgain = ` ON CONFLICT DO UPDATE SET messages = excluded.messages, after_status = '', after = 0,
		looked_at = 0, moved = 0, done = 0, first_at = NULL, last_at = NULL, error = NULL,
		joins = max(joins, excluded.joins)`
	markCauses = putDown + `(?2 = '' OR source = ?2)` + putDownAgain
	markCause  = putDown + `fingerprint = ?2` + putDownAgain
)

// rulesAreOlder reports whether other built-in rules than the present ones made the causes.
func (s *Store) rulesAreOlder(ctx context.Context) (bool, error) {
	var version int
	if err := s.db.QueryRowContext(ctx, rulesOfStore).Scan(&version); err != nil {
		return false, fmt.Errorf("read the version of the causes' rules: %w", err)
	}
	return version != deadletter.CauseRules, nil
}

// beginRules notes in a new file that the present rules make its causes, so that nothing of it is grouped anew.
func (s *Store) beginRules(ctx context.Context) error {
	if older, err := s.rulesAreOlder(ctx); err != nil || !older {
		return err
	}
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, setRulesOnce, deadletter.CauseRules)
		return err
	})
}

// markForNewRules puts all causes down to be grouped anew if older built-in rules made them.
func (s *Store) markForNewRules(ctx context.Context) error {
	if older, err := s.rulesAreOlder(ctx); err != nil || !older {
		return err
	}
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.ExecContext(ctx, markCauses, true, ""); err != nil {
			return err
		}
		_, err := tx.tx.ExecContext(ctx, setRules, deadletter.CauseRules)
		return err
	})
}

// regroup puts causes down to be grouped anew, or all of a source, brings causes back that the present rules make
// again, and groups some messages at once.
func (t *Tx) regroup(ctx context.Context, source string, causes []string, all bool) error {
	if all {
		if _, err := t.tx.ExecContext(ctx, markCauses, false, source); err != nil {
			return err
		}
	}
	for _, fingerprint := range causes {
		if _, err := t.tx.ExecContext(ctx, markCause, false, fingerprint); err != nil {
			return err
		}
	}
	t.group.active, t.regroups = true, true
	if err := t.aimMoved(ctx, source); err != nil {
		return err
	}
	_, _, err := t.regroupSome(ctx, regroupBatch)
	return err
}

// regrouped is a cause whose messages are grouped anew, and how far that is.
type regrouped struct {
	id          int64
	fingerprint string
	status      string // of the latest message that was looked at; messages are read by status and row number
	after       int64
	looked      int
	moved       int
	first, last sql.NullInt64  // of the failures of messages that stay
	error       sql.NullString // of one of these
	joins       bool           // what people decided goes along with the messages
}

const (
	nextCause = `SELECT id, fingerprint, after_status, after, looked_at, moved, first_at, last_at, error, joins
		FROM regrouping WHERE done = 0 ORDER BY id DESC LIMIT 1`
	saveCause = `UPDATE regrouping SET after_status = ?, after = ?, looked_at = ?, moved = ?, first_at = ?, last_at = ?,
		error = ?, done = ? WHERE id = ?`
	endRegrouping = `DELETE FROM regrouping`

	// failedCode is the status code with which the message m failed: its own may be that of a delivery since.
	failedCode = `coalesce((SELECT a.status_code FROM attempts a
		WHERE a.message = m.n AND a.error = m.reason ORDER BY a.number DESC LIMIT 1), 0)`
	messagesToRegroup = `SELECT ` + messageColumns + `, ` + failedCode + ` FROM messages m
		WHERE m.fingerprint = ? AND (m.status, m.n) > (?, ?) ORDER BY m.status, m.n LIMIT ?`
	failedWith = `SELECT ` + failedCode + ` FROM messages m WHERE m.n = ?`
	setCause   = `UPDATE messages SET fingerprint = ? WHERE n = ?`
)

// regroupSome groups up to limit messages anew, those of the causes that were put down last first. It returns the
// totals once all are done, and whether there is more.
func (t *Tx) regroupSome(ctx context.Context, limit int) (finished Regrouping, more bool, err error) {
	for limit > 0 {
		c, err := scanRegrouped(t.tx.QueryRowContext(ctx, nextCause))
		if errors.Is(err, sql.ErrNoRows) {
			finished, err = t.endRegrouping(ctx)
			return finished, false, err
		}
		if err != nil {
			return finished, false, err
		}
		looked, err := t.regroupCause(ctx, &c, limit)
		if err != nil {
			return finished, false, err
		}
		limit -= looked + 1
	}
	return finished, true, nil
}

func scanRegrouped(r sqlite.Row) (c regrouped, err error) {
	err = r.Scan(&c.id, &c.fingerprint, &c.status, &c.after, &c.looked, &c.moved, &c.first, &c.last, &c.error, &c.joins)
	return c, err
}

// endRegrouping forgets the causes, all of which are done, and returns the totals.
func (t *Tx) endRegrouping(ctx context.Context) (r Regrouping, err error) {
	if err = t.tx.QueryRowContext(ctx, regroupProgress).Scan(&r.Causes, &r.Messages, &r.Done, &r.Moved); err != nil {
		return r, err
	}
	if !r.Active() {
		return r, nil
	}
	t.group.active = false
	_, err = t.tx.ExecContext(ctx, endRegrouping)
	return r, err
}

// toRegroup is a message with the error by which it is grouped.
type toRegroup struct {
	n int64
	deadletter.Message
	failure deadletter.Failure
	code    int
	replays []deadletter.Attempt // that count for its cause
	items   []countedItem
}

// regroupCause groups up to limit messages of a cause anew, and returns how many it looked at. When it finds fewer, it
// is done with the cause.
func (t *Tx) regroupCause(ctx context.Context, c *regrouped, limit int) (looked int, err error) {
	list, err := t.messagesToRegroup(ctx, c, limit)
	if err != nil {
		return 0, err
	}
	for _, m := range list {
		to, err := t.moveToCause(ctx, m)
		if err != nil {
			return 0, err
		}
		if c.status, c.after = string(m.Status), m.n; to != c.fingerprint {
			c.moved++
			continue
		}
		at := m.ReceivedAt.UnixMilli()
		if !c.first.Valid {
			c.first, c.last, c.error = sql.NullInt64{Int64: at, Valid: true}, sql.NullInt64{Int64: at, Valid: true},
				sql.NullString{String: m.failure.Error, Valid: true}
		}
		c.first.Int64, c.last.Int64 = min(c.first.Int64, at), max(c.last.Int64, at)
	}
	c.looked += len(list)
	done := len(list) < limit
	if done {
		if err := t.endCause(ctx, c); err != nil {
			return 0, err
		}
	}
	_, err = t.tx.ExecContext(
		ctx, saveCause, c.status, c.after, c.looked, c.moved, c.first, c.last, c.error, done, c.id,
	)
	return len(list), err
}

func (t *Tx) messagesToRegroup(ctx context.Context, c *regrouped, limit int) (list []toRegroup, err error) {
	err = sqlite.Each(ctx, t.tx, func(r sqlite.Row) error {
		var m toRegroup
		n, message, err := scanMessage(alsoInto(r, &m.code))
		m.n, m.Message = n, message
		m.failure = failureOf(message, m.code)
		list = append(list, m)
		return err
	}, messagesToRegroup, c.fingerprint, c.status, c.after, limit)
	return list, err
}

func failureOf(m deadletter.Message, code int) deadletter.Failure {
	return deadletter.Failure{
		Source: m.Source, Destination: m.Destination, Error: deadletter.FailureText(code, m.Reason),
	}
}

// moveToCause gives a message the cause that the present rules find, and returns it.
func (t *Tx) moveToCause(ctx context.Context, m toRegroup) (fingerprint string, err error) {
	grouping, err := t.Grouping(ctx)
	if err != nil {
		return "", err
	}
	fingerprint, _ = grouping.Cause(m.failure, "")
	if fingerprint == m.Fingerprint {
		return fingerprint, nil
	}
	if _, err := t.tx.ExecContext(ctx, setCause, fingerprint, m.n); err != nil {
		return "", err
	}
	if m.replays, err = t.replaysOfCause(ctx, m.n); err != nil {
		return "", err
	}
	if m.items, err = t.moveItems(ctx, m.n, m.Fingerprint, fingerprint); err != nil {
		return "", err
	}
	t.count(func(sum *counts) { sum.regrouped(m, fingerprint) })
	return fingerprint, nil
}

const allAttempts = `SELECT ` + attemptColumns + ` FROM attempts a WHERE a.message = ? ORDER BY a.number`

// replaysOfCause returns the replays of a message that count for its cause.
func (t *Tx) replaysOfCause(ctx context.Context, n int64) ([]deadletter.Attempt, error) {
	var list []deadletter.Attempt
	err := sqlite.Each(ctx, t.tx, func(r sqlite.Row) error {
		a, err := scanAttempt(r)
		list = append(list, a)
		return err
	}, allAttempts, n)
	return deadletter.ReplaysOfCause(list), err
}

// countedItem is an item of a job, and its state.
type countedItem struct {
	job   deadletter.JobID
	state deadletter.ItemState
}

const moveItems = `UPDATE job_items SET cause = ?3 WHERE message = ?1 AND cause IN ('', ?2) AND state <> 'pending'
	AND job IN (SELECT job FROM job_causes WHERE fingerprint = ?2) RETURNING job, state`

// moveItems lets the items of a message count for another cause, and returns those that did for the one before.
func (t *Tx) moveItems(ctx context.Context, n int64, from, to string) (moved []countedItem, err error) {
	err = sqlite.Each(ctx, t.tx, func(r sqlite.Row) error {
		var i countedItem
		err := r.Scan(&i.job, &i.state)
		moved = append(moved, i)
		return err
	}, moveItems, n, from, to)
	return moved, err
}

// moveChanged gives a message that is about to be changed its present cause, while messages are grouped anew: otherwise
// its change could take it past the place up to which they are.
func (t *Tx) moveChanged(ctx context.Context, n int64, m deadletter.Message) (fingerprint string, err error) {
	if _, err := t.Grouping(ctx); err != nil || !t.group.active {
		return m.Fingerprint, err
	}
	code := 0
	if err := t.tx.QueryRowContext(ctx, failedWith, n).Scan(&code); err != nil {
		return "", err
	}
	return t.moveToCause(ctx, toRegroup{n: n, Message: m, failure: failureOf(m, code), code: code})
}

// endCause ends the grouping of a cause's messages. If none of them stays, what is left of the cause goes to the one of
// its error: its history, and the way from its fingerprint.
func (t *Tx) endCause(ctx context.Context, c *regrouped) error {
	list, err := causes(ctx, t.tx, causesOf, c.fingerprint)
	if err != nil || len(list) == 0 {
		return err
	}
	grouping, err := t.Grouping(ctx)
	if err != nil {
		return err
	}
	before := list[0]
	to, _ := grouping.Cause(deadletter.Failure{
		Source: before.Source, Destination: before.Destination, Error: before.Error,
	}, "")
	switch {
	case to == c.fingerprint && c.moved == 0:
	case c.first.Valid: // some stay
		example := before.Error
		if to != c.fingerprint {
			example = c.error.String
		}
		_, err = t.tx.ExecContext(ctx, keepCause, c.fingerprint, example, c.first.Int64, c.last.Int64)
	case to != c.fingerprint:
		t.count(func(sum *counts) { sum.rests = append(sum.rests, rest{c.fingerprint, to, c.joins}) })
	}
	return err
}

const (
	causesOf  = `SELECT ` + causeColumns + ` FROM causes WHERE fingerprint = ?`
	keepCause = `UPDATE causes SET reason = ?2, first_at = ?3, last_at = ?4 WHERE fingerprint = ?1`
)

const (
	itemErrors = `SELECT job, message, error FROM job_items WHERE error <> '' AND (job, message) > (?, ?)
		ORDER BY job, message LIMIT ?`
	setFault      = `UPDATE job_items SET fault = ? WHERE job = ? AND message = ?`
	faultsOfStore = `SELECT faults FROM cause_rules`
	setFaults     = `UPDATE cause_rules SET faults = ?`
)

// itemError is the error of a message in a job.
type itemError struct {
	job, message int64
	text         string
}

// regroupFaults sets the keys of what some messages of jobs failed or were skipped for, those that follow last, if
// older built-in rules made them. It returns whether there is more.
func (s *Store) regroupFaults(ctx context.Context, last *itemError) (more bool, err error) {
	var version int
	if err := s.db.QueryRowContext(ctx, faultsOfStore).Scan(&version); err != nil || version == deadletter.CauseRules {
		return false, err
	}
	var items []itemError
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var i itemError
		err := r.Scan(&i.job, &i.message, &i.text)
		items = append(items, i)
		return err
	}, itemErrors, last.job, last.message, regroupBatch)
	if err != nil {
		return false, err
	}
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		for _, i := range items {
			if _, err := tx.tx.ExecContext(ctx, setFault, deadletter.FaultKey(i.text), i.job, i.message); err != nil {
				return err
			}
		}
		if len(items) == regroupBatch {
			return nil
		}
		_, err := tx.tx.ExecContext(ctx, setFaults, deadletter.CauseRules)
		return err
	})
	if err == nil && len(items) > 0 {
		*last = items[len(items)-1]
	}
	return len(items) == regroupBatch, err
}
