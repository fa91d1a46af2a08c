package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/sqlite"
)

const (
	beginRun  = `INSERT INTO ledger_runs (run, started_at, saved_at) VALUES (?, ?, ?)`
	updateRun = `UPDATE ledger_runs SET saved_at = ?, ended_at = ? WHERE run = ?`
	knownRun  = `SELECT EXISTS (SELECT 1 FROM ledger_runs WHERE run = ?)`

	addToLedger = `INSERT INTO ledger (hour, source, run, received, delivered, queued, refused, arrived, repeated)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET received = received + excluded.received,
		delivered = delivered + excluded.delivered, queued = queued + excluded.queued,
			refused = refused + excluded.refused, arrived = arrived + excluded.arrived,
			repeated = repeated + excluded.repeated`
)

// BeginRun starts the ledger of a life of the program.
func (s *Store) BeginRun(ctx context.Context, run string, at time.Time) error {
	return s.ledgerWrite(ctx, "begin the ledger of a run", func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, beginRun, run, at.UnixMilli(), at.UnixMilli())
		return err
	})
}

// SaveRun adds what a run has counted. ended says that it no longer counts.
func (s *Store) SaveRun(
	ctx context.Context, run string, counts map[ledger.Account]ledger.Counts, ended bool, at time.Time,
) error {
	return s.ledgerWrite(ctx, "save the ledger", func(ctx context.Context, tx *Tx) error {
		for a, n := range counts {
			if err := addCounts(ctx, tx.tx, a, n); err != nil {
				return err
			}
		}
		var end any
		if ended {
			end = at.UnixMilli()
		}
		_, err := tx.tx.ExecContext(ctx, updateRun, at.UnixMilli(), end, run)
		return err
	})
}

func (s *Store) ledgerWrite(ctx context.Context, what string, fn func(ctx context.Context, tx *Tx) error) error {
	if err := s.Write(ctx, fn); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// addCounts adds counts to an account. Webhooks of a run that this file does not know are received when they are
// delivered here, or when their messages arrive.
func addCounts(ctx context.Context, tx *sqlite.Tx, a ledger.Account, n ledger.Counts) error {
	ours, err := isKnownRun(ctx, tx, a.Run)
	if err != nil {
		return err
	}
	if !ours {
		a.Run, n = "", ledger.Counts{Received: n.Delivered, Delivered: n.Delivered}
	}
	_, err = tx.ExecContext(
		ctx, addToLedger, a.Hour.UnixMilli(), a.Source, a.Run, n.Received, n.Delivered, n.Queued, n.Refused,
		0, 0,
	)
	return err
}

func isKnownRun(ctx context.Context, tx *sqlite.Tx, run string) (ours bool, err error) {
	if run == "" {
		return false, nil
	}
	err = tx.QueryRowContext(ctx, knownRun, run).Scan(&ours)
	return ours, err
}

// arrivals counts webhooks that came from a queue.
type arrivals struct {
	all, repeated int
	numbered      []deadletter.Sequence
}

// RecordArrival counts a webhook that has come from a queue for the first time: as a message, or as a
// repetition of one.
func (t *Tx) RecordArrival(c *deadletter.Capture, repeated bool) {
	a, place := ledger.AccountOf(*c), c.Sequence
	t.count(func(sum *counts) {
		n := sum.arrivals[a]
		n.all++
		if repeated {
			n.repeated++
		}
		if place.Number > 0 {
			n.numbered = append(n.numbered, place)
		}
		sum.arrivals[a] = n
	})
}

// A message was made by the receipt of its own id, unless its first arrival is on record as another.
const receiptKnown = `SELECT EXISTS (SELECT 1 FROM arrivals
	WHERE receipt_id = ?1 AND receipt_id <> '') OR ?1 = ?2 AND EXISTS (
	SELECT 1 FROM messages m WHERE m.id = ?2 AND NOT EXISTS (SELECT 1 FROM arrivals a
	WHERE a.message = m.n AND a.number = 1))`

// HasArrived reports whether a receipt of a webhook has come from a queue before, as a message or as a repetition of
// one.
func (t *Tx) HasArrived(ctx context.Context, c deadletter.Capture) (known bool, err error) {
	if err := t.tx.QueryRowContext(ctx, receiptKnown, c.ReceiptID(), c.ID).Scan(&known); err != nil {
		return false, fmt.Errorf("find the arrival of %s: %w", c.ID, err)
	}
	return known, nil
}

// hourStatus names the messages of one source, hour of receipt and status.
type hourStatus struct {
	hour   int64
	source string
	status deadletter.Status
}

func hourStatusOf(m deadletter.Message) hourStatus {
	return hourStatus{ledger.HourOf(m.ReceivedAt).UnixMilli(), m.Source, m.Status}
}

const addToHour = `INSERT INTO ledger_messages VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
	SET messages = messages + excluded.messages`

// writeLedger adds the changes of a commit to the ledger. Webhooks of other receivers count as received when they
// arrive.
func (c *counts) writeLedger(ctx context.Context, tx *sqlite.Tx) error {
	for at, n := range c.hourStatuses {
		if n == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, addToHour, at.hour, at.source, at.status, n); err != nil {
			return err
		}
	}
	for a, n := range c.arrivals {
		ours, err := isKnownRun(ctx, tx, a.Run)
		if err != nil {
			return err
		}
		received := 0
		if !ours {
			a.Run, received = "", n.all
		}
		if _, err := tx.ExecContext(
			ctx, addToLedger, a.Hour.UnixMilli(), a.Source, a.Run, received, 0, received, 0, n.all,
			n.repeated,
		); err != nil {
			return err
		}
		if ours && len(n.numbered) > 0 {
			if err := addNumbers(ctx, tx, a, n.numbered); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	sequenceOf  = `SELECT sequence FROM ledger WHERE hour = ? AND source = ? AND run = ?`
	setSequence = `UPDATE ledger SET expected = ?, sequence = ? WHERE hour = ? AND source = ? AND run = ?`
)

// addNumbers adds the numbers of messages that arrived to their account.
func addNumbers(ctx context.Context, tx *sqlite.Tx, a ledger.Account, list []deadletter.Sequence) error {
	var text []byte
	if err := tx.QueryRowContext(ctx, sequenceOf, a.Hour.UnixMilli(), a.Source, a.Run).Scan(&text); err != nil {
		return err
	}
	var arrived ledger.Arrivals
	if err := arrived.UnmarshalBinary(text); err != nil {
		return err
	}
	for _, s := range list {
		arrived.Add(s)
	}
	text, err := arrived.MarshalBinary()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, setSequence, arrived.Expected(), text, a.Hour.UnixMilli(), a.Source, a.Run)
	return err
}

// LedgerQuery asks for a page of the ledger.
type LedgerQuery struct {
	Source string    // "": all
	Before time.Time // hours before this one; zero: the newest
	Rows   int       // at most, but always a whole hour
}

// LedgerPage is a part of the ledger, the newest hour first.
type LedgerPage struct {
	Lines []ledger.Line
	Older time.Time // the hour that the next page is before; zero: there is none
}

const (
	maxHours = 24

	ledgerHours = `SELECT hour, count(DISTINCT source) FROM ledger WHERE hour < ?1 AND (?2 = '' OR source = ?2)
		GROUP BY hour ORDER BY hour DESC LIMIT ?3`

	// Messages that arrived prove what a killed run has not saved.
	ledgerLines = `SELECT hour, source, sum(received + max(expected - queued, 0)), sum(delivered),
		sum(max(queued, expected)), sum(refused), sum(arrived), sum(repeated) FROM ledger
		WHERE hour BETWEEN ?1 AND ?2 AND (?3 = '' OR source = ?3) GROUP BY hour, source ORDER BY hour DESC, source`

	ledgerStatuses = `SELECT hour, source, status, messages FROM ledger_messages
		WHERE hour BETWEEN ?1 AND ?2 AND (?3 = '' OR source = ?3) AND messages <> 0`
)

// Ledger returns the hours of a page in which anything was received. Its cost depends on the page, not on the number of
// messages.
func (s *Store) Ledger(ctx context.Context, q LedgerQuery) (LedgerPage, error) {
	p, err := s.ledgerPage(ctx, q)
	if err != nil {
		return LedgerPage{}, fmt.Errorf("read the ledger: %w", err)
	}
	return p, nil
}

func (s *Store) ledgerPage(ctx context.Context, q LedgerQuery) (LedgerPage, error) {
	from, to, more, err := s.hoursOf(ctx, q)
	if err != nil || to == 0 {
		return LedgerPage{}, err
	}
	var p LedgerPage
	if more {
		p.Older = time.UnixMilli(from).UTC()
	}
	places := map[ledger.Account]int{}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		m := ledger.Line{Messages: map[deadletter.Status]int{}}
		var hour int64
		err := r.Scan(&hour, &m.Source, &m.Received, &m.Delivered, &m.Queued, &m.Refused, &m.Arrived, &m.Repeated)
		m.Hour = time.UnixMilli(hour).UTC()
		places[ledger.Account{Source: m.Source, Hour: m.Hour}] = len(p.Lines)
		p.Lines = append(p.Lines, m)
		return err
	}, ledgerLines, from, to, q.Source)
	if err != nil {
		return LedgerPage{}, err
	}
	return p, sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var hour int64
		var source string
		var status deadletter.Status
		var n int
		err := r.Scan(&hour, &source, &status, &n)
		if place, ok := places[ledger.Account{Source: source, Hour: time.UnixMilli(hour).UTC()}]; ok {
			p.Lines[place].Messages[status] = n
		}
		return err
	}, ledgerStatuses, from, to, q.Source)
}

// hoursOf returns the first and the last hour of a page, and whether there are hours before them.
func (s *Store) hoursOf(ctx context.Context, q LedgerQuery) (from, to int64, more bool, err error) {
	before := int64(1) << 62
	if !q.Before.IsZero() {
		before = q.Before.UnixMilli()
	}
	rows, hours := 0, 0
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var hour int64
		var n int
		if err := r.Scan(&hour, &n); err != nil || more {
			return err
		}
		if hours == maxHours || hours > 0 && rows+n > q.Rows {
			more = true
			return nil
		}
		if hours == 0 {
			to = hour
		}
		from, rows, hours = hour, rows+n, hours+1
		return nil
	}, ledgerHours, before, q.Source, maxHours+1)
	return from, to, more, err
}

const ledgerReceived = `SELECT source, sum(received + max(expected - queued, 0)) FROM ledger
	WHERE hour >= ?1 AND hour < ?2 AND (?3 = '' OR source = ?3) GROUP BY source`

// Received returns how many webhooks were received in the hours from (inclusive) to (exclusive), by source: of one
// source, or of all for "".
func (s *Store) Received(ctx context.Context, source string, from, to time.Time) (map[string]int, error) {
	received := map[string]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var name string
		var n int
		err := r.Scan(&name, &n)
		received[name] = n
		return err
	}, ledgerReceived, from.UnixMilli(), to.UnixMilli(), source)
	if err != nil {
		return nil, fmt.Errorf("read received webhooks of the ledger: %w", err)
	}
	return received, nil
}

const openAccounts = `SELECT hour, source, run, received + max(expected - queued, 0), delivered,
	max(queued, expected), refused, arrived, expected > 0 FROM ledger
	WHERE hour >= ? AND (received <> delivered + queued OR max(queued, expected) <> arrived)`

// OpenAccounts returns the accounts since a time that do not balance. Those that balance cost nothing.
func (s *Store) OpenAccounts(ctx context.Context, since time.Time) ([]ledger.OpenAccount, error) {
	var list []ledger.OpenAccount
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var o ledger.OpenAccount
		var hour int64
		n := &o.Counts
		to := []any{&hour, &o.Source, &o.Run, &n.Received, &n.Delivered, &n.Queued, &n.Refused, &o.Arrived, &o.Numbered}
		err := r.Scan(to...)
		o.Hour = time.UnixMilli(hour).UTC()
		list = append(list, o)
		return err
	}, openAccounts, since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read open accounts of the ledger: %w", err)
	}
	return list, nil
}

const arrivedOf = `SELECT coalesce(sum(arrived), 0) FROM ledger WHERE hour = ? AND source = ? AND run = ?`

// Arrived returns how many messages of an account are in the store.
func (s *Store) Arrived(ctx context.Context, a ledger.Account) (n int, err error) {
	if err := s.db.QueryRowContext(ctx, arrivedOf, a.Hour.UnixMilli(), a.Source, a.Run).Scan(&n); err != nil {
		return 0, fmt.Errorf("read an account of the ledger: %w", err)
	}
	return n, nil
}

const killedRuns = `SELECT run, saved_at FROM ledger_runs WHERE ended_at IS NULL AND saved_at >= ? AND run <> ?`

// KilledRuns returns the runs since a time that did not end properly, and when each saved its counts last. present is
// the run that goes on.
func (s *Store) KilledRuns(ctx context.Context, since time.Time, present string) (map[string]time.Time, error) {
	killed := map[string]time.Time{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var run string
		var saved sql.NullInt64
		err := r.Scan(&run, &saved)
		killed[run] = sqlite.Time(saved)
		return err
	}, killedRuns, since.UnixMilli(), present)
	if err != nil {
		return nil, fmt.Errorf("read the runs of the ledger: %w", err)
	}
	return killed, nil
}
