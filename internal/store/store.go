// Package store is the SQL of the desk's file: messages, the audit trail, causes, jobs, counts, the ledger, users and
// sessions. It holds no rule of the domain: a message changes only by a deadletter.Change, which is applied with its
// audit event in one transaction. The engine below it is sqlite, the full-text index beside it search.
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/search"
	"dlqdesk/internal/sqlite"
	"dlqdesk/migrations"
)

// Store is the desk's file. Its methods may be called from many goroutines.
type Store struct {
	db      *sqlite.DB
	index   *search.Index
	mark    *trailMark
	changed broadcast // of new audit events

	grouping    atomic.Pointer[knownGrouping]
	regroupKick chan struct{} // has a value when messages are to be grouped anew
	rules       atomic.Pointer[knownRules]

	triggers map[string]string // that keep audit events from being changed, by name

	// batch is what the writes of one commit share: it is written once for all of them.
	batch   batch // of the commit under way
	numbers rowNumbers
}

// cacheKiB is larger than that of other files, because the indexes of this one are written to all over.
const cacheKiB = 8000

// Open opens the file, or creates it, and brings it to the newest schema. key seals the audit trail; it has at least
// 32 bytes and is stored outside the file. The seal of the trail is in the file SealFile beside it. A trail that was
// tampered with is opened all the same: VerifyAudit reports it. The caller closes the Store.
func Open(ctx context.Context, path string, key []byte, log *slog.Logger) (*Store, error) {
	return openWith(ctx, path, key, log, migrations.Desk())
}

func openWith(ctx context.Context, path string, key []byte, log *slog.Logger, schema fs.FS) (*Store, error) {
	if len(key) < 32 {
		return nil, errors.New("open store: the audit key needs 32 bytes")
	}
	triggers, err := triggersOf(schema)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	s := &Store{
		mark: newTrailMark(path, key), triggers: triggers, regroupKick: make(chan struct{}, 1),
	}
	index := search.PathBeside(path)
	db, err := sqlite.Open(ctx, sqlite.Options{
		Path:         path,
		Migrations:   schema,
		Log:          log,
		Attach:       index,
		CacheKiB:     cacheKiB,
		Begin:        func() { s.batch = batch{} },
		BeforeCommit: s.endBatch,
	})
	if err != nil {
		return nil, err
	}
	s.db = db
	if s.index, err = search.Open(ctx, index, db, log); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := s.numbers.begin(ctx, db); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.mark.begin(ctx, db); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.beginRules(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for the writes under way, saves the seal of the audit trail and closes the file.
func (s *Store) Close() error { return errors.Join(s.db.Close(), s.mark.save(), s.index.Close()) }

// RunIndex keeps the search index up to date until ctx ends. masks returns the values that no search may find. The
// index yields while the pressure is high.
func (s *Store) RunIndex(ctx context.Context, masks func() *redact.Masks, gauge *pressure.Gauge) error {
	return s.index.Run(ctx, masks, gauge)
}

// KickIndex makes the search index look at once whether masks have changed.
func (s *Store) KickIndex() { s.index.Hurry() }

// Unindexed returns how many of the latest events no search finds yet.
func (s *Store) Unindexed(ctx context.Context) (int64, error) { return s.index.Lag(ctx) }

// Tx is one write transaction: all of it is committed, or nothing.
type Tx struct {
	tx      *sqlite.Tx
	store   *Store
	mark    *trailMark
	numbers *rowNumbers
	end     trailEnd
	counted []func(*counts)

	group    groupState
	regroups bool // messages are to be grouped anew

	rulesChanged bool // by this transaction, or by an earlier one of its commit
}

// writeWait bounds how long a write waits to begin, so that a page returns while another program has locked the file.
const writeWait = 5 * time.Second

// Write runs fn in a transaction and returns when that is on disk. fn must not store tx, do network calls, or call
// Write. fn may run a second time after all that it wrote was undone, so it has to set its results anew each time. If
// fn fails, nothing of it is committed and Write returns its error. An Unavailable error says that the file cannot be
// written to at the moment, and why.
func (s *Store) Write(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	var regroups bool
	var end trailEnd
	asked := ctx
	ctx, cancel := context.WithTimeout(ctx, writeWait)
	defer cancel()
	err := s.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		t := &Tx{
			tx: tx, store: s, mark: s.mark, numbers: &s.numbers, end: s.batch.end, group: s.batch.group,
			rulesChanged: s.batch.rulesChanged,
		}
		if err := fn(ctx, t); err != nil {
			return err
		}
		regroups, end = t.regroups, t.end
		s.batch.rulesChanged = t.rulesChanged
		s.batch.end, s.batch.counted, s.batch.group = t.end, append(s.batch.counted, t.counted...), t.group
		return nil
	})
	if errors.Is(err, context.DeadlineExceeded) && asked.Err() == nil {
		return &deadletter.Error{
			Kind: deadletter.Unavailable,
			Text: sqlite.TextBusy,
			Err:  fmt.Errorf("no write could start within %s", writeWait),
		}
	}
	if err == nil && regroups {
		signal(s.regroupKick)
	}
	if err == nil && end.moved {
		s.mark.advance(end.Mark)
		s.index.Kick()
		s.changed.send()
	}
	return err
}

// signal puts a signal into a channel with room for one. A reader that has not come yet sees both changes.
func signal(channel chan<- struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// batch is what the writes of one commit have in common: it is written once for all of them.
type batch struct {
	end     trailEnd
	counted []func(*counts)
	group   groupState

	rulesChanged bool
}

// count adds to the stored counts once this write has succeeded.
func (t *Tx) count(add func(*counts)) { t.counted = append(t.counted, add) }

// endBatch writes what the writes of a commit share.
func (s *Store) endBatch(ctx context.Context, tx *sqlite.Tx) error {
	sum := newCounts()
	for _, add := range s.batch.counted {
		add(sum)
	}
	s.batch.counted = nil // they hold the bodies of the messages
	if err := sum.write(ctx, tx, s.batch.group.grouping); err != nil {
		return err
	}
	t := &Tx{tx: tx, store: s, mark: s.mark, end: s.batch.end}
	if err := t.countJobs(ctx, sum.jobs); err != nil {
		return err
	}
	return t.sealTrail(ctx)
}

// Changed returns a channel that is closed once this process has written another audit event, and with it a change of a
// message, a cause or anything else. Call it before you read what you wait for.
func (s *Store) Changed() <-chan struct{} { return s.changed.next() }

// broadcast wakes everyone who waits for it.
type broadcast struct {
	mu      sync.Mutex
	waiting chan struct{} // nil while no one waits
}

func (b *broadcast) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil {
		b.waiting = make(chan struct{})
	}
	return b.waiting
}

func (b *broadcast) send() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting != nil {
		close(b.waiting)
		b.waiting = nil
	}
}

func toJSON(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write JSON: %w", err)
	}
	return string(text), nil
}

// notFound turns an absent row into an error for people.
func notFound(err error, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return deadletter.Errorf(deadletter.NotFound, format, args...)
	}
	return err
}
