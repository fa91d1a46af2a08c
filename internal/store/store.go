// Package store keeps messages, the audit trail, users and sessions in one SQLite file. Every SQL statement of the
// program is here; no rule of the domain is: a message changes only by a deadletter.Change, applied with its audit
// event in one transaction.
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/migrations"
)

// Store is the desk's file. Its methods may be called from many goroutines.
type Store struct {
	db      *db
	index   *index
	key     []byte
	changed chan struct{}

	// Only the writer's loop looks at these.
	batch   batch // of the commit under way
	numbers numbering
}

// Open opens (or creates) the file and brings it to the newest schema. key vouches for the audit trail; it is at
// least 32 bytes and kept outside the file. The caller closes the Store.
func Open(ctx context.Context, path string, key []byte) (*Store, error) {
	if len(key) < 32 {
		return nil, errors.New("open store: the audit key needs 32 bytes")
	}
	index, err := openIndex(ctx, path)
	if err != nil {
		return nil, err
	}
	db, err := openDB(ctx, file{path: path, migrations: migrations.Desk(), beside: index.path, cache: deskCache})
	if err != nil {
		return nil, errors.Join(err, index.db.Close())
	}
	s := &Store{db: db, index: index, key: key, changed: make(chan struct{}, 1)}
	db.begin, db.end = func() { s.batch = batch{} }, s.endBatch
	if err := errors.Join(s.numbers.begin(ctx, db.read), s.groupAll(ctx)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for the writes under way and closes the file.
func (s *Store) Close() error { return errors.Join(s.db.Close(), s.index.db.Close()) }

// Tx is one write transaction: all of it is committed, or nothing.
type Tx struct {
	tx      *writeTx
	key     []byte
	numbers *numbering
	end     trailEnd
	counted []func(*counts)
	earlier []func(*counts) // what other writes of the same commit count, which no row has yet
	applied bool            // a message was changed
}

// patience is how long a write waits to be begun, so that nobody sits before a page while another program holds the
// file.
const patience = 5 * time.Second

// Write runs fn in a transaction and answers when it is on disk. fn must not keep tx, do network calls, or call
// Write. It may be run once more after all that it wrote was undone, so it sets what it answers anew each time. When
// fn fails nothing of it is kept and its error is answered as it is. An Unavailable error says that the file takes
// nothing just now, and why.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	var applied, recorded bool
	asked := ctx
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := s.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		t := &Tx{tx: tx, key: s.key, numbers: &s.numbers, end: s.batch.end, earlier: s.batch.counted}
		if err := fn(ctx, t); err != nil {
			return err
		}
		applied, recorded = t.applied, t.end.moved
		s.batch.end, s.batch.counted = t.end, append(s.batch.counted, t.counted...)
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) && asked.Err() == nil {
		return &deadletter.Error{
			Kind: deadletter.Unavailable,
			Text: textBusy,
			Err:  fmt.Errorf("no write could be begun within %s", patience),
		}
	}
	if err == nil && applied {
		tell(s.changed)
	}
	if err == nil && recorded {
		s.index.kick()
	}
	return err
}

// batch is what the writes of one commit have in common: it is written once for all of them.
type batch struct {
	end     trailEnd
	counted []func(*counts)
}

// count adds to the numbers that are kept, once this write has succeeded.
func (t *Tx) count(add func(*counts)) { t.counted = append(t.counted, add) }

// endBatch writes what the writes of a commit have in common.
func (s *Store) endBatch(ctx context.Context, tx *writeTx) error {
	sum := newCounts()
	for _, add := range s.batch.counted {
		add(sum)
	}
	if err := sum.write(ctx, tx); err != nil {
		return err
	}
	t := &Tx{tx: tx, key: s.key, end: s.batch.end}
	if err := t.countJobs(ctx, sum.jobs); err != nil {
		return err
	}
	return t.sealTrail(ctx)
}

// Changed tells that messages were changed in this process since it was read last. One reader alone may wait for it.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// row is what sql.Row and sql.Rows share.
type row interface{ Scan(dest ...any) error }

// querier is what a transaction and the readers share.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// millis is a time as the tables keep it; NULL for the zero time.
func millis(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

func fromMillis(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMilli(n.Int64).UTC()
}

func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func toJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write JSON: %w", err)
	}
	return string(text), nil
}

// each scans every row of a query with fn and closes it.
func each(ctx context.Context, q querier, fn func(row) error, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// notFound turns an absent row into an error that a person can be told.
func notFound(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return deadletter.Errorf(deadletter.NotFound, format, args...)
	}
	return err
}
