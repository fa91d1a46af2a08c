// Package search is the full-text index of messages: its file, the loop that fills it, and what a person's text means
// in it. The index is made of the desk's file alone, by following the audit trail: an event of a new message, another
// revision or another reason has the message read and indexed, the newest events first. Which events are indexed is
// written in the same transaction as the text. So a crash leaves nothing out, and an index that is deleted or damaged
// is made again.
//
// While messages are being written the index waits, and then takes many at once: see pause.
//
// It must not change the desk's file, nor index a value that is masked.
package search

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/pressure"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/sqlite"
	"dlqdesk/migrations"
)

// Index is the file that a search looks through. Its methods may be called from many goroutines.
type Index struct {
	db      *sqlite.DB
	desk    *sqlite.DB
	log     *slog.Logger
	seen    seen
	kicked  chan struct{} // the trail has new events
	hurried chan struct{} // a search waits for the index, or masks have changed
	wrote   atomic.Int64  // the latest kick, in milliseconds since 1970
	merging bool          // a merge is under way; only Run uses it

	mu     sync.Mutex
	usable bool          // it has no value that is masked now; until that is known, every search finds nothing
	masks  *redact.Masks // those that it was made with
	done   progress      // which events are indexed
	moved  chan struct{} // closed when done changes
}

// FileName is the name of the index, which is in the same folder as the desk's file.
const FileName = "search.db"

// PathBeside returns the path of the index of a desk's file.
func PathBeside(desk string) string { return filepath.Join(filepath.Dir(desk), FileName) }

// Open opens the index. It creates the file if there is none, and again if it is damaged or of a newer version. The
// caller closes the Index, and desk after it.
func Open(ctx context.Context, path string, desk *sqlite.DB, log *slog.Logger) (*Index, error) {
	options := sqlite.Options{Path: path, Migrations: migrations.Search(), Log: log, Disposable: true}
	db, err := sqlite.Open(ctx, options)
	if sqlite.IsDamaged(err) || errors.Is(err, sqlite.ErrNewer) {
		if err = removeFile(path); err == nil {
			db, err = sqlite.Open(ctx, options)
		}
	}
	if err != nil {
		return nil, err
	}
	return &Index{
		db:      db,
		desk:    desk,
		log:     log.With("component", "search"),
		kicked:  make(chan struct{}, 1),
		hurried: make(chan struct{}, 1),
		moved:   make(chan struct{}),
	}, nil
}

func removeFile(path string) error {
	for _, name := range []string{path + "-wal", path + "-shm", path} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove the old search index: %w", err)
		}
	}
	return nil
}

// Close closes the file. Run must have ended.
func (i *Index) Close() error { return i.db.Close() }

// Kick makes Run look for new events of the trail.
func (i *Index) Kick() {
	i.wrote.Store(time.Now().UnixMilli())
	signal(i.kicked)
}

// Hurry ends the pause of Run: a search waits, or masks have changed.
func (i *Index) Hurry() { signal(i.hurried) }

// signal puts a signal into a channel with room for one. A signal that is already there stands for both.
func signal(channel chan<- struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

func (i *Index) setProgress(done progress) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.done = done
	close(i.moved)
	i.moved = make(chan struct{})
}

func (i *Index) progress() (done progress, moved <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.done, i.moved
}

func (i *Index) setUsable(usable bool, masks *redact.Masks) {
	if !usable {
		i.seen.forget() // it may have values that are masked by now
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.usable, i.masks = usable, masks
}

func (i *Index) isUsable() (usable bool, masks *redact.Masks) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.usable, i.masks
}

const (
	// batchEvents and batchBytes bound what is indexed in one transaction, and the memory for it.
	batchEvents = 2000
	batchBytes  = 4 << 20

	// While messages are written, the index takes what has come every busyEvery, in batches with pauses of pauseFactor
	// times as long as each took; while webhooks fail faster than the machine can do everything, one batch. There is no
	// pause if no message was written for quietTime.
	busyEvery   = 5 * time.Second
	pauseFactor = 2
	quietTime   = 200 * time.Millisecond

	// retryAfter is the wait after a fault of either file.
	retryAfter = time.Second

	// searchWait is how long a search waits for messages that were stored just now.
	searchWait = 250 * time.Millisecond
)

// Run indexes messages until ctx ends, the newest first. masks returns the values that no search may find; when they
// change, the index is made again: Hurry makes Run look at once.
func (i *Index) Run(ctx context.Context, masks func() *redact.Masks, gauge *pressure.Gauge) error {
	defer i.setProgress(progress{}) // the next Run may have other masks
	defer i.setUsable(false, nil)
	var applied *redact.Masks
	begun := false
	work := func() (worked bool, remaining int64, err error) {
		if current := masks(); !begun || current != applied {
			i.setUsable(false, nil)
			err := i.begin(ctx, current)
			if applied, begun = current, err == nil; err != nil {
				return false, 0, err
			}
		}
		if worked, remaining, err = i.indexBatch(ctx, applied); worked || err != nil {
			return worked, remaining, err
		}
		return false, 0, i.merge(ctx)
	}
	for ctx.Err() == nil {
		started := time.Now()
		worked, remaining, err := work()
		if err != nil && ctx.Err() == nil {
			i.log.ErrorContext(ctx, "messages cannot be made searchable; trying again", "in", retryAfter, "err", err)
			i.wait(ctx, retryAfter)
			continue
		}
		if worked {
			i.pause(ctx, time.Since(started), remaining, gauge)
			continue
		}
		if i.merging { // what people do comes first
			i.wait(ctx, max(mergePause, pauseFactor*time.Since(started)))
			continue
		}
		select {
		case <-ctx.Done():
		case <-i.kicked:
		case <-i.hurried:
		}
	}
	return nil
}

// pause leaves the processor to the writes of messages. It ends early when those stop, or at Hurry.
func (i *Index) pause(ctx context.Context, work time.Duration, remaining int64, gauge *pressure.Gauge) {
	pause := busyEvery
	if remaining > 0 && !gauge.High() {
		pause = pauseFactor * work
	}
	end := time.Now().Add(pause)
	for {
		left := time.Until(end)
		if !gauge.High() {
			left = min(left, quietTime-time.Since(time.UnixMilli(i.wrote.Load())))
		}
		if left <= 0 || !i.wait(ctx, min(left, quietTime)) {
			return
		}
	}
}

// wait returns false if it ended early, because ctx ended or at Hurry.
func (i *Index) wait(ctx context.Context, d time.Duration) bool {
	end := time.NewTimer(d)
	defer end.Stop()
	select {
	case <-end.C:
		return true
	case <-ctx.Done():
	case <-i.hurried:
	}
	return false
}

const (
	readPosition  = `SELECT seq, link, masks FROM position`
	readGaps      = `SELECT after, upto FROM gaps ORDER BY after`
	linkOfEvent   = `SELECT link FROM audit_events WHERE seq = ?`
	emptyIndex    = `INSERT INTO message_search (message_search) VALUES ('delete-all')`
	resetPosition = `UPDATE position SET seq = 0, link = x'', masks = ?, merged = 0`
	removeGaps    = `DELETE FROM gaps`
)

// begin reads which events are indexed. It empties an index of another audit trail or with other masks.
func (i *Index) begin(ctx context.Context, masks *redact.Masks) error {
	digest := digestOfMasks(masks)
	var done progress
	var link, known, masked []byte
	if err := i.db.QueryRowContext(ctx, readPosition).Scan(&done.newest, &link, &masked); err != nil {
		return fmt.Errorf("read the position of the search index: %w", err)
	}
	err := sqlite.Each(ctx, i.db, func(r sqlite.Row) error {
		var gap events
		err := r.Scan(&gap.after, &gap.upto)
		done.gaps = append(done.gaps, gap)
		return err
	}, readGaps)
	if err != nil {
		return fmt.Errorf("read the gaps of the search index: %w", err)
	}
	err = i.desk.QueryRowContext(ctx, linkOfEvent, done.newest).Scan(&known)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the event at the position of the search index: %w", err)
	}
	if !bytes.Equal(link, known) || !bytes.Equal(masked, digest) {
		if err := i.reset(ctx, digest); err != nil {
			return fmt.Errorf("empty the search index: %w", err)
		}
		done = progress{}
	}
	if err := i.seen.load(ctx, i.db); err != nil {
		return err
	}
	i.setUsable(true, masks)
	i.setProgress(done)
	return nil
}

func (i *Index) reset(ctx context.Context, digest []byte) error {
	i.merging = false
	return i.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		if _, err := tx.ExecContext(ctx, emptyIndex); err != nil {
			return err
		}
		for _, query := range []string{removeGaps, removeFields} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, resetPosition, digest)
		return err
	})
}

// contentVersion stands for what is indexed of a message. A new one makes every index again.
const contentVersion = 5

func digestOfMasks(masks *redact.Masks) []byte {
	sum := sha256.Sum256(fmt.Appendf(masks.Digest(), "%d", contentVersion))
	return sum[:]
}

const (
	movePosition = `UPDATE position SET seq = ?, link = ?`
	addGap       = `INSERT INTO gaps (after, upto) VALUES (?, ?)`
)

// indexBatch indexes the messages of the newest events, and returns how many events remain. worked is false if all are
// indexed.
func (i *Index) indexBatch(
	ctx context.Context, masks *redact.Masks,
) (worked bool, remaining int64, err error) {
	done, _ := i.progress()
	latest, err := i.latestEvent(ctx)
	if err != nil || done.remaining(latest) == 0 {
		return false, 0, err
	}
	batch := done.next(latest)
	list, after, err := i.readEntries(ctx, batch, masks)
	if err != nil {
		return false, 0, fmt.Errorf("read messages to index: %w", err)
	}
	isNew := batch.upto > done.newest
	done = done.with(events{after, batch.upto})
	var link []byte
	if err := i.desk.QueryRowContext(ctx, linkOfEvent, done.newest).Scan(&link); err != nil {
		return false, 0, fmt.Errorf("read the last event to index: %w", err)
	}
	err = i.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		for _, e := range list {
			if err := e.write(ctx, tx, isNew && e.isNew); err != nil {
				return err
			}
		}
		if err := i.seen.save(ctx, tx); err != nil {
			return err
		}
		return done.write(ctx, tx, link)
	})
	if err != nil {
		return false, 0, fmt.Errorf("write the search index: %w", err)
	}
	i.seen.saved()
	i.setProgress(done)
	return true, done.remaining(latest), nil
}

const latestEvent = `SELECT coalesce(max(seq), 0) FROM audit_events`

func (i *Index) latestEvent(ctx context.Context) (seq int64, err error) {
	if err := i.desk.QueryRowContext(ctx, latestEvent).Scan(&seq); err != nil {
		return 0, fmt.Errorf("read the latest event: %w", err)
	}
	return seq, nil
}

// awaitLatest waits up to searchWait until the index has all events that are in the trail now.
func (i *Index) awaitLatest(ctx context.Context) error {
	latest, err := i.latestEvent(ctx)
	if err != nil {
		return err
	}
	limit := time.NewTimer(searchWait)
	defer limit.Stop()
	for {
		done, moved := i.progress()
		if done.remaining(latest) == 0 {
			return nil
		}
		i.Hurry() // it may pause, and a write of another process kicks nothing
		select {
		case <-moved:
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Lag returns how many of the latest events of the trail are not in the index yet.
func (i *Index) Lag(ctx context.Context) (int64, error) {
	latest, err := i.latestEvent(ctx)
	done, _ := i.progress()
	return done.remaining(latest), err
}
