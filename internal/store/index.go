package store

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
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/migrations"
)

// index is the file that a search looks through. It is made of the desk's file alone, by following the audit trail:
// an event that tells of a new message, another revision or another reason has the message read and indexed. How far
// it stands is written with what it indexes, so that a crash leaves nothing out; and it can be taken away, and is
// made again.
type index struct {
	path    string
	db      *db
	kicked  chan struct{} // there is something to index
	hurried chan struct{} // somebody waits for it
	wrote   atomic.Int64  // when there was something last, in milliseconds since 1970

	mu    sync.Mutex
	fit   bool          // nothing in it is masked now: until that is known, no search looks into it
	at    int64         // how far in the trail it stands
	moved chan struct{} // closed when it stands further
}

// SearchFile is the name of the search index, which is beside the desk's file.
const SearchFile = "search.db"

func openIndex(ctx context.Context, desk string) (*index, error) {
	path := filepath.Join(filepath.Dir(desk), SearchFile)
	db, err := openDB(ctx, file{path: path, migrations: migrations.Search(), cache: smallCache})
	if code := codeOf(err); code == sqliteCorrupt || code == sqliteNotADB {
		// Nothing is in it that cannot be made again.
		if err = removeFile(path); err == nil {
			db, err = openDB(ctx, file{path: path, migrations: migrations.Search(), cache: smallCache})
		}
	}
	if err != nil {
		return nil, err
	}
	return &index{
		path:    path,
		db:      db,
		kicked:  make(chan struct{}, 1),
		hurried: make(chan struct{}, 1),
		moved:   make(chan struct{}),
	}, nil
}

func removeFile(path string) error {
	for _, name := range []string{path + "-wal", path + "-shm", path} {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("make the search index anew: %w", err)
		}
	}
	return nil
}

// tell puts a word into a channel, where it stays until it is heard.
func tell(of chan<- struct{}) {
	select {
	case of <- struct{}{}:
	default:
	}
}

// kick tells that there is something to index.
func (i *index) kick() {
	i.wrote.Store(time.Now().UnixMilli())
	tell(i.kicked)
}

// reach says how far the index stands.
func (i *index) reach(seq int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.at = seq
	close(i.moved)
	i.moved = make(chan struct{})
}

// trust says whether what is in the index may be found.
func (i *index) trust(fit bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.fit = fit
}

func (i *index) trusted() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fit
}

func (i *index) stands() (seq int64, moved <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.at, i.moved
}

const (
	// indexBatch and indexBytes bound what is indexed in one transaction.
	indexBatch = 500
	indexBytes = 4 << 20

	// indexRest is for how many times as long as it was at work the index rests, and indexHaste where more than
	// indexBehind changes wait for it. Where nothing was written for indexQuiet it does not rest.
	indexRest   = 20
	indexHaste  = 2
	indexBehind = 50_000
	indexQuiet  = 200 * time.Millisecond

	// indexRetry is the wait after a fault of either file.
	indexRetry = time.Second

	// indexWait is how long a search waits for messages that were kept just now.
	indexWait = 250 * time.Millisecond
)

// RunIndex has messages found by what they are, until ctx ends: what was kept meanwhile first. masks are the values
// of each source's bodies that no search finds a message by; where they are others than before, everything is indexed
// anew.
func (s *Store) RunIndex(ctx context.Context, masks map[string][]payload.Path, log *slog.Logger) error {
	defer s.index.reach(0) // nobody knows whether it is what the next one wants
	defer s.index.trust(false)
	work := func() (bool, int64, error) { return true, 0, s.beginIndex(ctx, masks) }
	for ctx.Err() == nil {
		started := time.Now()
		worked, left, err := work()
		if err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "messages cannot be made searchable; trying again", "in", indexRetry, "err", err)
			s.index.wait(ctx, indexRetry)
			continue
		}
		work = func() (bool, int64, error) { return s.indexMore(ctx, masks) }
		if worked {
			s.index.pause(ctx, restAfter(time.Since(started), left))
			continue
		}
		select {
		case <-ctx.Done():
		case <-s.index.kicked:
		case <-s.index.hurried:
		}
	}
	return nil
}

// restAfter answers how long the index rests after work, while messages keep coming and so many changes are left.
func restAfter(work time.Duration, left int64) time.Duration {
	if left > indexBehind {
		return indexHaste * work
	}
	return indexRest * work
}

// pause leaves the machine to those who are in more of a hurry, such as who keeps messages, while there are any, and
// unless somebody waits for the index.
func (i *index) pause(ctx context.Context, d time.Duration) {
	end := time.Now().Add(d)
	for {
		left := min(time.Until(end), indexQuiet-time.Since(time.UnixMilli(i.wrote.Load())))
		if left <= 0 || !i.wait(ctx, left) {
			return
		}
	}
}

// wait answers false where it did not last as long, because ctx ended or somebody waits for the index.
func (i *index) wait(ctx context.Context, d time.Duration) bool {
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
	readIndexed  = `SELECT seq, link, masks FROM indexed`
	linkOfEvent  = `SELECT link FROM audit_events WHERE seq = ?`
	emptyIndex   = `INSERT INTO message_search (message_search) VALUES ('delete-all')`
	beginIndexed = `UPDATE indexed SET seq = 0, link = x'', masks = ?`
)

// beginIndex finds out how far the index stands. One of another trail, or with other masks, is begun anew.
func (s *Store) beginIndex(ctx context.Context, masks map[string][]payload.Path) error {
	digest, err := digestOfMasks(masks)
	if err != nil {
		return err
	}
	var at int64
	var link, known, masked []byte
	if err := s.index.db.read.QueryRowContext(ctx, readIndexed).Scan(&at, &link, &masked); err != nil {
		return fmt.Errorf("read how far the search index stands: %w", err)
	}
	err = s.db.read.QueryRowContext(ctx, linkOfEvent, at).Scan(&known)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read the event at which the search index stands: %w", err)
	}
	if bytes.Equal(link, known) && bytes.Equal(masked, digest) {
		s.index.trust(true)
		s.index.reach(at)
		return nil
	}
	err = s.index.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		if err := tx.exec(ctx, emptyIndex); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, beginIndexed, digest)
		return err
	})
	if err != nil {
		return fmt.Errorf("begin the search index anew: %w", err)
	}
	s.index.trust(true)
	s.index.reach(0)
	return nil
}

// indexVersion is that of what is indexed of a message: another one has everything indexed anew.
const indexVersion = 1

func digestOfMasks(masks map[string][]payload.Path) ([]byte, error) {
	text, err := toJSON(map[string]any{"version": indexVersion, "masks": masks})
	sum := sha256.Sum256([]byte(text))
	return sum[:], err
}

// found is what a message is found by.
type found struct {
	n     int64
	isNew bool
	text  []string
}

const (
	addText   = `INSERT INTO message_search (rowid, text) VALUES (?, ?)`
	dropText  = `DELETE FROM message_search WHERE rowid = ?`
	moveIndex = `UPDATE indexed SET seq = ?, link = ?`
)

// indexMore indexes what the next events of the trail tell of, and answers how many are left. It answers false where
// there were none.
func (s *Store) indexMore(
	ctx context.Context,
	masks map[string][]payload.Path,
) (worked bool, left int64, err error) {
	at, _ := s.index.stands()
	latest, err := s.LatestSequence(ctx)
	if err != nil || latest <= at {
		return false, 0, err
	}
	list, to, err := s.foundBetween(ctx, at, min(at+indexBatch, latest), masks)
	if err != nil {
		return false, 0, fmt.Errorf("read messages that are to be found: %w", err)
	}
	var link []byte
	if err := s.db.often.QueryRowContext(ctx, linkOfEvent, to).Scan(&link); err != nil {
		return false, 0, fmt.Errorf("read the event up to which messages are to be found: %w", err)
	}
	err = s.index.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		for _, one := range list {
			if err := one.write(ctx, tx); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, moveIndex, to, link)
		return err
	})
	if err != nil {
		return false, 0, fmt.Errorf("make messages searchable: %w", err)
	}
	s.index.reach(to)
	return true, latest - to, nil
}

func (f found) write(ctx context.Context, tx *writeTx) error {
	if !f.isNew {
		if _, err := tx.ExecContext(ctx, dropText, f.n); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, addText, f.n, strings.Join(f.text, "\n"))
	return err
}

// tellOfText reads the bodies of a message, the received and the latest, as far as they are searched: once for each
// event that tells of it.
var tellOfText = fmt.Sprintf(
	`SELECT e.seq, e.before IS NULL, l.n, l.source, l.reason, l.id, l.webhook_id, l.event_type, substr(r.body, 1, %d)
	FROM audit_events e CROSS JOIN messages l ON l.id = e.target CROSS JOIN revisions r ON r.message = l.n AND r.number IN (0, l.revision)
	WHERE e.seq > ? AND e.seq <= ? AND e.target_kind = 'message' AND e.action NOT IN ('attempt.started', 'attempt.delivered') AND (
		e.before IS NULL OR e.before ->> 'revision' IS NOT e.after ->> 'revision' OR e.before ->> 'reason' IS NOT e.after ->> 'reason')
	ORDER BY e.seq`,
	payload.MaxSearched+1,
)

// errEnough ends reading early.
var errEnough = errors.New("enough was read")

// foundBetween answers the messages of which events after one place of the trail tell something new, and up to which
// place it read: the other one, unless that is too much at once. A message is answered as it is now, however many
// events tell of it.
func (s *Store) foundBetween(
	ctx context.Context,
	after, to int64,
	masks map[string][]payload.Path,
) ([]*found, int64, error) {
	messages := map[int64]*found{}
	var list []*found
	var last int64 // the event of the row before
	size := 0
	err := each(ctx, s.db.often, func(r row) error {
		var seq, n int64
		var isNew bool
		var source, reason, id, webhook, eventType string
		var body []byte
		if err := r.Scan(&seq, &isNew, &n, &source, &reason, &id, &webhook, &eventType, &body); err != nil {
			return err
		}
		if seq != last && size > indexBytes {
			return errEnough
		}
		f, ok := messages[n]
		if !ok {
			f = &found{n: n, isNew: isNew, text: []string{reason, id, webhook, eventType}}
			messages[n], list = f, append(list, f)
			last = seq
		}
		if ok && seq != last {
			return nil // an event before has told of it
		}
		size += len(body)
		f.text = append(f.text, redact.SearchText(body, masks[source]))
		return nil
	}, tellOfText, after, to)
	if errors.Is(err, errEnough) {
		return list, last, nil
	}
	return list, to, err
}

// awaitIndex waits, for a moment, until what is kept now can be found.
func (s *Store) awaitIndex(ctx context.Context) error {
	latest, err := s.LatestSequence(ctx)
	if err != nil {
		return err
	}
	limit := time.NewTimer(indexWait)
	defer limit.Stop()
	for {
		at, moved := s.index.stands()
		if at >= latest {
			return nil
		}
		tell(s.index.hurried) // it rests, or another process has written to the trail
		select {
		case <-moved:
		case <-limit.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Unsearched answers how many of the latest changes no search finds yet.
func (s *Store) Unsearched(ctx context.Context) (int64, error) {
	latest, err := s.LatestSequence(ctx)
	at, _ := s.index.stands()
	return max(0, latest-at), err
}
